"""What a claim is made of: findings, each an effect with its verdict, and how they add up.

A claim has one or more halves ("in the teacher's world", "on test"), a half one or more findings, pooled over scales.
The claim is confirmed where every finding is, refuted where any is, and undecided otherwise. What is shown beside a
half, a single scale or the other world, is a finding that is not judged.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, isnan
from typing import Any

from dp_common.config.specification import short
from results.analysis.power import Design, detectable, power
from results.analysis.stats import Interval
from results.analysis.theory import Record
from results.claims.judging.arm_selection import ArmSelection

VERDICTS = ("confirmed", "refuted", "undecided", "not run")
SHOWN = ""  # the verdict of a finding that is shown and not judged

Arm = tuple[str, dict[str, Any]]  # a strategy, and its parameters that are not as by default


@dataclass(frozen=True)
class Unit:
    """What an effect is told in: ``factor`` of it are one, ``form`` is how its numbers are formatted."""

    name: str
    factor: float
    form: str


POINTS = Unit("points", 100, "+.2f")
LOG_ERROR = Unit("log error", 1, "+.3f")


@dataclass(frozen=True)
class Finding:
    """One effect.

    Attributes:
        half: the half of the claim it belongs to.
        scale: images in the final set; None for all scales together.
        scales: those that were pooled.
        verdict: one of VERDICTS, or SHOWN.
        effect: in words.
        why: what bars a verdict, in words.
        interval: of the effect, in ``unit``.
        level: of the interval, in percent.
        unit: of the interval.
        enough: replicates that complete what is there; 0 where that is not the question.
        design: how it was judged and what its spread is made of, None where that is not known; of a study that would
            decide it.
        effect_size: the effect, in the design's unit.
        command: what would decide it where that is no sweep.
        lacking: keys that runs need for it, with their values.
        barred: no runs of this comparison say anything of it, so that none are asked for.
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
    design: Design | None = None
    effect_size: float = 0.0
    scales: tuple[int, ...] = ()
    command: str = ""
    lacking: Mapping[str, Any] = field(default_factory=dict)
    barred: bool = False

    @property
    def at(self) -> str:
        """Where, in words: `` at 2k``."""
        return "" if self.scale is None else f" at {short(self.scale)}"

    def with_scales(self, scales: Iterable[Any]) -> "Finding":
        """The same, over these scales."""
        return replace(self, scales=tuple(sorted(int(scale) for scale in scales)))

    @property
    def power(self) -> float | None:
        """The chance that as many replicates decide such an effect; None where that is not known."""
        return power(self.design, self.effect_size, self.interval.n) if self.design and self.interval else None

    @property
    def detectable(self) -> float | None:
        """The smallest effect that as many replicates find in four studies of five; in the interval's unit."""
        if not self.design or not self.interval:
            return None
        return detectable(self.design, self.interval.n) * (100 if self.unit == POINTS.name else 1)


@dataclass(frozen=True)
class TheoryStudy:
    """The latest study of ``benchmarks.theory`` under a root: its options, and the lines of its ledger."""

    options: Record
    lines: list[Record]


@dataclass(frozen=True)
class Claim:
    """A claim, how it is judged, and what to run for it.

    Attributes:
        id: such as C1; verdicts are listed in its order.
        claim: what is said, a line.
        rule: what confirms and refutes it, in words.
        halves: {what must be found, all of it: the arms that it compares, none where it is about the theory}.
        paper: gives what the paper printed, in words.
        judge: the findings on one comparison; None: it is not about runs.
        judge_theory: the findings on a study of the theory; None: it is not about that.
        keys: keys that a sweep for it has besides, such as probe=hardness.
        fewest: scales of such a sweep.
        ablation: one scale is enough for it.
        only: {key: value} of the comparisons that it is about, such as a task; all without. A sweep has them too.
    """

    id: str
    claim: str
    rule: str
    halves: Mapping[str, tuple[Arm, ...]]
    paper: Callable[[], str]
    judge: Callable[[ArmSelection], list[Finding]] | None = None
    judge_theory: Callable[[TheoryStudy], list[Finding]] | None = None
    keys: Mapping[str, Any] = field(default_factory=dict)
    fewest: int = 1
    ablation: bool = False
    only: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """A claim as it stands on the ledgers at hand.

    Attributes:
        id, claim, rule, paper: of the claim.
        ours: the effects found, in words.
        verdict: one of VERDICTS.
        why: what the verdict rests on.
        sweep: the command that would decide it, or "".
        where: the comparison it is of, or the study of the theory.
        findings: what was found.
        halves: of the claim, in order.
    """

    id: str
    claim: str
    rule: str
    paper: str
    ours: str
    verdict: str
    why: str
    sweep: str
    where: str = ""
    findings: tuple[Finding, ...] = ()
    halves: tuple[str, ...] = ()


