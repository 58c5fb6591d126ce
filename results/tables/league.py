"""the league: a row a method, its gain on static in both worlds, its cost, real images consulted; ranks and ties"""

from collections.abc import Sequence
from math import isnan

from results.analysis.arms import rank
from results.analysis.comparisons import Comparison
from results.analysis.contrasts import POPULATION
from results.analysis.disturbance import is_disturbed
from results.analysis.effects import FEW
from results.analysis.league import League, Standing, league
from results.analysis.repricing import kind_of, marking
from results.tables.captions import TOUCHED, conditions, set_named, total_of_phases, unit_of
from results.tables.cell_texts import DASH, count_cell, hours_cell
from results.tables.league_words import CLASSES, capital, listed, rank_text, scales_named, sentences
from results.tables.pooled import factor_cell
from results.tables.table import Cell, Table

NAME = "league"
POSITION = 7
TITLE = "The league of methods"
WORDS = {POPULATION: "teacher's world"}
ITSELF = Cell("×1", 1.0)  # static against itself


def tables(comparison: Comparison) -> list[Table]:
    """One table; [] where the comparison has too few methods."""
    found = league(comparison)
    if found is None:
        return []
    unit, factor = unit_of(max([one.hours for one in found.methods if not isnan(one.hours)], default=float("nan")))
    priced = found.comparison.device is not None and not is_disturbed(found.comparison)
    factor = factor if priced else 0
    scales = len({one.scales for one in found.methods}) > 1
    names = [WORDS.get(world, world) for world in found.worlds]
    columns = ["method", "real images", *(f"{name}: {what}" for name in names for what in ("rank", "errors"))]
    price = kind_of(str(found.comparison.device)).replace("hours", unit) if priced else unit
    columns += [price, "generated", "kept", "n", *(["scales"] if scales else [])]
    rows, parts = [reference_row(found, found.static, factor, scales)], [(0, "for reference")]
    if found.ceiling:
        rows.append(reference_row(found, found.ceiling, factor, scales))
    for information, methods in found.standings.items():
        parts.append((len(rows), f"I{information}: {CLASSES[information]}"))
        rows += [row_of(found, one, factor, scales) for one in methods]
    align = "lr" + "rl" * len(names) + "rrrr" + "l" * scales
    return [Table(TITLE, caption_of(found, unit, priced), columns, rows, align, notes_of(found, priced), tuple(parts))]


def row_of(found: League, one: Standing, factor: float, scales: bool) -> list[Cell]:
    """A method's row; ``factor``: the hour's, 0 where hours say nothing."""
    cells = [Cell(f"`{one.arm}`"), count_cell(one.consulted)]
    for world in found.worlds:
        if world in one.contrasts:
            cells += [Cell(rank_text(one, world)), factor_cell(one.contrasts[world], one.verdicts[world])]
        else:
            cells += [DASH, DASH]
    return [*cells, *costs_of(one, factor), Cell(str(one.n), one.n), *([scales_cell(one.scales)] if scales else [])]


def reference_row(found: League, one: Standing, factor: float, scales: bool) -> list[Cell]:
    """That of static, or of the real images; they have no rank."""
    cells = [Cell(f"`{one.arm}`"), count_cell(one.consulted)]
    for world in found.worlds:
        contrast = one.contrasts.get(world)
        itself = ITSELF if one is found.static else DASH
        cells += [DASH, factor_cell(contrast, "undecided") if contrast else itself]
    n = Cell(str(one.n), one.n) if one.contrasts else DASH
    return [*cells, *costs_of(one, factor), n, *([scales_cell(found.scales)] if scales else [])]


def costs_of(one: Standing, factor: float) -> list[Cell]:
    """Hours, images generated and kept."""
    hours = hours_cell(one.hours, factor) if factor else DASH
    return [hours, count_cell(one.generated), count_cell(one.kept)]


def scales_cell(scales: Sequence[int]) -> Cell:
    """``1k, 4k``."""
    return Cell(scales_named(scales).removeprefix("over ").removeprefix("at "))


def caption_of(found: League, unit: str, priced: bool) -> str:
    """What the numbers are."""
    device = str(found.comparison.device)
    hours = kind_of(device).replace("hours", unit) if priced else "hours"
    cost = f"{capital(hours)}: {total_of_phases(found.comparison.exclude)}. {marking(device)}" if priced else ""
    one_scale = "" if len({one.scales for one in found.methods}) > 1 else f" All are {scales_named(found.scales)}."
    return (
        "Errors of each method as a factor on those of `static` at equal seed, mean over scales (×0.72: of 100 wrong "
        f"ones 72 are left), 95 % intervals, none below {FEW} seeds; fewer, more: decided at 5 %, all rows and worlds "
        "corrected together (Holm). Ranks are within a class of what was seen of the real world; = is shared: a "
        "method has the rank of the best that its own paired contrast does not tell it apart from (Holm over the "
        f"class). Sorted by errors on {set_named(found.comparison)}; the best of many is partly the luckiest. Images "
        f"and {hours} are of one run, mean over the runs that are pooled; real images: those of the teacher's that a "
        f"run consulted.{one_scale} {cost}{conditions(found.comparison.group)}"
    )


def notes_of(found: League, priced: bool) -> tuple[str, ...]:
    """The finding; then what is missing, and what is pooled over fewer scales."""
    notes = sentences(found.comparison)
    few = [f"`{one.arm}` (n = {one.n})" for one in found.methods if one.n < FEW]
    notes += [f"Fewer than {FEW} seeds, neither interval nor rank: {', '.join(few)}."] if few else []
    if any(one.scales != found.scales for one in found.methods):
        notes.append(
            f"Pooled {scales_named(found.scales)} where both the method and `static` were run there, else over those "
            "scales of these that they share: see the last column. Contrasts between two methods are over the scales "
            "that both have."
        )
    if priced:
        notes += unpriced(found)
    return (*notes, *([] if priced else [f"Hours are left out: of several devices, or {TOUCHED}"]))


def unpriced(found: League) -> list[str]:
    """Which methods have no re-priced hours, and why; [] where all have some."""
    done = found.comparison.done
    if "repriced_why" not in done:
        return []
    of_methods = done[done["arm"].isin([one.arm for one in [*found.methods, found.static]])].dropna(
        subset=["repriced_why"]
    )
    return [
        f"Hours unknown, not guessed, of {listed(sorted(set(rows['arm']), key=rank))}: {why}."
        for why, rows in of_methods.groupby("repriced_why")
    ]
