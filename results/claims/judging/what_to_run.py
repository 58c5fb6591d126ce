"""What would decide a claim that is open: the runs that are missing, or fresh seeds, as many as its rule needs.

How many is simulated: the rule in force, at the components of variance and the effect that were observed, for all that
the claim consists of together, with probability GOAL. Seeds that were looked at are not added to: fresh ones are judged
by themselves, or there are planned looks. What would fall short is not recommended.
"""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from dp_common.config.specification import Runtime
from dp_common.progress import amount_text
from results.analysis.effects import LOOKS
from results.analysis.power import GOAL, Design, is_hopeless, seeds_needed
from results.analysis.repricing import kind_of
from results.claims.judging import theory_study
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Arm, Claim, Finding, TheoryStudy
from results.claims.judging.rules import FEWEST
from results.claims.judging.sweeps import USUAL_SCALES, command, fresh_seeds, places_to_run, spans

MOST = 64  # seeds, beyond which nobody is sent
START = 16  # seeds of what was not run: find a difference of 0.75 standard deviations with probability GOAL


class Plan(NamedTuple):
    """The command that would decide a claim, "" without one, and what is to be said of it, "" where nothing is."""

    command: str
    text: str


def what_to_run(
    claim: Claim,
    selection: ArmSelection | None,
    findings: Sequence[Finding],
    theory: TheoryStudy | None,
    root: str | Path,
) -> Plan:
    """What would decide an open claim."""
    judged = [finding for finding in findings if finding.verdict]
    of_half = {half: [finding for finding in judged if finding.half == half] for half in claim.halves}
    still = [half for half, found in of_half.items() if not found or any(one.verdict != "confirmed" for one in found)]
    own = [finding.command for finding in judged if finding.command and finding.verdict != "confirmed"]
    if own:
        return Plan(" && ".join(dict.fromkeys(own)), "")
    if claim.judge is None:
        return Plan(theory_study.command(theory, root, judged), "")
    absent = [half for half in still if not of_half[half] or any(is_absent(one) for one in of_half[half])]
    if absent:
        return complete(claim, selection, absent, [finding for half in absent for finding in of_half[half]])
    assert selection is not None
    return decide(claim, selection, judged, root)


def is_absent(finding: Finding) -> bool:
    """Does a finding wait for runs, rather than for more of them?"""
    if finding.verdict == "not run" or finding.enough:
        return True
    return finding.verdict == "undecided" and finding.interval is not None and finding.interval.n < FEWEST


def complete(claim: Claim, selection: ArmSelection | None, halves: Sequence[str], findings: Sequence[Finding]) -> Plan:
    """The runs that are not there, with the seeds of those that are."""
    arms = list(dict.fromkeys((arm[0], tuple(arm[1].items())) for half in halves for arm in claim.halves[half]))
    named: list[Arm] = [(strategy, dict(changes)) for strategy, changes in arms]
    have = len(selection.replicates) if selection else 0
    planned = [finding.enough for finding in findings if finding.enough]
    n = max(planned) if planned and len(planned) == len(findings) else max(START, have)
    keys = {**claim.only, **claim.keys}
    for finding in findings:
        keys |= finding.lacking
    scales = {scale for finding in findings for scale in finding.scales} or scales_for(claim, selection, named)
    return Plan(command(selection, named, sorted(scales), n, keys), "")


def decide(claim: Claim, selection: ArmSelection, judged: Sequence[Finding], root: str | Path) -> Plan:
    """Fresh seeds, or the next planned look; no command where no affordable number decides."""
    designs = tuple((one.design, one.effect_size) for one in judged if one.design is not None)
    if not designs or any(one.design is None and one.verdict == "undecided" for one in judged):
        return Plan("", "")
    n = next_look(designs, judged) if selection.looks else seeds_needed(designs, most=MOST)
    if n is None:
        if is_hopeless(designs):
            return Plan("", f"no number of seeds decides an effect as found with probability {100 * GOAL:.0f} %")
        most = max(LOOKS) if selection.looks else MOST
        return Plan(
            "", f"to decide an effect as found with probability {100 * GOAL:.0f} % takes more than {most} seeds"
        )
    arms = list({repr(arm): arm for compared in claim.halves.values() for arm in compared}.values())
    scales = sorted({scale for one in judged for scale in one.scales} or scales_for(claim, selection, arms))
    hours = selection.hours(arms, scales)
    kind = kind_of(selection.comparison.device or "cpu")
    price = "" if hours is None else f", {amount_text(n * hours)} {kind}"
    seeds = "seeds in all, at a planned look" if selection.looks else "fresh seeds"
    text = f"to decide an effect as found with probability {100 * GOAL:.0f} % takes {n} {seeds}{price}"
    sweep = command(selection, arms, scales, n, {**claim.only, **claim.keys}, fresh=not selection.looks)
    return Plan(f"{sweep} && {judging(selection, n, root)}" if sweep else "", text)


def next_look(designs: tuple[tuple[Design, float], ...], judged: Sequence[Finding]) -> int | None:
    """The next planned look that decides with probability GOAL; None where the last does not."""
    have = max(one.interval.n for one in judged if one.interval)
    for look, p in sorted(LOOKS.items()):
        at_look = tuple((design._replace(alpha=p), effect) for design, effect in designs)
        needed = seeds_needed(at_look, most=look)
        if look > have and needed is not None:
            return look
    return None


def judging(selection: ArmSelection, n: int, root: str | Path) -> str:
    """The command that judges these seeds: fresh ones by themselves, where they were run; at a look those of before
    too.
    """
    fresh = places_to_run(selection.root)
    words = [f"root={quote(place)}" for place in fresh]
    if selection.looks and not fresh:
        words = [f"root={quote(place)}" for place in dict.fromkeys([str(root), Runtime.root])]
    words += ["looks=planned"] if selection.looks else [f"seeds={','.join(spans(fresh_seeds(selection, n)))}"]
    words += [f"scales={','.join(map(str, selection.scales))}"] if selection.scales else []
    words += [f"prices={selection.prices.name.removesuffix('.csv')}"] if selection.prices else []
    return " ".join(["python -m benchmarks.claims", *words])


def scales_for(claim: Claim, selection: ArmSelection | None, arms: Sequence[Arm]) -> set[int]:
    """The scales of a sweep: those at which one of the arms was run; of an ablation the middle one, where none is
    shared.
    """
    run_at: list[set[int]] = []
    every: set[int] = set()
    if selection:
        run_at = [set(map(int, selection.arm(strategy, **changes)["scale"])) for strategy, changes in arms]
        every = set(map(int, selection.runs["scale"]))
    known = sorted(set().union(*run_at) or every or USUAL_SCALES)
    if claim.ablation:
        shared = set.intersection(*run_at) if run_at else set()
        return shared or {known[(len(known) - 1) // 2]}
    while len(known) < claim.fewest:
        known.append(2 * known[-1])
    return set(known)
