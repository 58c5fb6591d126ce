"""Pairs of equal seed and scale, judged scale by scale or with all scales together.

A verdict on accuracies is that of the interval over replicates × test images.
Runs that ended below their scale are counted, not averaged. While a planned run is unfinished its cell reads —(2/5) and
decides nothing.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats

from results.analysis.cells import estimate_of
from results.analysis.comparisons import replicates as replicates_of
from results.analysis.contrasts import PairedRuns
from results.analysis.effects import judged, tost
from results.analysis.stats import Interval, pairs, t_interval
from results.claims.judging.claim import POINTS, Finding, Unit, effect_text, scaled

MARGIN = 0.01  # of equivalence: one point
FEW, MOST = 5, 64  # replicates that a sweep is proposed for, at least where there is no spread to go by, and at most
EQUALS = (
    "Confirmed: 90 % two-way intervals of the difference in accuracy inside ±1.0 point at every scale. Refuted: "
    "outside, on one side, at any scale."
)  # the rule of ``equal``, in words
DECIDED = {"above": "confirmed", "below": "refuted"}

Judge = Callable[[str, int, pd.DataFrame], Finding]
Bounds = tuple[float, float]
Sides = tuple[list[np.ndarray], list[np.ndarray]]  # of a and of b: per replicate, flags [scales, images]


def by_scale(half: str, a: pd.DataFrame, b: pd.DataFrame, judge: Judge) -> list[Finding]:
    """What ``judge(half, scale, pairs)`` finds at every scale at which both arms have runs, begun or planned."""
    findings = []
    for scale in sorted(set(a["scale"]) & set(b["scale"])):
        scale = int(scale)
        side_a, side_b = (runs[runs["scale"] == scale] for runs in (a, b))
        done, short, waiting = reached_pairs(side_a, side_b)
        if waiting:
            most = max(FEW, len(replicates_of(side_a) | replicates_of(side_b)))
            findings.append(Finding(half, scale, "undecided", waiting, "runs are missing", enough=most))
        elif len(done):
            findings.append(judge(half, scale, done))
        elif short:
            findings.append(Finding(half, scale, "undecided", f"— ({short} short)", "no pair reached its scale"))
    return findings


def reached_pairs(a: pd.DataFrame, b: pd.DataFrame) -> tuple[pd.DataFrame, int, str]:
    """The pairs of two arms at one scale.

    Returns:
        The pairs that are finished and reached their scale, how many did not reach it, and "—(2/5)" while planned runs
        are not finished, else "".
    """
    both = pairs(a, b)
    done = both[(both["state_a"] == "done") & (both["state_b"] == "done")]
    reached = done["scale_reached_a"].astype(bool) & done["scale_reached_b"].astype(bool)
    unfinished = (a["state"] != "done").any() or (b["state"] != "done").any()
    waiting = f"—({len(done)}/{len(replicates_of(a) | replicates_of(b))})" if unfinished else ""
    return done[reached], int((~reached).sum()), waiting


def above(half: str, scale: int, both: pd.DataFrame) -> Finding:
    """Accuracy of a minus b on test: confirmed where the two-way interval is above zero, refuted where below."""
    estimate, unread = estimate_of(both, "test", {})
    interval, word = estimate.interval(), DECIDED.get(judged(estimate), "undecided")
    return Finding(
        half,
        scale,
        word,
        effect_text(interval),
        "" if word != "undecided" else reason(interval, unread),
        scaled(interval, 100),
        enough=enough(interval, abs(interval.mean), 0.95),
    )


def equal(half: str, scale: int, both: pd.DataFrame) -> Finding:
    """Accuracy of a minus b on test: confirmed where the 90 % interval lies inside ±1 point, refuted where outside."""
    estimate, unread = estimate_of(both, "test", {})
    interval, found = estimate.interval(0.9), tost(estimate, MARGIN)
    word = {"equal": "confirmed", "undecided": "undecided"}.get(found, "refuted")
    return Finding(
        half,
        scale,
        word,
        effect_text(interval, level=90),
        "" if word != "undecided" else reason(interval, unread),
        scaled(interval, 100),
        90,
        enough=enough(interval, abs(abs(interval.mean) - MARGIN), 0.9),
    )


def reason(interval: Interval, unread: int) -> str:
    """Why a difference is undecided, in a few words; "" where its interval is too wide."""
    if interval.n < 2:
        return "one pair has no interval"
    return f"{unread} pairs without per-image correctness" if unread else ""


def enough(interval: Interval, distance: float, level: float) -> int:
    """How many replicates would do.

    The smallest number whose t-interval, at the spread of these, is narrower than ``distance`` to the nearest edge; at
    most MOST. Twice as many as there are where the t-interval is narrow enough already, and FEW where there is no
    spread to go by.
    """
    n = interval.n
    if n < 2:
        return FEW
    deviation = (interval.high - interval.mean) / scipy_stats.t.ppf((1 + level) / 2, n - 1) * np.sqrt(n)
    halves = {k: scipy_stats.t.ppf((1 + level) / 2, k - 1) * deviation / np.sqrt(k) for k in range(2, MOST)}
    wanted = next((k for k, half in halves.items() if half < distance), MOST)
    return wanted if wanted > n else min(2 * n, MOST)


Pool = PairedRuns


def sides_of(pool: PairedRuns, eval_set: str) -> tuple[list[np.ndarray] | None, list[np.ndarray] | None]:
    """Correctness of each side, [S, images] per replicate; None where there is none."""
    flags = pool.flags(eval_set)
    return (None, None) if isinstance(flags, int) else (list(flags[0]), list(flags[1]))


def over_scales(half: str, pool: Pool, values: Sequence[float] | np.ndarray, unit: Unit = POINTS) -> Finding:
    """Finding of one number per replicate [R], all scales together, by its t-interval alone: above zero confirms, below
    refutes.
    """
    if pool.waiting:
        most = max(FEW, len(pool.replicates))
        return Finding(half, None, "undecided", pool.waiting, "runs are missing", enough=most)
    return by_interval(half, t_interval(values), unit)


def by_interval(half: str, interval: Interval, unit: Unit = POINTS, bootstrap: Bounds | None = None) -> Finding:
    """Finding by a 95 % t-interval, and a bootstrap where there is one: above zero confirms, below refutes."""
    low, high = bootstrap or (interval.low, interval.high)
    low, high = min(low, interval.low), max(high, interval.high)
    word = "confirmed" if low > 0 else "refuted" if high < 0 else "undecided"
    return Finding(
        half,
        None,
        word,
        effect_text(interval, unit),
        reason(interval, 0) if word == "undecided" else "",
        scaled(interval, unit.factor),
        95,
        unit.name,
        enough(interval, abs(interval.mean), 0.95),
    )


def error(accuracy: np.ndarray, images: np.ndarray | float) -> np.ndarray:
    """Share of errors with half an error added to both sides (Haldane 1956), so that its logarithm is finite."""
    return ((1 - accuracy) * images + 0.5) / (images + 1)


def bootstrap(
    flags: dict[str, Sides],
    effect: Callable[[dict[str, tuple[np.ndarray, np.ndarray]]], np.ndarray],
    shared: bool,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Bounds:
    """Percentile bootstrap of the mean over replicates of an effect, over test images × replicates.

    Images are drawn anew in each draw; sets of equal size share the draw, for they may be one set of images,
    transformed. Replicates are drawn independently of the images (the pigeonhole bootstrap; see
    ``results.analysis.stats``).

    Args:
        flags: {set: (a, b)}, each [R] arrays [S, images] bool.
        effect: of {set: (a, b)}, accuracies [draws, R, S], gives [draws, R].
        shared: one draw of images serves all replicates; else each has its own.
        level: of the interval.
        draws: how many.
        seed: of the generator; the same input gives the same bits.

    Returns:
        (low, high); (nan, nan) for fewer than two replicates.
    """
    n = len(next(iter(flags.values()))[0])
    if n < 2:
        return float("nan"), float("nan")
    rng, means = np.random.default_rng(seed), []
    largest = max(sides[0][0].shape[-1] for sides in flags.values())
    at_once = max(1, 2**22 // largest)
    for start in range(0, draws, at_once):
        size = min(at_once, draws - start)
        drawn = drawn_accuracies(flags, shared, size, rng)
        means.append(np.take_along_axis(effect(drawn), rng.integers(n, size=(size, n)), axis=1).mean(axis=1))
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def drawn_accuracies(
    flags: dict[str, Sides], shared: bool, size: int, rng: np.random.Generator
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{set: (a, b)}, accuracies [size, R, S] on images drawn with replacement; see ``bootstrap``."""
    weights: dict[tuple[int, int], np.ndarray] = {}  # by images of a set, and replicate

    def of_side(side: Iterable[np.ndarray]) -> np.ndarray:
        accuracies = []
        for replicate, one in enumerate(side):
            key = (one.shape[-1], 0 if shared else replicate)
            if key not in weights:
                weights[key] = rng.multinomial(key[0], np.full(key[0], 1 / key[0]), size=size) / key[0]
            accuracies.append(weights[key] @ one.T)
        return np.stack(accuracies, axis=1)

    return {name: (of_side(a), of_side(b)) for name, (a, b) in flags.items()}
