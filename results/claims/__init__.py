"""Claims C1 to C10: each confirmed, refuted, undecided at this n, or not run, by the ledgers at hand. See the modules for the rules.

Every comparison under a root has its own verdicts. Where a claim was measured in one of them, those that have nothing on it are left out.
"""

from pathlib import Path

import pandas as pd

from dp_common.persistence import ledger
from results.analysis.comparisons import groups
from results.claims import simulation
from results.claims.additions import C5, C6
from results.claims.arm_selection import comparison as comparison_of
from results.claims.claim import VERDICTS, Claim, ours_of, verdict_of, why_of
from results.claims.equivalence import C2, C7
from results.claims.gains import C1
from results.claims.hours import C4
from results.claims.interior import C3
from results.claims.pairs import FEW, MOST
from results.claims.shift import C8
from results.claims.simulation import C9, C10
from results.claims.sweeps import USUAL_SCALES, command
from results.reading.runs import load
from results.tables.table import Table

QUESTIONS = (C1, C2, C3, C4, C5, C6, C7, C8, C9, C10)
HALVES = {question.id: question.halves for question in QUESTIONS}


def evaluate(root, prices=None, only=(), frame=None):
    """[Claim] of the runs and of the theory's ledger under ``root``, in the order of their ids.

    ``prices``: of ``results.analysis.repricing.load``; ``only``: these ids; ``frame``: the runs to look at, all by default. Raises as ``results.reading.runs.load`` does, BadInput where there are neither
    runs nor a study of the theory.
    """
    study = simulation.study(root)
    if frame is None and (study is None or any(Path(root).rglob(ledger.NAME))):
        frame = load(root)
    runs = [] if frame is None else groups(frame)
    comparisons = [comparison_of(group, rows, root, prices) for group, rows in runs]
    return [
        claim
        for question in QUESTIONS
        if question.id in only or not only
        for claim in asked(question, comparisons, study, root)
    ]


def asked(question, comparisons, study, root):
    """[Claim] of one question: of every comparison that has something on it, else one that was not run."""
    toy = simulation.toy(*study) if study and question is C10 else []
    if question is C9:
        return [answer(question, None, simulation.agreement(*study) if study else [], study, root)]
    found = [(one, question.judge(one)) for one in comparisons]
    told = [(one, findings) for one, findings in found if any(finding.verdict != "not run" for finding in findings)]
    if not told:
        told = found[:1] or [(None, [])]
    return [answer(question, one, [*toy, *findings], study, root) for one, findings in told]


def answer(question, comparison, findings, study, root):
    verdict, why = verdict_of(findings, question.halves), why_of(findings, question.halves)
    sweep, seeds = (
        decide(question, comparison, findings, study, root) if verdict in ("undecided", "not run") else ("", 0)
    )
    if seeds:
        why += f"; at this spread {'more than ' if seeds >= MOST else ''}{seeds} seeds"
    where = comparison.group.title if comparison else simulation.named(study) if question is C9 else ""
    ours = "; ".join(ours_of(findings, question.halves))
    return Claim(
        question.id, question.claim, question.rule, question.paper(), ours, verdict, why, sweep, where, tuple(findings)
    )


def decide(question, comparison, findings, study, root):
    """(command, replicates it takes by the spread at hand, 0 where there is none to go by)."""
    lines, most, spread, arms, scales, words = [], 0, False, [], set(), dict(question.words)
    for half, compared in question.halves.items():
        mine = [finding for finding in findings if finding.half == half and finding.verdict]
        waiting = [finding for finding in mine if finding.verdict != "confirmed"]
        if mine and not waiting:
            continue
        if not compared:
            lines.append(simulation.command(study, root, waiting))
            continue
        lines += [finding.command for finding in waiting if finding.command]
        if any(finding.command for finding in waiting):
            continue
        arms += [arm for arm in compared if arm not in arms]
        scales |= scales_of(question, comparison, compared, waiting)
        most = max([most, *(finding.enough for finding in waiting)])
        spread |= any(finding.interval and finding.interval.n > 1 for finding in waiting)
        for finding in waiting:
            words |= finding.words
    if arms:
        lines.append(command(comparison, arms, sorted(scales), most or FEW, words))
    have = len(comparison.replicates) if comparison else 0
    return " && ".join(filter(None, dict.fromkeys(lines))), most if spread and most > have else 0


