"""Noise schedules are the published ones (diffusers' numbers); visited timesteps are in range, distinct and
descending.
"""

import numpy as np
import pytest

from dp_common.diffusion.schedule import alphas_cumprod, timesteps

DIFFUSERS = {
    "sd": dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012),
    "linear": dict(beta_schedule="linear", beta_start=1e-4, beta_end=0.02),
    "cosine": dict(beta_schedule="squaredcos_cap_v2"),
}


@pytest.mark.parametrize("name", DIFFUSERS)
def test_alphas_are_those_of_diffusers(name):
    from diffusers import DDIMScheduler

    expected = DDIMScheduler(**DIFFUSERS[name]).alphas_cumprod.double().numpy()
    # diffusers multiplies a thousand fp32 factors
    np.testing.assert_allclose(alphas_cumprod(name), expected, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("name", DIFFUSERS)
@pytest.mark.parametrize("steps", [50, 1000])
def test_alphas_fall_within_zero_and_one(name, steps):
    alphas = alphas_cumprod(name, steps)
    assert len(alphas) == steps and 0 < alphas[-1] and alphas[0] < 1 and (np.diff(alphas) < 0).all()


@pytest.mark.parametrize(
    "spacing, expected",
    [
        ("leading", [800, 600, 400, 200, 0]),
        ("trailing", [999, 799, 599, 399, 199]),
        ("linspace", [999, 749, 500, 250, 0]),
    ],
)
def test_spacings_of_lin_et_al(spacing, expected):
    assert timesteps(5, spacing) == expected


def test_offset_shifts_leading():
    assert timesteps(4, "leading", offset=1) == [751, 501, 251, 1]


@pytest.mark.parametrize("spacing, offset", [("leading", 0), ("leading", 1), ("trailing", 0), ("linspace", 0)])
def test_every_count_is_in_range_distinct_and_descending(spacing, offset):
    wrong = []
    for n in range(1, 1000):
        visited = timesteps(n, spacing, 1000, offset)
        if len(visited) != n or (np.diff(visited) >= 0).any() or visited[0] > 999 or visited[-1] < 0:
            wrong.append(n)
    assert wrong == []


def test_an_offset_past_the_end_is_refused():
    """1,000 steps from an offset of 1 would visit t = 1000, which no schedule has."""
    with pytest.raises(ValueError, match="sampler.steps=1000"):
        timesteps(1000, "leading", offset=1)


@pytest.mark.parametrize("n", [7, 20, 30, 200])
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_spacings_are_those_of_diffusers(spacing, n):
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(timestep_spacing=spacing)
    scheduler.set_timesteps(n)
    assert timesteps(n, spacing) == scheduler.timesteps.tolist()


@pytest.mark.parametrize(
    "call",
    [lambda: alphas_cumprod("quadratic"), lambda: timesteps(5, "even"), lambda: timesteps(0), lambda: timesteps(1001)],
)
def test_what_is_not_known_is_refused(call):
    with pytest.raises(ValueError, match="="):
        call()
