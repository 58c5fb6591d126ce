"""Runs of one specification that were made with other code, data or weights.

A run's id hashes its specification and the fingerprints of code, data and weights behind it. Whoever edits a plugin
and runs it again has both runs under one root; they are the same replicate of the same arm and must not both count.
"""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from dp_common.errors import BadInput
from dp_common.files import digest

CODES = ("newest", "all")
FAMILY = ("task", "teacher", "learner")  # beside the arm: what code and data belong to
NAMES = {"data_fingerprint": "data", "teacher_fingerprint": "weights"}  # of fingerprints; all others are code


def choose_code(frame: pd.DataFrame, code: str = "newest") -> tuple[pd.DataFrame, list[str]]:
    """Runs of one specification once, the newest; or all of them, an older version as an arm of its own.

    Args:
        frame: runs with their ``arm``.
        code: ``newest`` leaves older ones out; ``all`` adds ``code=<digest>`` to the arm of each run that is not of
            the newest version.

    Returns:
        The frame, and a sentence for each arm with several versions.
    """
    if code not in CODES:
        raise BadInput("code", code, f"one of {', '.join(CODES)}")
    texts = [
        json.dumps([values, weights], sort_keys=True) for values, weights in zip(frame["values"], frame["weights"])
    ]
    same = pd.Series(texts, index=frame.index, dtype=object)
    twins = same[frame["arm"].notna() & same.duplicated(keep=False)]
    if not len(twins):
        return frame, []
    order = frame["begun"].astype(float)
    older = [
        index for _, group in twins.groupby(twins) for index in order[group.index].sort_values(kind="stable").index[:-1]
    ]
    notes, labels, kin = [], frame["arm"].to_dict(), families(frame)
    for arm, rows in frame.loc[twins.index].groupby("arm"):
        found = {family: keys_of(mine, same) for family, mine in rows.groupby(kin[rows.index])}
        kinds = {NAMES.get(key, "code") for keys in found.values() for key in keys}
        what = " and ".join(sorted(kinds)) or "code"
        left = [index for index in rows.index if index in older]
        shown = ", ".join(frame.loc[left[:3], "run_id"]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
        if code == "newest":
            notes.append(
                f"`{arm}` was run with several versions of its {what}; left out, being older: {shown}. code=all shows "
                "both."
            )
            continue
        for family, keys in found.items():
            mine = frame[(frame["arm"] == arm) & (kin == family)]
            versions = {index: version(prints, keys) for index, prints in mine["fingerprints"].items()}
            newest = versions[order[mine.index].sort_values(kind="stable").index[-1]]
            for index, known in versions.items():
                if known != newest or (not keys and index in older):
                    labels[index] = f"{arm} code={known[:8]}"
        notes.append(
            f"`{arm}` was run with several versions of its {what}; those that are older stand apart, with code= in "
            "their name."
        )
    return (frame.drop(index=older) if code == "newest" else frame.assign(arm=pd.Series(labels, dtype=object))), notes


def families(frame: pd.DataFrame) -> pd.Series:
    """A text per run that is equal where an arm is the same method: its code and data are versions of each other there,
    not where the same strategy is run with another task, teacher or learner.
    """
    texts = [json.dumps([values.get(key) for key in FAMILY]) for values in frame["values"]]
    return pd.Series(texts, index=frame.index, dtype=object)


def keys_of(rows: pd.DataFrame, same: pd.Series) -> list[str]:
    """The fingerprints in which runs of one specification differ. ``same``: a text per specification."""
    return sorted(
        {key for _, twins in rows.groupby(same[rows.index]) for key in differing(list(twins["fingerprints"]))}
    )


def differing(fingerprints: list[Mapping[str, Any]]) -> list[str]:
    """The keys in which fingerprints differ."""
    known = [prints if isinstance(prints, dict) else {} for prints in fingerprints]
    return sorted(key for key in set().union(*known) if len({str(prints.get(key)) for prints in known}) > 1)


def version(fingerprints: Mapping[str, Any], keys: list[str]) -> str:
    """A digest of some fingerprints of a run."""
    return digest(json.dumps([str((fingerprints or {}).get(key)) for key in keys]).encode())