def scales_of(question, comparison, arms, waiting):
    """The scales of a sweep: those that are undecided; else those at which one of the arms was run, of an ablation the middle one."""
    scales = {finding.scale for finding in waiting if finding.scale is not None}
    if scales:
        return scales
    there = [set(comparison.arm(strategy, **changes)["scale"]) for strategy, changes in arms] if comparison else []
    known = sorted(set().union(*there) or (set(comparison.rows["scale"]) if comparison else ()) or USUAL_SCALES)
    if question.ablation:
        both = sorted(set.intersection(*there)) if there else []
        return set(both) or {int(known[(len(known) - 1) // 2])}
    while len(known) < question.fewest:
        known.append(2 * known[-1])
    return set(map(int, known))


def table(claims):
    """The claims as a Table: paper's effect beside ours and the verdict; rules, reasons and commands in the notes."""
    places = list(
        dict.fromkeys(one.where for one in claims if one.where and not one.where.startswith(simulation.STUDY))
    )
    several = len(places) > 1
    rows, notes = [], []
    for one in claims:
        number = str(places.index(one.where) + 1) if one.where in places else "—"
        first, *more = ours_of(one.findings, HALVES[one.id]) or ["—"]
        rows.append([one.id, *([number] if several else []), one.claim, one.paper, first, one.verdict])
        rows += [["", *([""] if several else []), "", "", line, ""] for line in more]
        name = f"{one.id}{f', comparison {number}' if several and one.where in places else ''}: {one.verdict}"
        notes.append(f"{name}. {one.why}." + (f" To decide it: `{one.sweep}`." if one.sweep else ""))
    rules = [f"{one.id}: {one.rule}" for one in {one.id: one for one in claims}.values()]
    numbered = [f"Comparison{f' {number}' if several else ''}: {place}." for number, place in enumerate(places, 1)]
    counts = [f"{sum(one.verdict == verdict for one in claims)} {verdict}" for verdict in VERDICTS]
    caption = (
        f"Verdicts: {', '.join(counts)}. Effects with their 95 % intervals and n pairs of equal seed and scale; where an effect has several "
        "scales, its lowest and highest. The paper's numbers are of ImageNet and take no part in any statistic."
    )
    columns = ["id", *(["in"] if several else []), "claim", "paper", "ours", "verdict"]
    return Table("Claims", caption, columns, rows, "l" * len(columns), tuple([*notes, *rules, *numbered]))


def effects(claims):
    """A row per finding, for the CSV: the claim, its verdict and sweep, and the effect's numbers in their unit; one row where there is none."""
    rows = []
    for one in claims:
        head = {
            "id": one.id,
            "claim": one.claim,
            "comparison": one.where,
            "claim_verdict": one.verdict,
            "paper": one.paper,
        }
        for finding in one.findings or (None,):
            numbers = finding.interval._asdict() if finding and finding.interval else {}
            row = (
                {
                    "half": finding.half,
                    "scale": finding.scale,
                    **numbers,
                    "level_percent": finding.level if numbers else None,
                    "unit": finding.unit,
                    "verdict": finding.verdict or "shown",
                    "effect": finding.effect,
                    "why": finding.why,
                }
                if finding
                else {}
            )
            rows.append(head | row | {"sweep": one.sweep})
    names = [
        "id",
        "claim",
        "comparison",
        "claim_verdict",
        "paper",
        "half",
        "scale",
        "n",
        "mean",
        "low",
        "high",
        "level_percent",
        "unit",
        "verdict",
        "effect",
        "why",
        "sweep",
    ]
    return pd.DataFrame(rows, columns=names).astype({"scale": "Int64", "n": "Int64", "level_percent": "Int64"})
