"""What a claim is made of: findings, each an effect with its verdict, and how they add up.

A claim has one or more halves ("dp above static", "the gap grows"), a half one or more findings (a scale each, or all scales
together). The claim is confirmed where every finding is, refuted where any is, and undecided otherwise.
"""

from dataclasses import dataclass, field
from math import isnan

from dp_common.config.specification import short
from results.analysis.stats import Interval

VERDICTS = ("confirmed", "refuted", "undecided", "not run")
POINTS = ("points", 100, "+.2f")  # unit, its number in one, format


@dataclass(frozen=True)
class Finding:
    """One effect. ``scale``: images in the final set, None for all scales together. ``level`` of the interval, in percent. ``verdict`` "" is
    shown and not judged. ``enough``: replicates that would decide it if they scatter as these do, 0 where that is not the question.
    ``command``: what would decide it where that is no sweep; ``words``: keys that runs lack for it.
    """

    half: str
    scale: int | None
    verdict: str
    effect: str = ""
    why: str = ""
    interval: Interval | None = None
    level: int = 95
    unit: str = "points"
    enough: int = 0
    command: str = ""
    words: dict = field(default_factory=dict)

    @property
    def at(self):
        return "" if self.scale is None else f" at {short(self.scale)}"


@dataclass(frozen=True)
class Claim:
    """A claim as it stands on the ledgers at hand. ``where``: the comparison it is of. ``sweep``: the command that would decide it, or ""."""

    id: str
    claim: str
    rule: str
    paper: str
    ours: str
    verdict: str
    why: str
    sweep: str
    where: str = ""
    findings: tuple = ()


@dataclass(frozen=True)
class Question:
    """How a claim is asked. ``halves``: {what must be found, all of it: (strategy, {parameter: value}) of the arms that it compares};
    ``judge(comparison) -> [Finding]``; ``paper() -> str``. A sweep for it has ``words`` besides, and ``fewest`` scales; one for an
    ``ablation`` has one.
    """

    id: str
    claim: str
    rule: str
    halves: dict
    paper: object
    judge: object
    words: dict = field(default_factory=dict)
    fewest: int = 1
    ablation: bool = False


def verdict_of(findings, halves):
    """The claim's verdict by its findings: a conjunction over everything judged; a half without findings leaves it undecided."""
    judged = [finding for finding in findings if finding.verdict not in ("", "not run")]
    if not judged:
        return "not run"
    if any(finding.verdict == "refuted" for finding in judged):
        return "refuted"
    complete = {finding.half for finding in judged} >= set(halves)
    return "confirmed" if complete and all(finding.verdict == "confirmed" for finding in judged) else "undecided"


def ours_of(findings, halves):
    """The effects, a line per half: the only one, or the lowest and the highest over its scales, and the first that waits for runs."""
    lines = []
    for half in halves:
        mine = [finding for finding in findings if finding.half == half and finding.verdict and finding.effect]
        ordered = sorted((finding for finding in mine if finding.interval), key=lambda finding: finding.interval.mean)
        told = ordered[:1] + ordered[1:][-1:] + [finding for finding in mine if not finding.interval][:1]
        if told:
            lines.append(f"{half}: " + " … ".join(f"{finding.effect}{finding.at}" for finding in told))
    return lines


def why_of(findings, halves):
    """What the verdict rests on, half by half."""
    words = []
    for half in halves:
        mine = [finding for finding in findings if finding.half == half and finding.verdict]
        if not mine:
            words.append(f"{half}: not run")
            continue
        counts = []
        for verdict in VERDICTS:
            places = [finding for finding in mine if finding.verdict == verdict]
            if places:
                at = ", ".join(dict.fromkeys(short(finding.scale) for finding in places if finding.scale is not None))
                reasons = "; ".join(dict.fromkeys(finding.why for finding in places if finding.why))
                counts.append(verdict + (f" at {at}" if at else "") + (f" ({reasons})" if reasons else ""))
        words.append(f"{half}: {', '.join(counts)}")
    return "; ".join(words)


def effect_text(interval, unit=POINTS, level=95):
    """``+0.62 points [-0.14, +1.39] n=5``; the interval's level is told where it is not 95 %."""
    name, factor, form = unit
    bounds = "" if isnan(interval.low) else f" [{factor * interval.low:{form}}, {factor * interval.high:{form}}]"
    told = f" ({level} %)" if bounds and level != 95 else ""
    return f"{factor * interval.mean:{form}} {name}{bounds}{told} n={interval.n}"


def scaled(interval, factor):
    return Interval(interval.n, *(factor * value for value in interval[1:]))
