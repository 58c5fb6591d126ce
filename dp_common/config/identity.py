"""Identity: ``run_id``, which says whether two runs would give the same numbers.

Hashed is what differs from the defaults that were frozen with the recipe version, in
``frozen/recipe_<version>.yaml``. So a new key whose default means "as before" changes no run id, and a default that
is changed later changes the id of every run that relied on it. **Whoever adds a key writes its neutral default into
the table** (a test says so); until then the class's own default counts as neutral. Keys of plugins from elsewhere
have no table: all are hashed, beside the digest of the plugin's source.

Not hashed, because they change no number: where data and weights are (their fingerprints are hashed), and
``Runtime``: root, device, checkpoints, leases, readers, images per shard. What is chosen for memory and yet rounds
differently stays hashed: ``sampler.block``, ``train.micro``, ``train.compile``, ``threads``, a teacher's ``dtype``.
``evaluate`` and ``probe`` change what is measured of a run.
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from dp_common.config.specification import RECIPE, canonical, short

FROZEN = Path(__file__).parent / "frozen"


@lru_cache
def frozen_defaults(recipe: int = RECIPE) -> Mapping[str, Any]:
    """{key: default} as they were when this recipe was frozen, of the specification and of built-in plugins."""
    return yaml.safe_load((FROZEN / f"recipe_{recipe}.yaml").read_text())


def identity(values: Mapping[str, Any], defaults: Mapping[str, Any], foreign: Iterable[str] = ()) -> dict[str, Any]:
    """What of a resolved specification is hashed.

    Args:
        values: {key: value} of all of it, places left out.
        defaults: {key: default} of the classes as they are now; they count for keys that the table does not have.
        foreign: sections of plugins that are not this package's own.

    Returns:
        The keys whose value is not the frozen default.
    """
    table, sections = frozen_defaults(), set(foreign)
    neutral = {key: value for key, value in (dict(defaults) | dict(table)).items() if section_of(key) not in sections}
    return {
        key: value
        for key, value in neutral_form(values).items()
        if key not in neutral or canonical({"": value}) != canonical({"": neutral[key]})
    }


def section_of(key: str) -> str:
    """dp of dp.omega; "" of a key without one."""
    return key.rpartition(".")[0].partition(".")[0]


def neutral_form(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values that are written differently and mean the same, as one: parts that are the whole batch are no parts."""
    found = dict(values)
    if found.get("train.micro") == found.get("train.batch", -1):
        found["train.micro"] = 0
    return found


def run_id(values: Mapping[str, Any], hashed: Mapping[str, Any]) -> str:
    """``<task>-<strategy>-<scale>-s<seed>-<hash>``.

    Args:
        values: the resolved specification; its task, strategy, scale and seed make the name.
        hashed: what the hash is of: ``identity`` and the fingerprints.
    """
    digest = hashlib.sha256(canonical(hashed)).hexdigest()[:10]
    return f"{values['task']}-{values['strategy']}-{short(values['scale'])}-s{values['seed']}-{digest}"
