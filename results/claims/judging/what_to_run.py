"""What would decide a claim that is open: the runs that are missing, of arms, scales and replicates."""

from collections.abc import Sequence
from pathlib import Path

from results.claims.judging import theory_study
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Arm, Claim, Finding, TheoryStudy
from results.claims.judging.pairs import FEW
from results.claims.judging.sweeps import USUAL_SCALES, command


def what_to_run(
    claim: Claim,
    selection: ArmSelection | None,
    findings: Sequence[Finding],
    theory: TheoryStudy | None,
    root: str | Path,
) -> tuple[str, int]:
    """The command that would decide a claim.

    Returns:
        The command, "" without one, and the replicates it takes by the spread at hand, 0 where there is none to go by.
    """
    commands: list[str] = []
    arms: list[Arm] = []
    scales: set[int] = set()
    open_findings: list[Finding] = []
    for half, compared in claim.halves.items():
        of_half = [finding for finding in findings if finding.half == half and finding.verdict]
        waiting = [finding for finding in of_half if finding.verdict != "confirmed"]
        if of_half and not waiting:
            continue
        if not compared:
            commands.append(theory_study.command(theory, root, waiting))
            continue
        own = [finding.command for finding in waiting if finding.command]
        commands += own
        if own:
            continue
        arms += [arm for arm in compared if arm not in arms]
        scales |= scales_for(claim, selection, compared, waiting)
        open_findings += waiting
    most = max([0, *(finding.enough for finding in open_findings)])
    if arms:
        keys = dict(claim.keys)
        for finding in open_findings:
            keys |= finding.lacking
        commands.append(command(selection, arms, sorted(scales), most or FEW, keys))
    spread = any(finding.interval and finding.interval.n > 1 for finding in open_findings)
    have = len(selection.replicates) if selection else 0
    return " && ".join(filter(None, dict.fromkeys(commands))), most if spread and most > have else 0


def scales_for(
    claim: Claim, selection: ArmSelection | None, arms: Sequence[Arm], waiting: Sequence[Finding]
) -> set[int]:
    """The scales of a sweep: those that are undecided; else those at which one of the arms was run, of an ablation the
    middle one.
    """
    undecided = {finding.scale for finding in waiting if finding.scale is not None}
    if undecided:
        return undecided
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
