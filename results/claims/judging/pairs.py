"""Pairs of equal seed and scale, judged scale by scale or with all scales together.

A verdict on accuracies needs the t-interval over replicates and the paired bootstrap over test images × replicates. Runs that ended
below their scale are counted, not averaged. While a planned run is unfinished its cell reads —(2/5) and decides nothing.
"""

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats

from results.analysis.cells import bootstrap_of
from results.analysis.comparisons import UNIT
from results.analysis.stats import paired_difference, pairs, t_interval, verdict
from results.claims.claim import POINTS, Finding, effect_text, scaled
from results.reading.runs import correctness

MARGIN = 0.01  # of equivalence: one point
FEW, MOST = 5, 64  # replicates that a sweep is proposed for, at least where there is no spread to go by, and at most


def by_scale(half, a, b, judge):
    """[Finding] of ``judge(half, scale, pairs)`` at every scale at which both arms have runs, begun or planned."""
    found = []
    for scale in sorted(set(a["scale"]) & set(b["scale"])):
        here = [rows[rows["scale"] == scale] for rows in (a, b)]
        done, short, waiting = reached_pairs(*here)
        if waiting:
            found.append(
                Finding(
                    half, int(scale), "undecided", waiting, "runs are missing", enough=max(FEW, len(replicates(here)))
                )
            )
        elif len(done):
            found.append(judge(half, int(scale), done))
        elif short:
            found.append(Finding(half, int(scale), "undecided", f"— ({short} short)", "no pair reached its scale"))
    return found


def reached_pairs(a, b):
    """(pairs that are finished and reached their scale, pairs that did not reach it, "—(2/5)" while planned ones are not finished)."""
    both = pairs(a, b)
    done = both[(both["state_a"] == "done") & (both["state_b"] == "done")]
    reached = done["scale_reached_a"].astype(bool) & done["scale_reached_b"].astype(bool)
    unfinished = (a["state"] != "done").any() or (b["state"] != "done").any()
    return done[reached], int((~reached).sum()), f"—({len(done)}/{len(replicates((a, b)))})" if unfinished else ""


def replicates(frames):
    return set().union(*(rows[UNIT].itertuples(index=False, name=None) for rows in frames))


def above(half, scale, both):
    """Accuracy of a minus b on test: confirmed where t-interval and bootstrap are above zero, refuted where below."""
    interval, (bootstrap, unread) = paired_difference(both), bootstrap_of(both, "test", {})
    word = {"above": "confirmed", "below": "refuted"}.get(verdict(interval, bootstrap), "undecided")
    return Finding(
        half,
        scale,
        word,
        effect_text(interval),
        "" if word != "undecided" else reason(interval, bootstrap, unread, 0),
        scaled(interval, 100),
        enough=enough(interval, abs(interval.mean), 0.95),
    )


def equal(half, scale, both):
    """Accuracy of a minus b on test: confirmed where both 90 % intervals lie inside ±1 point, refuted where both lie outside on one side."""
    interval, (bootstrap, unread) = paired_difference(both, level=0.9), bootstrap_of(both, "test", {}, level=0.9)
    word = "undecided"
    if all(-MARGIN < low and high < MARGIN for low, high in (interval[2:], bootstrap)):
        word = "confirmed"
    elif all(low > MARGIN for low in (interval.low, bootstrap[0])) or all(
        high < -MARGIN for high in (interval.high, bootstrap[1])
    ):
        word = "refuted"
    return Finding(
        half,
        scale,
        word,
        effect_text(interval, level=90),
        "" if word != "undecided" else reason(interval, bootstrap, unread, MARGIN),
        scaled(interval, 100),
        90,
        enough=enough(interval, abs(abs(interval.mean) - MARGIN), 0.9),
    )


