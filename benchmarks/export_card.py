"""The card of an exported set, its README.md: what it is, how it was made, by which licence, and how to verify it."""

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dp_common.config import registry
from dp_common.errors import BadInput

UNKNOWN = "not known; what holds for the data it was fitted to may hold for its images"
HUB = {"MIT": "mit", "CreativeML Open RAIL-M": "creativeml-openrail-m", "CreativeML Open RAIL++-M": "openrail++"}


def licence_of(summary: Mapping[str, Any], places: Mapping[str, Any]) -> str:
    """What the teacher says of the licence of its weights; "" where it says nothing, or is no longer there."""
    try:
        plugin = registry.find("teacher", summary["teacher"])
        cls = plugin.load()
    except BadInput:
        return ""
    said = {**summary["values"], **places}
    prefix, own = f"{plugin.section}.", getattr(cls, "__dataclass_fields__", {})
    return cls(**{name: said[prefix + name] for name in own if prefix + name in said}).licence


def card(
    summary: Mapping[str, Any],
    opened: Mapping[str, Any],
    to: str,
    classes: Sequence[str],
    counts: Counter[tuple[int, bool]],
    how_to_read: str,
) -> str:
    """Markdown.

    Args:
        summary: of the run.
        opened: the last ``open`` line of its ledger.
        to: the format.
        classes: names of the labels.
        counts: images by (label, is it real).
        how_to_read: a line of Python.
    """
    licence = licence_of(summary, opened["places"])
    words = [word for word in opened["words"] if word.partition("=")[0] != "root"]
    generated, real = (sum(n for (_, kind), n in counts.items() if kind is flag) for flag in (False, True))
    rows = [
        f"| {label} | {cell_text(name)} | {counts[label, False]} | {counts[label, True]} |"
        for label, name in enumerate(classes)
    ]
    commit = summary["git"]["commit"] or "unknown (no checkout)"
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items() if version)
    return "\n".join(
        [
            "---",
            f"license: {HUB.get(licence, 'unknown' if not licence else 'other')}",
            "task_categories: [image-classification]",
            "---",
            "",
            f"# The final training set of `{summary['run_id']}`",
            "",
            f"{generated + real:,} images of {len(classes)} classes for task `{summary['task']}`: {generated:,} made "
            f"by teacher `{summary['teacher']}`, {real:,} real. Format {to}; the image files are those that the "
            "learner was trained on, byte for byte (real images, which a run does not store, as PNG).",
            "",
            f"    {how_to_read}",
            "",
            "## How it was made",
            "",
            f"    python -m benchmarks.run {shlex.join(words)}",
            "",
            f"- run `{summary['run_id']}`, strategy `{summary['strategy']}`, seed {summary['seed']}",
            f"- teacher `{summary['teacher']}`, fingerprint `{summary['fingerprints']['teacher_fingerprint']}`; "
            f"licence of its weights: {licence or UNKNOWN}",
            f"- commit {commit}; {versions}",
            f"- a learner trained on it got {100 * summary['accuracy']:.2f} % of the task's test images right",
            "",
            "## Digest",
            "",
            f"`{summary['store_digest']}`, `store_digest` of the run's summary. It was computed again from the images "
            "written here, and is the same. " + digest_text(summary["values"]["train.order"]),
            "",
            "## Columns",
            "",
            "`label` and `class_name`: what the image was made for. `index`: number of a generated image, row of the "
            "task's training split of a real one; `source` says which. `round`: additions before it. `omega`: "
            "guidance weight. `score_at_birth`: the learner's score of it when it was added, where there is one.",
            "",
            "## Images by class",
            "",
            "| label | class | generated | real |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def cell_text(name: str) -> str:
    """A name as one cell of a table: nothing in it is markup."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    return re.sub(r"([\\`*_{}\[\]<>|#$~&])", r"\\\1", line)


def digest_text(order: str) -> str:
    """How anybody computes the digest."""
    if order == "uniform":
        return (
            "It is the first 32 hexadecimal digits of the SHA-256 of all pixels (uint8, channels first), then all "
            "labels, then all indices (int64, little-endian), each in the order of the set, which is that of this "
            "export's rows (parquet, webdataset, metadata.csv)."
        )
    return (
        "It is the first 32 hexadecimal digits of the SHA-256 of the rows of real images (int64, little-endian), then, "
        "as a decimal number, of the sum modulo 2^128 of the BLAKE2b (16 bytes, little-endian) of `INDEX LABEL ` and "
        "the image file, over all generated images."
    )
