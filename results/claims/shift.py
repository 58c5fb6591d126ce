"""C8: the gain of dp over static under distribution shift exceeds the gain in distribution.

Difference in differences: the mean gain over the shifted test sets minus the gain on test, one number per seed over the
scales that every seed has. In points and in log-odds, for where accuracy is near its ceiling points favour the set with
more room: the claim needs both.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from results.analysis.stats import t_interval
from results.claims.judging import paper
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import POINTS, SHOWN, Claim, Finding, Unit, effect_text, scaled
from results.claims.judging.pairs import Pool, Sides, bootstrap, by_interval, error, over_scales, sides_of

IN_POINTS, IN_LOGITS = "in points", "in log-odds"
LOGITS = Unit("log-odds", 1, "+.3f")
HELD_OUT = "train_heldout"  # real training images: not shifted, though evaluated beside test

Accuracies = Mapping[str, tuple[np.ndarray, np.ndarray]]  # {set: (of dp, of static)}, each [..., R, S]
Measure = Callable[[np.ndarray, float], np.ndarray]  # of an accuracy and the images of its set


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding in points and one in log-odds, and one per shifted set that is shown and not judged."""
    pool = Pool(selection.arm("dp"), selection.arm("static"))
    if not pool:
        return []
    if pool.waiting:
        return [over_scales(half, pool, []) for half in (IN_POINTS, IN_LOGITS)]
    names = shifted_sets(pool)
    if not names:
        return []
    accuracies = {
        name: (pool.values(f"{column}_a"), pool.values(f"{column}_b"))
        for name, column in {**names, "test": "accuracy"}.items()
    }
    sizes, flags = sizes_of(pool, [*names, "test"])
    findings = []
    for half, unit, measure in ((IN_POINTS, POINTS, points), (IN_LOGITS, LOGITS, log_odds)):
        effect = contrast(list(names), sizes, measure)
        resampled = bootstrap(flags, effect, True) if flags else (np.nan, np.nan)
        findings.append(by_interval(half, t_interval(effect(accuracies)), unit, resampled))
    if not all(finding.verdict == "refuted" for finding in findings):
        findings = [undecided_if_refuted(finding) for finding in findings]
    return findings + [of_set(name, accuracies, sizes) for name in names]


def undecided_if_refuted(finding: Finding) -> Finding:
    """What is refuted in one unit only is not refuted."""
    if finding.verdict != "refuted":
        return finding
    return replace(finding, verdict="undecided", why="points and log-odds disagree")


def shifted_sets(pool: Pool) -> dict[str, str]:
    """{name: column} of the shifted test sets that all these runs were tested on."""
    names = [name for name in map(str, pool.both) if name.startswith("shifted.") and name.endswith("_a")]
    columns = [name.removesuffix("_a") for name in names]
    whole = [column for column in columns if pool.both[[f"{column}_a", f"{column}_b"]].notna().all(axis=None)]
    return {column.removeprefix("shifted."): column for column in sorted(whole) if column != f"shifted.{HELD_OUT}"}


def sizes_of(pool: Pool, names: Iterable[str]) -> tuple[dict[str, float], dict[str, Sides] | None]:
    """{set: images}, and {set: (flags of dp, of static)}.

    Without per-image correctness the size is that of test, and there are no flags.
    """
    flags: dict[str, Sides] = {}
    for name in names:
        a, b = sides_of(pool, name)
        if a is None or b is None:
            return dict.fromkeys(names, float(pool.both["test_images_a"].iloc[0])), None
        flags[name] = (a, b)
    return {name: sides[0][0].shape[-1] for name, sides in flags.items()}, flags


def contrast(names: list[str], sizes: Mapping[str, float], measure: Measure) -> Callable[[Accuracies], np.ndarray]:
    """The function of accuracies [..., R, S] that gives [..., R]: mean gain over ``names`` minus the gain on test."""

    def effect(accuracies: Accuracies) -> np.ndarray:
        gain = {name: measure(a, sizes[name]) - measure(b, sizes[name]) for name, (a, b) in accuracies.items()}
        return (sum(gain[name] for name in names) / len(names) - gain["test"]).mean(axis=-1)

    return effect


def points(accuracy: np.ndarray, images: float) -> np.ndarray:
    """The accuracy itself."""
    return accuracy


def log_odds(accuracy: np.ndarray, images: float) -> np.ndarray:
    """Logarithm of right over wrong, half an image added to both (Haldane 1956)."""
    wrong = error(accuracy, images)
    return np.log((1 - wrong) / wrong)


def of_set(name: str, accuracies: Accuracies, sizes: Mapping[str, float]) -> Finding:
    """One shifted set, in points: shown, not judged."""
    effect = contrast([name], sizes, points)
    interval = t_interval(effect({key: accuracies[key] for key in (name, "test")}))
    return Finding(f"{name}, {IN_POINTS}", None, SHOWN, effect_text(interval), "", scaled(interval, 100))


CLAIM = Claim(
    "C8",
    "the gain under shift exceeds the gain in distribution",
    "Gain of dp over static, mean over the shifted test sets, minus that on test; mean over scales, one number per "
    "seed. Confirmed: above zero in points and in log-odds (95 % t-interval and bootstrap over images and seeds). "
    "Refuted: below zero in both; where the two disagree, undecided.",
    dict.fromkeys((IN_POINTS, IN_LOGITS), (("static", {}), ("dp", {}))),
    paper.shifts,
    judge,
)
