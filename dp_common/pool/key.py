"""Which pool a run's plain images are in: all that decides their bits, and what it costs to make them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dp_common import files
from dp_common.config.specification import Images, canonical
from dp_common.persistence.provenance import cpu_model, installed

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved

KEYS = ("task", "teacher", "seed", "threads", "data.split", "data.limit")
SECTIONS = ("sampler", "images")
FINGERPRINTS = ("recipe_version", "data_fingerprint", "teacher_fingerprint", "task_source", "teacher_source")
LOSSLESS = {"images.format": "png", "images.quality": Images.quality}
PACKAGES = ("torch", "diffusers", "numpy", "pillow")  # other versions may round, or write files, otherwise


def values_of(resolved: "Resolved") -> dict[str, Any]:
    """What of a run's specification decides its plain images: not scale, strategy, learner or training.

    Where candidates are kept, which are scored as they were sampled, nothing is lost to a format.
    """
    sections = (*SECTIONS, resolved.plugins["task"].section, resolved.plugins["teacher"].section)
    found = {key: value for key, value in resolved.values.items() if key in KEYS or key.partition(".")[0] in sections}
    kept = LOSSLESS if resolved.runtime.pool_candidates == "keep" else {}
    return (found | kept) | {key: resolved.fingerprints[key] for key in FINGERPRINTS if key in resolved.fingerprints}


def made_with(device: str, drivers: Mapping[str, str | None]) -> dict[str, Any]:
    """What else decides bits, and the price: the kind of device and the versions of what computes.

    Args:
        device: its label (``dp_common.device.label``).
        drivers: what drives it (``dp_common.device.versions``).
    """
    model = {"cpu": cpu_model()} if device == "cpu" else {}
    versions = {package: installed(package) for package in PACKAGES}
    return {"device": device, **model, "versions": versions | dict(drivers)}


def key_of(about: Mapping[str, Any]) -> str:
    """The name of the pool of such images: 16 hex digits."""
    return files.digest(canonical(about))[:16]