def verdict_of(findings: Iterable[Finding], halves: Iterable[str]) -> str:
    """The claim's verdict by its findings: a conjunction over everything judged; a half without findings leaves it
    undecided.
    """
    judged = [finding for finding in findings if finding.verdict not in (SHOWN, "not run")]
    if not judged:
        return "not run"
    if any(finding.verdict == "refuted" for finding in judged):
        return "refuted"
    complete = {finding.half for finding in judged} >= set(halves)
    return "confirmed" if complete and all(finding.verdict == "confirmed" for finding in judged) else "undecided"


def effects_of(findings: Sequence[Finding], halves: Iterable[str]) -> list[str]:
    """The effects that were judged, a line per half; then those of all scales together that are shown beside them."""
    lines = []
    for half in halves:
        of_half = [f"{one.effect}{one.at}" for one in findings if one.half == half and one.verdict and one.effect]
        lines += [f"{half}: " + "; ".join(of_half)] if of_half else []
    beside = [one for one in findings if one.verdict == SHOWN and one.scale is None and one.effect]
    return lines + [f"{one.half}: {one.effect} (beside it)" for one in beside]


def why_of(findings: Sequence[Finding], halves: Iterable[str]) -> str:
    """What the verdict rests on, half by half."""
    parts = []
    for half in halves:
        of_half = [finding for finding in findings if finding.half == half and finding.verdict]
        counts = [text for verdict in VERDICTS if (text := why_verdict(of_half, verdict))]
        parts.append(f"{half}: {', '.join(counts) or 'not run'}")
    return "; ".join(parts)


def why_verdict(findings: Sequence[Finding], verdict: str) -> str:
    """``undecided at 1k (runs are missing)``, its power where that is known, the scale where all of it rests on
    one; "" where no finding has the verdict.
    """
    chosen = [finding for finding in findings if finding.verdict == verdict]
    if not chosen:
        return ""
    reasons = [finding.why for finding in chosen if finding.why]
    reasons += [power_text(finding) for finding in chosen if verdict == "undecided" and finding.power is not None]
    scales = {scale for finding in chosen for scale in finding.scales}
    at = f" at {short(scales.pop())}" if len(scales) == 1 and all(finding.scales for finding in chosen) else ""
    return f"{verdict}{at}" + (f" ({'; '.join(dict.fromkeys(reasons))})" if reasons else "")


def power_text(finding: Finding) -> str:
    """``power 34 % at n=5 for an effect as found; seen in four studies of five: ±0.31``."""
    assert finding.interval is not None and finding.power is not None and finding.detectable is not None
    text = f"power {100 * finding.power:.0f} % at n={finding.interval.n} for an effect as found"
    if finding.design and finding.design.margin:
        return text
    return f"{text}; four studies of five see ±{finding.detectable:.2g} {finding.unit}"


def effect_text(interval: Interval, unit: Unit = POINTS, level: int = 95) -> str:
    """``+0.62 points [-0.14, +1.39] n=5``, of a log error ``+0.45 log error (×0.64 errors) [...] n=8``;

    the interval's level is told where it is not 95 %.
    """
    text = f"{unit.factor * interval.mean:{unit.form}} {unit.name}"
    text += f" (×{exp(-interval.mean):.2f} errors)" if unit == LOG_ERROR else ""
    if not isnan(interval.low):
        text += f" [{unit.factor * interval.low:{unit.form}}, {unit.factor * interval.high:{unit.form}}]"
        text += f" ({level} %)" if level != 95 else ""
    return f"{text} n={interval.n}"


def scaled(interval: Interval, factor: float) -> Interval:
    """The interval in a unit of which ``factor`` are one."""
    return Interval(interval.n, *(factor * value for value in interval[1:]))
