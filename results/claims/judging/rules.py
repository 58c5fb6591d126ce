"""The rules of claims on two arms: is one better, are they equal, is a number per seed above zero.

All of them pool over scales first: the mean over scales per seed. In the teacher's world the interval is over seeds, on
real images over seeds × images. While a planned run is unfinished an effect reads —(2/5) and decides nothing.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from results.analysis.contrasts import LOG_ERROR, POINTS, POPULATION, Contrast, PairedRuns, contrast
from results.analysis.effects import ALPHA, LOOKS, MARGIN, Components, judged, nominal_p, tost
from results.analysis.power import Design
from results.analysis.stats import Estimate, over_seeds
from results.claims.judging import claim
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import SHOWN, Finding, Unit, effect_text, scaled

DECIDED = {"above": "confirmed", "below": "refuted"}
UNITS = {LOG_ERROR: claim.LOG_ERROR, POINTS: claim.POINTS}
FEWEST = 4  # replicates, below which nothing is decided
NOT_MEASURED = "not measured on {}: these runs are of before it was"
BESIDE = {POPULATION: "test", "test": POPULATION}  # the other world, which is shown
NAMES = {POPULATION: "in the teacher's world", "test": "on test"}


def better(
    half: str,
    a: pd.DataFrame,
    b: pd.DataFrame,
    selection: ArmSelection,
    world: str = POPULATION,
    beside: bool = True,
) -> list[Finding]:
    """Does arm a make fewer errors than b, pooled over scales?

    Returns:
        The finding that is judged: confirmed where its log error ratio is above zero, refuted where below; beside it,
        shown, points, single scales, and the other world if ``beside``. [] where the arms have no pair, begun or
        planned.
    """
    return compared(half, a, b, selection, world, 0.0, beside)


def same(
    half: str, a: pd.DataFrame, b: pd.DataFrame, selection: ArmSelection, world: str = POPULATION
) -> list[Finding]:
    """Do two arms make equally many errors, within ±MARGIN of log error (two one-sided tests)? As ``better``."""
    return compared(half, a, b, selection, world, MARGIN)


def compared(
    half: str,
    a: pd.DataFrame,
    b: pd.DataFrame,
    selection: ArmSelection,
    world: str,
    margin: float,
    beside: bool = True,
) -> list[Finding]:
    """The findings of ``better`` (margin 0) and ``same``."""
    pool = PairedRuns(a, b, selection.scales)
    early = not_yet(half, pool, world)
    if early is not None:
        return early
    found = contrast(pool, world)
    assert found is not None
    other = (BESIDE[world],) if beside else ()
    return [of_contrast(half, found, selection, margin), *shown(half, a, b, pool, (world, *other))]


def not_yet(half: str, pool: PairedRuns, *worlds: str) -> list[Finding] | None:
    """What is to be said of pairs that cannot be judged: [] of none, else a finding that says why; None where they
    can.
    """
    if not pool:
        return []
    if pool.waiting:
        return [waiting(half, pool)]
    missing = [world for world in worlds if not pool.measured(world)]
    return [Finding(half, None, "not run", "", NOT_MEASURED.format(missing[0]))] if missing else None


def waiting(half: str, pool: PairedRuns) -> Finding:
    """The finding on pairs of which planned runs are unfinished."""
    return unfinished(half, pool.waiting, len(pool.replicates), pool.scales)


def unfinished(half: str, effect: str, replicates: int, scales: Iterable[int]) -> Finding:
    """The finding that waits for so many replicates at these scales."""
    place = tuple(map(int, scales))
    return Finding(half, None, "undecided", effect, "runs are missing", enough=replicates, scales=place)


def of_contrast(half: str, found: Contrast, selection: ArmSelection, margin: float = 0.0) -> Finding:
    """The finding on a contrast, pooled over its scales."""
    design = Design(found.parts, 0 if found.table is None else found.table.shape[1])
    of_unit = UNITS[found.measure]
    finding = by_estimate(half, found.estimate, of_unit, selection.looks, margin, design)
    why = f"{found.unread} pairs without per-image correctness" if found.unread else finding.why
    return replace(finding, why=why).with_scales(found.scales)


def by_estimate(
    half: str,
    estimate: Estimate,
    unit: Unit,
    looks: bool = False,
    margin: float = 0.0,
    design: Design | None = None,
) -> Finding:
    """The finding on an estimate: above zero confirms and below refutes; with a margin, inside confirms and outside
    refutes.

    Args:
        half: of the claim.
        estimate: pooled over scales.
        unit: of it.
        looks: was the study looked at as planned, so that each look has its own p?
        margin: of equivalence; 0: above or below.
        design: what its spread is made of, for its power; its seeds' alone if None.
    """
    alpha, level = nominal_p(estimate.n) if looks else ALPHA, 90 if margin else 95
    design = design or Design(Components(estimate.n * estimate.se**2, 0.0, 0.0))
    design = design._replace(margin=margin, alpha=alpha or min(LOOKS.values()))
    word = "undecided"
    if estimate.n >= FEWEST and alpha:
        found = tost(estimate, margin, alpha) if margin else judged(estimate, alpha)
        word = (
            {"equal": "confirmed", "undecided": "undecided"}.get(found, "refuted")
            if margin
            else DECIDED.get(found, word)
        )
    interval = estimate.interval(level / 100)
    known = estimate.n > 1 and not np.isnan(estimate.se)
    return Finding(
        half,
        None,
        word,
        effect_text(interval, unit, level),
        "" if word != "undecided" else reason(estimate, alpha),
        scaled(interval, unit.factor),
        level,
        unit.name,
        design=design if known else None,
        effect_size=estimate.mean,
    )


def reason(estimate: Estimate, alpha: float) -> str:
    """Why an estimate decides nothing, but for its interval; "" where that is too wide."""
    if estimate.n < FEWEST:
        return f"fewer than {FEWEST} pairs decide nothing"
    return "" if alpha else "before the first planned look"


def of_values(half: str, pool: PairedRuns, values: np.ndarray, unit: Unit, selection: ArmSelection) -> Finding:
    """The finding on one number per replicate [n], all scales together: above zero confirms, below refutes."""
    return by_estimate(half, over_seeds(values), unit, selection.looks).with_scales(pool.scales)


def shown(half: str, a: pd.DataFrame, b: pd.DataFrame, pool: PairedRuns, worlds: tuple[str, ...]) -> list[Finding]:
    """What stands beside a contrast judged in the first of some worlds: points, the other world, single scales."""
    names = {world: f"{half}, {NAMES[world]}" if number else half for number, world in enumerate(worlds)}
    found = []
    for world, measure in product(worlds, (LOG_ERROR, POINTS)):
        one = contrast(pool, world, measure) if (world, measure) != (worlds[0], LOG_ERROR) else None
        found += [as_shown(names[world], one, None)] if one else []
    for scale in sorted(set(map(int, a["scale"])) & set(map(int, b["scale"]))):
        at_scale = PairedRuns(a, b, [scale])
        for world in worlds:
            one = contrast(at_scale, world)
            found += [as_shown(names[world], one, scale)] if one else []
    return found


def as_shown(half: str, one: Contrast, scale: int | None) -> Finding:
    """A contrast that is shown and not judged."""
    unit, interval = UNITS[one.measure], one.estimate.interval()
    return Finding(half, scale, SHOWN, effect_text(interval, unit), "", scaled(interval, unit.factor), unit=unit.name)
