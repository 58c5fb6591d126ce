"""how many times the images and hours static takes for the errors of an arm"""

from collections.abc import Sequence
from math import inf

from dp_common.config.specification import short
from results.analysis.arms import rank
from results.analysis.cells import left_to_ablations
from results.analysis.comparisons import BASELINES, CEILING, Comparison
from results.analysis.disturbance import is_disturbed
from results.analysis.equal_error import EqualError, at_equal_error, hours_factor
from results.analysis.repricing import kind_of
from results.tables.captions import conditions, set_named
from results.tables.cell_texts import DASH
from results.tables.in_words import set_text, worlds
from results.tables.table import Cell, Table

NAME = "equal"
POSITION = 65
STATIC = BASELINES[0]
NEVER = "more than: static makes more errors at all of its scales, decided at 5 %; they reach so far."
OPEN = "…, at least, at most: the interval has no end on that side within the scales that static was run at."


def tables(comparison: Comparison) -> list[Table]:
    """A row per arm and scale below the largest of static; [] where static has not two scales in common with an arm."""
    ablations = left_to_ablations(comparison)
    arms = sorted(comparison.main_arms - {STATIC, CEILING} - set(ablations), key=rank)
    sets = worlds(comparison)
    rows = [
        row for arm in arms for scale in scales_of(comparison, arm) if (row := row_of(comparison, arm, scale, sets))
    ]
    if not rows:
        return []
    names = {name: "teacher's world" if name == "population" else name for name in sets}
    what = ["images", "hours"] if has_hours(comparison) else ["images"]
    columns = ["arm", "scale", *(f"{name}: {one}" for name in names.values() for one in what), "n"]
    hours = f", and in {kind_of(str(comparison.device))}" if has_hours(comparison) else ""
    caption = (
        f"How many times the images `static` takes for the errors of an arm at a scale{hours}, on "
        f"{set_named(comparison)} and in the teacher's world. Its log error is read between its scales, linear in the "
        "logarithm of the images; "
        "in brackets the numbers at which the two are not told apart at equal seed (5 %), by the spread of seeds, on "
        f"real images of seeds × images. Single scales explore. {conditions(comparison.group)}"
    )
    said = " ".join(cell.text for row in rows for cell in row)
    notes = tuple(
        dict.fromkeys(
            note
            for word, note in (("more than", NEVER), ("…", OPEN), ("at least", OPEN), ("at most", OPEN))
            if word in said
        )
    )
    return [Table("Images for equal errors", caption, columns, rows, "lr" + "l" * (len(columns) - 3) + "r", notes)]


def scales_of(comparison: Comparison, arm: str) -> list[int]:
    """The scales of the finished runs of an arm."""
    return sorted(int(scale) for scale in comparison.done[comparison.done["arm"] == arm]["scale"].unique())


def has_hours(comparison: Comparison) -> bool:
    """Do hours say anything of the arms?"""
    return comparison.device is not None and not is_disturbed(comparison)


def row_of(comparison: Comparison, arm: str, scale: int, sets: Sequence[str]) -> list[Cell]:
    """One arm at one scale; [] where nothing can be read."""
    found = {name: read(comparison, arm, scale, name) for name in sets}
    if not any(found.values()):
        return []
    cells = [Cell(f"`{arm}`"), Cell(short(scale), scale)]
    for one in found.values():
        hours = hours_factor(comparison, arm, STATIC, one) if one and has_hours(comparison) else None
        cells.append(factor_cell(one.factor, one.low, one.high, one.least, one.most) if one else DASH)
        if has_hours(comparison):
            cells.append(factor_cell(*hours) if hours else DASH)
    n = max(one.n for one in found.values() if one)
    return [*cells, Cell(str(n), n=n)]


def read(comparison: Comparison, arm: str, scale: int, eval_set: str) -> EqualError | None:
    """What ``static`` takes for the errors of an arm; None where it was run at no larger scale, of which to say more
    than that one makes fewer errors.
    """
    found = at_equal_error(comparison, arm, STATIC, eval_set, scale)
    return found if found and found.most > 1 else None


def factor_cell(factor: float, low: float, high: float, least: float = 0.0, most: float = inf) -> Cell:
    """``×1.8 [1.4, 2.2]``; ``more than ×16``, where nothing that was run does as well."""
    return Cell(factor_text(factor, low, high, least, most), factor, low, high)


def factor_text(factor: float, low: float, high: float, least: float = 0.0, most: float = inf) -> str:
    """A factor in words and numbers; ``least`` and ``most`` are the ends of what was run."""
    if low >= most * (1 - 1e-9) and most < inf:
        return f"more than ×{most:.3g}"
    if high <= least * (1 + 1e-9) and least > 0:
        return f"less than ×{least:.3g}"
    if factor in (0.0, inf):
        return f"at least ×{number(low)}" if low else f"at most ×{number(high)}" if high < inf else "—"
    return f"×{number(factor)} [{number(low) if low else '…'}, {number(high) if high < inf else '…'}]"


def number(factor: float) -> str:
    """Two digits, all of those before the point."""
    return f"{factor:.0f}" if factor >= 10 else f"{factor:.1f}" if factor >= 0.995 else f"{factor:.2f}"


def sentences(comparison: Comparison, arm: str) -> list[str]:
    """What is said first of the images that ``static`` takes for the errors of an arm, a sentence per world."""
    told = []
    for name in reversed(worlds(comparison)):
        found = [read(comparison, arm, scale, name) for scale in scales_of(comparison, arm)]
        parts = [text for one in found if one and (text := part(one))]
        if parts:
            where = set_text(name, comparison)
            what = f"Images that `{STATIC}` takes for the errors of `{arm}` {where}, as a factor on `{arm}`'s"
            told.append(f"{what}: {', '.join(parts)}.")
    return told


def part(one: EqualError) -> str:
    """``×1.8 [1.4, 2.2] at 1k``; "" where its interval is open on both sides."""
    text = factor_text(one.factor, one.low, one.high, one.least, one.most)
    return "" if text == "—" or (not one.low and one.high == inf) else f"{text} at {short(one.scale)}"
