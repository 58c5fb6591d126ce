"""the answer: arms against each other over all scales, in the teacher's world and on real images"""

from math import exp, isnan

from results.analysis.arms import rank
from results.analysis.cells import left_to_ablations
from results.analysis.comparisons import CEILING, Comparison
from results.analysis.contrasts import LOG_ERROR, POINTS, POPULATION, Contrast, pooled
from results.tables.captions import conditions, set_named
from results.tables.cell_texts import DASH, FEWEST
from results.tables.in_words import CONTROL, MORE, STATIC, lead_arm, scales_text, shown, verdicts_of, worlds
from results.tables.table import Cell, Table

NAME = "pooled"
POSITION = 5


def tables(comparison: Comparison) -> list[Table]:
    """A row per contrast: errors as a factor and accuracy in points, in each world; [] without a finished pair."""
    sets = worlds(comparison)
    rows = [row for pair in contrasts_of(comparison) if (row := row_of(comparison, *pair, sets))]
    if not rows:
        return []
    words = {POPULATION: "teacher's world"}
    columns = ["contrast", *(f"{words.get(name, name)}: {what}" for name in sets for what in ("errors", "points"))]
    columns += ["scales", "n"]
    scales, same = "", {row[-2].text for row in rows}
    if len(same) == 1:
        (where,) = same
        scales = f" All are {where}." if where.startswith("at ") else f" Mean over {where}."
        columns, rows = [*columns[:-2], "n"], [[*row[:-2], row[-1]] for row in rows]
    real = f" On {set_named(comparison)} intervals are over seeds × images (two-way)."
    population = " Teacher's world: held-out images of its own distribution, intervals over seeds."
    caption = (
        "One arm against another at equal seed, the mean over the scales that both have: ×0.64 errors means that of "
        "100 wrong ones 64 are left (the geometric mean of the ratio); points are those of accuracy; 95 % intervals, "
        f"none below {FEWEST} seeds. fewer, more: decided at 5 %, the worlds of a row corrected together (Holm). On "
        f"these pooled contrasts verdicts rest; single scales explore.{scales}"
        f"{population * (POPULATION in sets)}{real} {conditions(comparison.group)}"
    )
    return [Table("All scales together", caption, columns, rows, "l" * (len(columns) - 1) + "r")]


def contrasts_of(comparison: Comparison) -> list[tuple[str, str]]:
    """(arm, baseline) of each row: the lead arm against static and its control first, then the others, all of them main
    arms or controls.
    """
    arms = sorted((comparison.drawn_arms | {CONTROL}) & set(comparison.arms) - {STATIC, CEILING}, key=rank)
    ablations = left_to_ablations(comparison)
    pairs = [(arm, STATIC) for arm in arms if STATIC in comparison.arms and arm not in ablations]
    pairs += [("dp", other) for other in (CONTROL, "prune") if {"dp", other} <= set(comparison.arms)]
    first = [(lead_arm(comparison), STATIC), ("dp", CONTROL), (CONTROL, STATIC)]
    return sorted(pairs, key=lambda pair: first.index(pair) if pair in first else len(first))


def row_of(comparison: Comparison, arm: str, baseline: str, sets: tuple[str, ...]) -> list[Cell]:
    """One contrast; [] where no pair is finished."""
    found = {name: pooled(comparison, arm, baseline, name, LOG_ERROR) for name in sets}
    known = {name: one for name, one in found.items() if one}
    if not known:
        return []
    verdicts = dict(zip(known, verdicts_of(list(known.values()))))
    cells = [Cell(f"`{arm}` − `{baseline}`")]
    for name in sets:
        points = pooled(comparison, arm, baseline, name, POINTS)
        cells += [factor_cell(known[name], verdicts[name]), points_cell(points)] if name in known else [DASH, DASH]
    first = next(iter(known.values()))
    scales = scales_text(first).removeprefix("over ")
    return [*cells, Cell(scales), Cell(str(first.estimate.n), first.estimate.n)]


def factor_cell(contrast: Contrast, verdict: str) -> Cell:
    """``×0.64 [0.60, 0.68] fewer``; its numbers are factors."""
    interval = shown(contrast)
    mean, low, high = exp(-interval.mean), exp(-interval.high), exp(-interval.low)
    bounds = "" if isnan(low) else f" [{low:.2f}, {high:.2f}]"
    return Cell(f"×{mean:.2f}{bounds} {MORE.get(verdict, '')}".strip(), mean, low, high, interval.n)


def points_cell(contrast: Contrast | None) -> Cell:
    """``+1.25 [+0.98, +1.52]``."""
    if contrast is None:
        return DASH
    interval = shown(contrast)
    mean, low, high = (100 * value for value in interval[1:])
    bounds = "" if isnan(low) else f" [{low:+.2f}, {high:+.2f}]"
    return Cell(f"{mean:+.2f}{bounds}", mean, low, high, interval.n)
