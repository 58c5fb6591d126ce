"""Runs that ended with fewer images than their scale: why, and what helps, in a line. Tables count them as short."""

from collections.abc import Iterable, Mapping
from typing import Any


def why_short(summary: Mapping[str, Any]) -> str:
    """One line, or "" for a run that reached its scale."""
    if summary["scale_reached"]:
        return ""
    values: Mapping[str, Any] = summary["values"]
    name = values["strategy"]
    own = name.replace("-", "_")
    if name == "real":
        why = "the task has no more real training images"
    elif values.get(f"{own}.at"):
        why = f"no evaluation fell between {own}.at and the cool-down; a smaller {own}.at or {own}.interval gets there"
    elif values.get(f"{own}.schedule", "patience") == "patience" and f"{own}.patience" in values:
        ways = [f"{own}.{key}=even" for key in ("deadline", "schedule") if f"{own}.{key}" in values]
        ways += ["a longer train.seen", f"a smaller {own}.patience"]
        why = f"no further plateau came in time; {', '.join(ways[:-1])} or {ways[-1]} gets there"
    else:
        why = "the strategy added no more, though lab.room said what was missing"
    counted = "" if name == "real" else "; tables count this run as short, and in no mean"
    return f"{summary['images_kept']:,} of {summary['scale']:,} images: {why}{counted}"


def short_line(summaries: Iterable[Mapping[str, Any]]) -> str:
    """How many of some finished runs ended below their scale, the first of them as an example; "" where none did."""
    summaries = list(summaries)
    short = [
        summary for summary in summaries if not summary["scale_reached"] and summary["values"]["strategy"] != "real"
    ]
    if not short:
        return ""
    count = f"{len(short)} of {len(summaries)} finished runs ended below their scale"
    return f"{count}, such as {short[0]['run_id']}: {why_short(short[0])}"
