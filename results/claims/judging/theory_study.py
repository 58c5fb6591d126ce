"""The study of the theory under a root, as claims need it: is it there, is it finished, what would finish it."""

from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import Any

from dp_common.errors import BadInput
from results.analysis import theory
from results.claims.judging.claim import Finding, TheoryStudy
from results.claims.judging.sweeps import places_to_run

STUDY = "theory, "


def study_under(root: str | Path) -> TheoryStudy | None:
    """The latest study under a root, or None."""
    try:
        return TheoryStudy(*theory.of_study(theory.read(Path(root) / theory.NAME)))
    except BadInput:
        return None


def title_of(study: TheoryStudy | None) -> str:
    """What the study is of, in words; "" without one."""
    if study is None:
        return ""
    return STUDY + ", ".join(f"{key} = {option_text(value, ', ')}" for key, value in study.options.items())


def option_text(value: Any, joint: str) -> str:
    """An option, a number or a list of them."""
    return joint.join(f"{one:g}" for one in value) if isinstance(value, list) else f"{value:g}"


def command(study: TheoryStudy | None, root: str | Path, waiting: Iterable[Finding]) -> str:
    """``benchmarks.theory`` with the options of the study, and as many repeats as it takes."""
    options = {} if study is None else dict(study.options)
    most = max([0, *(finding.enough for finding in waiting)])
    if most:
        options["repeats"] = max(most, options["repeats"])
    overrides = [f"{key}={option_text(value, ',')}" for key, value in options.items()]
    places = [f"root={quote(place)}" for place in places_to_run(root)]
    return " ".join(["python -m benchmarks.theory", *places, *overrides])


def unfinished(study: TheoryStudy) -> bool:
    """Is the loop, which a study ends with, not complete?"""
    loops = theory.loop_frame(study.lines)
    return not len(loops) or (loops.groupby("pool")["seed"].nunique() < study.options["repeats"]).any()