def reason(interval, bootstrap, unread, margin):
    """Why a difference is undecided, in a few words; "" where the t-interval itself is too wide."""
    if interval.n < 2:
        return "one pair has no interval"
    if unread:
        return f"{unread} pairs without per-image correctness"
    crossed = [low <= edge <= high for low, high in (interval[2:], bootstrap) for edge in {-margin, margin}]
    return "left open by the bootstrap over test images" if not any(crossed[: len(crossed) // 2]) else ""


def enough(interval, distance, level):
    """The smallest number of replicates whose t-interval, at the spread of these, is narrower than ``distance`` to the nearest edge; at most
    MOST. Twice as many as there are where the t-interval is narrow enough already, and FEW where there is no spread to go by.
    """
    n = interval.n
    if n < 2:
        return FEW
    deviation = (interval.high - interval.mean) / scipy_stats.t.ppf((1 + level) / 2, n - 1) * np.sqrt(n)
    wanted = next(
        (k for k in range(2, MOST) if scipy_stats.t.ppf((1 + level) / 2, k - 1) * deviation / np.sqrt(k) < distance),
        MOST,
    )
    return wanted if wanted > n else min(2 * n, MOST)


class Pool:
    """Pairs over several scales, the same scales for every replicate: ``replicates`` [R], ``scales`` [S], ``both`` (a row per pair).

    The scales are those that the most replicates have; others (two seeds at 64k, say) are left out, so that no mean over scales is of
    other scales than the next. ``waiting``: "—(2/5)" while a run of these is unfinished.
    """

    def __init__(self, a, b):
        both = pairs(a, b)
        finished = (both["state_a"] == "done") & (both["state_b"] == "done")
        both = both[~finished | both["scale_reached_a"].eq(True) & both["scale_reached_b"].eq(True)]
        have = {scale: set(part[UNIT].itertuples(index=False, name=None)) for scale, part in both.groupby("scale")}
        most, members, self.scales = max(map(len, have.values()), default=0), None, []
        for scale in sorted(have, key=lambda scale: (-len(have[scale]), scale)):
            common = have[scale] if members is None else members & have[scale]
            if len(common) == most:
                members, self.scales = common, sorted([*self.scales, int(scale)])
        self.replicates = sorted(members or ())
        inside = both["scale"].isin(self.scales) & pd.Series(
            [unit in (members or ()) for unit in both[UNIT].itertuples(index=False, name=None)],
            index=both.index,
            dtype=bool,
        )
        self.both = both[inside].sort_values([*UNIT, "scale"])
        unfinished = self.both[(self.both["state_a"] != "done") | (self.both["state_b"] != "done")]
        lost = len(set(unfinished[UNIT].itertuples(index=False, name=None)))
        self.waiting = f"—({len(self.replicates) - lost}/{len(self.replicates)})" if lost else ""

    def __bool__(self):
        return bool(self.replicates)

    def values(self, column):
        """[R, S] of a column."""
        return self.both[column].to_numpy(dtype=float).reshape(len(self.replicates), len(self.scales))

    def flags(self, side, on):
        """[R] arrays [S, images] bool: per-image correctness of one side; None where a run kept none."""
        rows = [
            {key.removesuffix(f"_{side}"): value for key, value in row.items() if key.endswith(f"_{side}")}
            for row in self.both.to_dict("records")
        ]
        read = [correctness(row, on) for row in rows]
        step = len(self.scales)
        return (
            None
            if any(one is None for one in read)
            else [np.stack(read[k : k + step]) for k in range(0, len(read), step)]
        )

    @property
    def shared(self):
        """Do all replicates have the same test images?"""
        return self.both["data.split"].nunique() == 1


def over_scales(half, pool, values, unit=POINTS):
    """Finding of one number per replicate [R], all scales together, by its t-interval alone: above zero confirms, below refutes."""
    if pool.waiting:
        return Finding(half, None, "undecided", pool.waiting, "runs are missing", enough=max(FEW, len(pool.replicates)))
    return by_interval(half, t_interval(values), unit)


def by_interval(half, interval, unit=POINTS, bootstrap=None):
    """Finding by a 95 % t-interval, and a bootstrap where there is one: above zero confirms, below refutes."""
    word = {"above": "confirmed", "below": "refuted"}.get(verdict(interval, bootstrap or interval[2:]), "undecided")
    why = reason(interval, bootstrap or interval[2:], 0, 0) if word == "undecided" else ""
    return Finding(
        half,
        None,
        word,
        effect_text(interval, unit),
        why,
        scaled(interval, unit[1]),
        95,
        unit[0],
        enough(interval, abs(interval.mean), 0.95),
    )


def bootstrap(flags, effect, shared, level=0.95, draws=2000, seed=0):
    """(low, high): percentile bootstrap of the mean over replicates of an effect, over test images × replicates.

    ``flags`` {set: (a, b)}, each [R] arrays [S, images] bool. ``effect({set: (a, b)})``, with accuracies [draws, R, S], gives [draws, R]. Images
    are drawn anew in each draw, for all replicates alike if ``shared``; sets of equal size share the draw, for they may be one set of
    images, transformed. Replicates are drawn independently of the images (the pigeonhole bootstrap; see ``results.analysis.stats``).
    (nan, nan) for fewer than two replicates.
    """
    n = len(next(iter(flags.values()))[0])
    if n < 2:
        return float("nan"), float("nan")
    rng, means = np.random.default_rng(seed), []
    largest = max(sides[0][0].shape[-1] for sides in flags.values())
    at_once = max(1, 2**22 // largest)
    for start in range(0, draws, at_once):
        size = min(at_once, draws - start)
        weights, drawn = {}, {}
        for name, sides in flags.items():
            for side in sides:
                for replicate, one in enumerate(side):
                    key = (one.shape[-1], 0 if shared else replicate)
                    if key not in weights:
                        weights[key] = rng.multinomial(key[0], np.full(key[0], 1 / key[0]), size=size) / key[0]
            drawn[name] = tuple(
                np.stack(
                    [weights[one.shape[-1], 0 if shared else replicate] @ one.T for replicate, one in enumerate(side)],
                    axis=1,
                )
                for side in sides
            )
        means.append(np.take_along_axis(effect(drawn), rng.integers(n, size=(size, n)), axis=1).mean(axis=1))
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
