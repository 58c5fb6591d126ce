"""C8: the gain of dp over static under distribution shift exceeds the gain in distribution.

Difference in differences: the mean gain over the shifted test sets minus the gain on test, one number per seed over the scales that every
seed has. In points and in log-odds, for where accuracy is near its ceiling points favour the set with more room: the claim needs both.
"""

from dataclasses import replace

import numpy as np

from results.analysis.stats import t_interval
from results.claims import paper
from results.claims.claim import POINTS, Finding, Question, effect_text, scaled
from results.claims.gains import error
from results.claims.pairs import Pool, bootstrap, by_interval, over_scales

IN_POINTS, IN_LOGITS = "in points", "in log-odds"
LOGITS = ("log-odds", 1, "+.3f")
HELD_OUT = "train_heldout"  # real training images: not shifted, though evaluated beside test


def judge(comparison):
    pool = Pool(comparison.arm("dp"), comparison.arm("static"))
    if not pool:
        return []
    if pool.waiting:
        return [over_scales(half, pool, []) for half in (IN_POINTS, IN_LOGITS)]
    names = shifted_sets(pool)
    if not names:
        return []
    accuracies = {
        name: tuple(pool.values(f"{column}_{side}") for side in "ab")
        for name, column in {**names, "test": "accuracy"}.items()
    }
    sizes, flags = sizes_of(pool, [*names, "test"])
    found = []
    for half, unit, measure in ((IN_POINTS, POINTS, lambda accuracy, images: accuracy), (IN_LOGITS, LOGITS, log_odds)):
        effect = contrast(list(names), sizes, measure)
        resampled = bootstrap(flags, effect, pool.shared) if flags else (np.nan, np.nan)
        found.append(by_interval(half, t_interval(effect(accuracies)), unit, resampled))
    if not all(one.verdict == "refuted" for one in found):
        found = [
            replace(one, verdict="undecided", why="points and log-odds disagree") if one.verdict == "refuted" else one
            for one in found
        ]
    return found + [each(name, accuracies, sizes) for name in names]


def shifted_sets(pool):
    """{name: column} of the shifted test sets that all these runs were tested on."""
    columns = [
        column.removesuffix("_a") for column in pool.both if column.startswith("shifted.") and column.endswith("_a")
    ]
    whole = [column for column in columns if pool.both[[f"{column}_a", f"{column}_b"]].notna().all(axis=None)]
    return {column.removeprefix("shifted."): column for column in sorted(whole) if column != f"shifted.{HELD_OUT}"}


def sizes_of(pool, names):
    """({set: images}, {set: (flags of dp, of static)}); without per-image correctness the size is that of test, and there are no flags."""
    flags = {name: tuple(pool.flags(side, name) for side in "ab") for name in names}
    if any(side is None for sides in flags.values() for side in sides):
        return dict.fromkeys(names, float(pool.both["test_images_a"].iloc[0])), None
    return {name: sides[0][0].shape[-1] for name, sides in flags.items()}, flags


def contrast(names, sizes, measure):
    """The function {set: (accuracy of dp, of static)} [..., R, S] -> [..., R]: mean gain over ``names`` minus the gain on test."""

    def effect(accuracies):
        gain = {name: measure(a, sizes[name]) - measure(b, sizes[name]) for name, (a, b) in accuracies.items()}
        return (sum(gain[name] for name in names) / len(names) - gain["test"]).mean(axis=-1)

    return effect


def log_odds(accuracy, images):
    """Logarithm of right over wrong, half an image added to both (Haldane 1956)."""
    wrong = error(accuracy, images)
    return np.log((1 - wrong) / wrong)


def each(name, accuracies, sizes):
    """One shifted set, in points: shown, not judged."""
    interval = t_interval(
        contrast([name], sizes, lambda accuracy, images: accuracy)({key: accuracies[key] for key in (name, "test")})
    )
    return Finding(f"{name}, {IN_POINTS}", None, "", effect_text(interval), "", scaled(interval, 100))


C8 = Question(
    "C8",
    "the gain under shift exceeds the gain in distribution",
    "Gain of dp over static, mean over the shifted test sets, minus that on test; mean over scales, one number per seed. Confirmed: above "
    "zero in points and in log-odds (95 % t-interval and bootstrap over images and seeds). Refuted: below zero in both; where the two "
    "disagree, undecided.",
    dict.fromkeys((IN_POINTS, IN_LOGITS), (("static", {}), ("dp", {}))),
    paper.shifts,
    judge,
)
