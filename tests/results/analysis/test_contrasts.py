"""Contrasts of fabricated frames: pairs, scales in common, both worlds, the part of the images."""

from math import log

import numpy as np
import pandas as pd
import pytest

from results.analysis import contrasts
from results.analysis.contrasts import LOG_ERROR, LOG_ODDS, POINTS, POPULATION, PairedRuns, contrast
from results.analysis.effects import components, two_way_interval

IMAGES = 400


def frame(arm, accuracies, flags=None, images=20_000):
    """Runs of one arm. ``accuracies``: {(seed, scale): (population, test)}; ``flags`` {(seed, scale): [images]}."""
    rows = [
        {
            "seed": seed,
            "scale": scale,
            "data.split": 0,
            "arm": arm,
            "state": "done",
            "scale_reached": True,
            "folder": (arm, seed, scale),
            "population": population,
            "population_images": images,
            "accuracy": test if flags is None else flags[seed, scale].mean(),
            "test_images": IMAGES,
        }
        for (seed, scale), (population, test) in accuracies.items()
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def correct(monkeypatch):
    """A dict {(arm, seed, scale): flags} that stands for the files of runs."""
    kept = {}
    monkeypatch.setattr(contrasts, "correctness", lambda run, eval_set: kept.get(run["folder"]))
    return kept


def test_population_is_over_seeds_of_the_mean_over_scales():
    wrong = {"a": {500: (0.02, 0.03), 1000: (0.01, 0.012)}, "b": {500: (0.04, 0.05), 1000: (0.03, 0.02)}}
    a, b = (
        frame(arm, {(seed, scale): (1 - wrong[arm][scale][seed], 0.9) for seed in (0, 1) for scale in (500, 1000)})
        for arm in "ab"
    )
    found = contrast(PairedRuns(a, b), POPULATION)
    by_hand = [
        [
            log((20_000 * wrong["b"][scale][seed] + 0.5) / (20_000 * wrong["a"][scale][seed] + 0.5))
            for scale in (500, 1000)
        ]
        for seed in (0, 1)
    ]
    assert found.values == pytest.approx(np.array(by_hand)) and found.table is None
    means = np.mean(by_hand, axis=1)
    assert found.estimate.mean == pytest.approx(means.mean()) and found.estimate.df == 1
    assert found.estimate.se == pytest.approx(means.std(ddof=1) / np.sqrt(2))
    assert contrast(PairedRuns(a, b.assign(population=np.nan)), POPULATION) is None
    assert contrast(PairedRuns(a.drop(columns="population"), b), POPULATION) is None


def drawn(rng, seeds, scales, shares):
    """{(seed, scale): flags} of one arm: images of different difficulty, the same for all seeds."""
    difficulty = np.random.default_rng(0).normal(0, 0.5, IMAGES)
    return {
        (seed, scale): rng.random(IMAGES) < np.clip(shares[scale] + 0.1 * difficulty, 0, 1)
        for seed in seeds
        for scale in scales
    }


def two_arms(correct, seeds=range(6), scales=(500, 1000)):
    rng = np.random.default_rng(1)
    sides = []
    for arm, shares in (("a", {500: 0.85, 1000: 0.9}), ("b", {500: 0.8, 1000: 0.86})):
        flags = drawn(rng, seeds, scales, shares)
        correct |= {(arm, *place): one for place, one in flags.items()}
        sides.append(frame(arm, dict.fromkeys(flags, (0.9, 0.9)), flags))
    return sides


def test_points_on_real_images_are_the_two_way_mean_of_the_difference_averaged_over_scales(correct):
    a, b = two_arms(correct)
    found = contrast(PairedRuns(a, b), "test", POINTS)
    whole = np.array(
        [
            np.mean(
                [correct["a", seed, scale].astype(float) - correct["b", seed, scale] for scale in (500, 1000)], axis=0
            )
            for seed in range(6)
        ]
    )
    assert found.estimate == pytest.approx(two_way_interval(whole)) and found.table == pytest.approx(whole)
    assert found.parts == pytest.approx(components(whole))
    assert found.by_seed == pytest.approx(whole.mean(axis=1))


@pytest.mark.parametrize("measure", [LOG_ERROR, LOG_ODDS])
def test_the_images_part_of_a_logarithm_is_that_of_drawing_them_anew(correct, measure):
    """Resample the images: the pooled effect varies as the table's image and residual parts say."""
    a, b = two_arms(correct)
    found = contrast(PairedRuns(a, b), "test", measure)
    assert found.table.mean(axis=1) == pytest.approx(found.by_seed)
    sides = {arm: np.array([[correct[arm, seed, scale] for scale in (500, 1000)] for seed in range(6)]) for arm in "ab"}
    rng, means = np.random.default_rng(2), []
    for _ in range(600):
        chosen = rng.integers(IMAGES, size=IMAGES)
        accuracy = {arm: flags[..., chosen].mean(axis=-1) for arm, flags in sides.items()}
        means.append(contrasts.effects_of(accuracy["a"], accuracy["b"], IMAGES, measure).mean())
    of_images = found.table.mean(axis=0)
    assert np.std(means) == pytest.approx(of_images.std() / np.sqrt(IMAGES), rel=0.1)


def test_without_correctness_nothing_is_known_of_the_spread(correct):
    a, b = two_arms(correct)
    del correct["b", 3, 500]
    found = contrast(PairedRuns(a, b), "test")
    assert (
        found.unread == 1 and np.isnan(found.estimate.se) and found.estimate.mean == pytest.approx(found.values.mean())
    )


def test_scales_are_those_that_most_replicates_have_or_those_named():
    places = {(seed, scale): (0.9 + seed / 100, 0.9) for seed in range(4) for scale in (500, 1000)}
    a, b = (frame(arm, places | {(0, 64_000): (0.99, 0.9), (1, 64_000): (0.99, 0.9)}) for arm in "ab")
    assert PairedRuns(a, b).scales == [500, 1000] and len(PairedRuns(a, b).replicates) == 4
    named = PairedRuns(a, b, (500, 64_000))
    assert named.scales == [500, 64_000] and named.replicates == [(0, 0), (1, 0)]
    assert not PairedRuns(a, b, (500, 777))


@pytest.mark.parametrize(
    ("have", "replicates", "scales"),
    [
        ({250: 16, 1000: 16, 4000: 16}, 16, [250, 1000, 4000]),
        ({250: 16, 1000: 65, 4000: 16}, 65, [1000]),  # 65 pairs, not 48
        ({250: 16, 1000: 65, 4000: 16, 16000: 16, 64000: 16}, 16, [250, 1000, 4000, 16000, 64000]),
        ({250: 5, 1000: 5, 4000: 2}, 5, [250, 1000]),
        ({250: 8, 1000: 3, 4000: 3}, 8, [250]),  # nine pairs of three seeds decide nothing
        ({250: 3, 1000: 3, 4000: 1}, 3, [250, 1000]),
        ({250: 8, 1000: 4}, 8, [250]),
        ({}, 0, []),
    ],
)
def test_the_scales_are_those_of_the_largest_table_without_a_hole(have, replicates, scales):
    """``have``: {scale: it has seeds 0 up to so many}."""
    found = contrasts.common_scales({scale: {(seed, 0) for seed in range(n)} for scale, n in have.items()})
    assert found == ([(seed, 0) for seed in range(replicates)], scales)


def test_other_seeds_at_other_scales_are_no_table():
    found = contrasts.common_scales({250: {(0, 0), (1, 0), (2, 0)}, 1000: {(1, 0), (2, 0), (3, 0), (4, 0), (5, 0)}})
    assert found == ([(1, 0), (2, 0), (3, 0), (4, 0), (5, 0)], [1000])


def test_unfinished_pairs_wait_and_short_ones_take_no_part():
    places = {(seed, 500): (0.9 + seed / 100, 0.9) for seed in range(4)}
    a, b = frame("a", places), frame("b", places)
    b.loc[0, "scale_reached"] = False
    assert PairedRuns(a, b).replicates == [(1, 0), (2, 0), (3, 0)]
    b.loc[1, "state"] = "interrupted"
    waiting = PairedRuns(a, b)
    assert waiting.waiting == "—(2/3)" and contrast(waiting, POPULATION) is None
