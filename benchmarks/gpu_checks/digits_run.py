"""The default recipe from end to end on the device, beside the CPU; interrupted and gone on with."""

from pathlib import Path
from typing import Any

from benchmarks.gpu_checks import Finding, Findings, Place

WORDS = ["strategy=dp", "dp.schedule=even", "scale=200", "train.seen=12800", "readers=2", "deterministic=yes"]
SMALL = ["scale=60", "train.seen=1280", "train.batch=64", "sampler.steps=5", "mixture.components=2", "readers=0"]
PATIENCE = 2  # yields before it is interrupted


def digits(place: Place) -> Findings:
    """Images and accuracy as on the CPU, phases that sum to the wall, and a run that goes on."""
    words = list({word.partition("=")[0]: word for word in [*WORDS, *(SMALL if place.small else [])]}.values())
    expected, first = whole(words, place.folder / "cpu", "cpu")
    found, there = whole(words, place.folder / "device", str(place.device))
    share = share_alike(first, there)
    yield Finding("digits.images", share, "", 0.999, 1, note="values of the initial set within 1 of 255")
    difference = abs(found["accuracy"] - expected["accuracy"])
    yield Finding("digits.accuracy", 100 * difference, "points", None, 3 if not place.small else 10)
    seconds = 3600 * sum(hours for phase, hours in found["gpu_hours"].items() if phase != "total" and hours)
    yield Finding("digits.phases", abs(seconds / found["wall"] - 1), "", None, 0.02, note="of all, beside the wall")
    again = interrupted(words, place.folder / "again", str(place.device))
    yield Finding("digits.goes_on", float(again["attempts"] == 2 and again["scale_reached"]), "", 1, 1)
    same = again["store_digest"] == found["store_digest"]
    yield Finding("digits.goes_on.same", float(same), "", 1, 1, note="guided images, to the bit")


def whole(words: list[str], root: Path, device: str) -> tuple[dict[str, Any], list[Any]]:
    """(summary with ``wall`` seconds, the images of the initial set) of a run."""
    from dp_common.config.resolve import resolve
    from dp_common.lab import runner
    from dp_common.lab.final_set import FinalSet, members_of
    from dp_common.persistence import ledger
    from dp_common.training_data import shards

    resolved = resolve([*words, f"root={root}", f"device={device}"])
    summary = runner.execute(resolved, quiet=True)
    folder = runner.folder_of(resolved)
    records = ledger.read(folder)
    wall = next(record["wall"] for record in records if record["kind"] == "close")
    members = [member for member in members_of(records) if member.round == 0]
    images = [shards.decode(image.data) for image in FinalSet(folder, members, summary["values"]).images()]
    return summary | {"wall": wall}, images


def interrupted(words: list[str], root: Path, device: str) -> dict[str, Any]:
    """The summary of a run that was told to stop after some yields, and went on."""
    from dp_common.config.resolve import resolve
    from dp_common.errors import Interrupted
    from dp_common.lab import runner

    asked = [0]

    def stop() -> bool:
        asked[0] += 1
        return asked[0] > 10 * PATIENCE

    words = [*words, f"root={root}", f"device={device}", "checkpoint_every=0"]
    try:
        runner.execute(resolve(words), quiet=True, stop=stop)
    except Interrupted:
        pass
    return runner.execute(resolve(words), quiet=True)


def share_alike(ours: list[Any], theirs: list[Any]) -> float:
    """Of the values of two lists of images, those that differ by at most one grey level."""
    import numpy as np

    a, b = (np.stack(images).astype(int) for images in (ours, theirs))
    return float((abs(a - b) <= 1).mean())
