"""Claims: the paper's (C) and open questions (D), each confirmed, refuted, undecided at this n, or not run, by the
ledgers at hand.

One module is one claim, found by its folder; its docstring says what it claims and how it is judged::

    CLAIM = Claim("C11", "dp above prune", "Confirmed: ...", {HALF: (("dp", {}), ("prune", {}))}, lambda: "not printed",
    judge)

    def judge(selection: ArmSelection) -> list[Finding]:
        return better(HALF, selection.arm("dp"), selection.arm("prune"), selection)

What claims are made of is in ``judging``. Every comparison under a root has its own verdicts; where a claim was
measured in one of them, those that have nothing on it are left out. These are version 2 of the claims
(docs/definitions.md); verdicts by version 1 stand in the measured results of their time.
"""

import re
import sys
from collections.abc import Collection
from pathlib import Path

from dp_common.errors import BadInput
from dp_common.persistence import ledger
from results.analysis.repricing import Prices
from results.analysis.study import Study, load
from results.claims.judging import theory_study
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding, Judgement, TheoryStudy, effects_of, verdict_of, why_of
from results.claims.judging.presentation import effects as effects
from results.claims.judging.presentation import table as table
from results.claims.judging.what_to_run import what_to_run
from results.discovery import modules_in
from results.reading.archived import archives_under

__all__ = ["Claim", "Finding", "Judgement", "all_claims", "effects", "evaluate", "table"]


def all_claims() -> list[Claim]:
    """The claims, by id: C2 before C10. Raises BadInput where a file has none, or one of another's id."""
    found: list[Claim] = []
    for module in modules_in(sys.modules[__name__]):
        claim = getattr(module, "CLAIM", None)
        if not isinstance(claim, Claim) or not claim.id or claim.id in {other.id for other in found}:
            wanted = "needs a CLAIM = Claim(id, ...) with an id that no other claim has"
            raise BadInput("claim", module.__name__, wanted)
        found.append(claim)
    return sorted(found, key=lambda claim: [(len(part), part) for part in re.split(r"(\d+)", claim.id)])


def evaluate(
    root: str | Path,
    prices: Prices | None = None,
    only: Collection[str] = (),
    study: Study | None = None,
    scales: Collection[int] = (),
    looks: bool = False,
) -> list[Judgement]:
    """Judge the claims by the runs, and by the theory's ledger, under a root.

    Args:
        root: the folder.
        prices: unit costs, see ``results.analysis.repricing.load``; on the mixture teacher hours count only re-priced.
        only: ids of claims; all without.
        study: the runs to look at; all under the root without.
        scales: those that were named beforehand, over which effects are pooled; without, those that the most
            replicates have.
        looks: was the study looked at as planned, at n = 8, 16 and 24?

    Returns:
        In the order of ids; a claim comes once per comparison that has something on it.

    Raises:
        BadInput: there are neither runs nor a study of the theory.
        Damaged: see ``results.analysis.study.load``.
    """
    theory = theory_study.study_under(root)
    if study is None and (theory is None or holds_runs(Path(root))):
        study = load(root)
    comparisons = study.comparisons if study else ()
    named = tuple(sorted(scales))
    roots = study.roots if study else ()
    selections = [ArmSelection(one, root, prices, named, looks, comparisons, roots) for one in comparisons]
    claims = [claim for claim in all_claims() if claim.id in only or not only]
    return [judgement for claim in claims for judgement in judged(claim, selections, theory, root)]


def holds_runs(root: Path) -> bool:
    """Is there a ledger of a run, or an archive of some, at any depth?"""
    return any(root.rglob(ledger.NAME)) or bool(archives_under(root))


def judged(
    claim: Claim, selections: list[ArmSelection], theory: TheoryStudy | None, root: str | Path
) -> list[Judgement]:
    """One claim: of every comparison that has something on it, else one that was not run."""
    by_theory = claim.judge_theory(theory) if theory and claim.judge_theory else []
    if claim.judge is None:
        return [judgement_of(claim, None, by_theory, theory, root)]
    selections = [one for one in selections if is_about(claim, one)]
    by_runs = [(selection, claim.judge(selection)) for selection in selections]
    telling = [
        (selection, findings)
        for selection, findings in by_runs
        if any(finding.verdict != "not run" for finding in findings)
    ]
    homes = sorted(by_runs, key=lambda pair: pair[0].comparison.is_variant)  # what is missing is asked of the main one
    pairs: list[tuple[ArmSelection | None, list[Finding]]] = [*(telling or homes[:1])]
    return [
        judgement_of(claim, selection, [*by_theory, *findings], theory, root)
        for selection, findings in pairs or [(None, [])]
    ]


def is_about(claim: Claim, selection: ArmSelection) -> bool:
    """Is a claim about such comparisons?"""
    return all(selection.group.core.get(key) == value for key, value in claim.only.items())


def judgement_of(
    claim: Claim,
    selection: ArmSelection | None,
    findings: list[Finding],
    theory: TheoryStudy | None,
    root: str | Path,
) -> Judgement:
    """What the findings add up to, and what would decide it where they decide nothing."""
    halves = tuple(claim.halves)
    verdict, why, sweep = verdict_of(findings, halves), why_of(findings, halves), ""
    if verdict in ("undecided", "not run"):
        sweep, needed = what_to_run(claim, selection, findings, theory, root)
        why += f"; {needed}" if needed else ""
    where = theory_study.title_of(theory) if claim.judge is None else ""
    return Judgement(
        claim.id,
        claim.claim,
        claim.rule,
        claim.paper(),
        "; ".join(effects_of(findings, halves)),
        verdict,
        why,
        sweep,
        selection.group.title if selection else where,
        tuple(findings),
        halves,
    )
