"""The fitted exponent is the one the errors were made with, and its interval covers it as often as it says."""

import numpy as np
import pandas as pd
import pytest

from results.analysis.power_law import fit

SCALES = np.array([250, 500, 1000, 2000, 4000, 16000])


def runs(exponents, factor=2.0, noise=0.0, rng=None):
    """Errors factor · n^−b of one replicate per exponent, times log-normal noise."""
    return pd.DataFrame(
        [
            {
                "x": n,
                "seed": seed,
                "data.split": 0,
                "error": factor * n**-b * np.exp(noise * (rng.standard_normal() if rng else 0)),
            }
            for seed, b in enumerate(exponents)
            for n in SCALES
        ]
    )


def test_known_exponents_come_back_with_the_t_interval_of_their_mean():
    found = fit(runs([0.30, 0.35, 0.40]))
    half = 4.302652729696142 * 0.05 / np.sqrt(3)  # t of two degrees of freedom, sd 0.05
    assert found.n == 3 and found.left_out == 0
    assert np.allclose((found.exponent, found.low, found.high), (0.35, 0.35 - half, 0.35 + half))
    assert np.isclose(found.factor, 2.0)


def test_one_seed_has_an_exponent_but_no_interval():
    found = fit(runs([0.25]))
    assert np.isclose(found.exponent, 0.25) and np.isnan(found.low)


def test_rising_error_has_a_negative_exponent():
    assert np.isclose(fit(runs([-0.2, -0.2])).exponent, -0.2)


def test_what_has_no_logarithm_or_too_few_scales_is_left_out():
    frame = runs([0.3, 0.3, 0.9])
    frame.loc[(frame["seed"] == 2) & (frame["x"] > 500), "error"] = 0.0  # two scales with errors are left
    assert (fit(frame).n, fit(frame).left_out) == (2, 1) and np.isclose(fit(frame).exponent, 0.3)
    assert fit(frame[frame["x"] <= 500]) is None


@pytest.mark.parametrize("b", [0.1, 0.5])
def test_the_interval_covers_as_often_as_it_says(b):
    rng = np.random.default_rng(0)
    found = [fit(runs([b] * 5, noise=0.2, rng=rng)) for _ in range(150)]
    covered = np.mean([law.low < b < law.high for law in found])
    assert 0.90 < covered < 0.99 and abs(np.mean([law.exponent for law in found]) - b) < 0.01
