"""Guidance: sign, factor and chain rule against the closed form on Gaussian data; the three rules as their equations
say; per-image throughout; a gradient that is not finite ends it.

Closed form. Data N(0, s²) with log π = ω b·x: p(x_t) = N(0, v), v = ᾱs² + 1−ᾱ, and the exact guided marginal is
N(√ᾱ ωs²b, v), since the guidance term ω∇H is here the exact gradient of log E[π(x0)|x_t]. The probability flow between
Gaussians is affine, (x_T − √ᾱ_T ωs²b)/√v_T = (x_0 − ωs²b)/s. Started from N(0, 1) at the first visited timestep:
sd = s/√v_T and mean = ωs²b (1 − s√ᾱ_T/√v_T). The starting points are quantiles, standardised: no Monte-Carlo error.
"""

from math import sqrt

import pytest
import torch

from dp_common.diffusion.ddim import ddim
from dp_common.diffusion.guidance import Guidance, rule_step
from dp_common.diffusion.guidance_step import GuidanceError, GuidanceStep, norms
from dp_common.diffusion.schedule import alphas_cumprod, timesteps
from tests.dp_common.diffusion.tensors import batch

RULES = ("score", "relative", "predecessor", "eps-relative")
B, OMEGA = torch.tensor([1.0, -0.5, 2.0], dtype=torch.float64), 0.7


def quantiles(n=41):
    grid = torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)
    return (grid / grid.std(correction=0))[:, None].expand(n, len(B)).clone()


def gaussian(s, alphas):
    """The exact denoiser of N(0, s²) data: ε = √(1−ᾱ) x / v."""
    return lambda x, t, labels: sqrt(1 - alphas[t]) * x / (alphas[t] * s**2 + 1 - alphas[t])


def step_of(objective, omega, rule="relative", through="denoiser", every=1):
    """The step hook of an objective that is no plugin's score."""
    return GuidanceStep(objective, Guidance("entropy", omega, rule, through, every))


def linear_reward(x0, labels):
    return (x0 * B).sum(1)


def guided_gaussian(schedule, s, spacing, steps, **guidance):
    alphas, visited = alphas_cumprod(schedule), timesteps(steps, spacing)
    x0 = ddim(
        gaussian(s, alphas),
        quantiles(),
        None,
        visited,
        alphas,
        guidance=step_of(linear_reward, OMEGA, "score", **guidance),
    )
    bar = alphas[visited[0]]
    v = bar * s**2 + 1 - bar
    return x0, OMEGA * s**2 * B * (1 - s * sqrt(bar / v)), s / sqrt(v)


def check_moments(x0, mean, sd):
    torch.testing.assert_close(x0.mean(0), mean, rtol=1e-2, atol=0)
    torch.testing.assert_close(x0.std(0, correction=0), torch.full_like(mean, sd), rtol=2e-2, atol=0)


# The default, trailing, takes a larger last step; at 200 steps and s = .5 it alone holds over 1 % of the shift.
@pytest.mark.parametrize(
    "schedule, s, every, spacing, steps",
    [  # a square: each s with each schedule and spacing, and each ``every`` with each of the three
        (schedule, s, (1, 2, 5)[(row + column) % 3], spacing, steps)
        for row, s in enumerate((0.5, 1, 2))
        for column, (schedule, spacing, steps) in enumerate(
            (schedule, *visited) for visited in (("leading", 200), ("trailing", 400)) for schedule in ("sd", "cosine")
        )
    ],
)
def test_linear_reward_on_gaussian_data(schedule, s, every, spacing, steps):
    check_moments(*guided_gaussian(schedule, s, spacing, steps, through="denoiser", every=every))


@pytest.mark.parametrize("every", [1, 2, 5])
@pytest.mark.parametrize("schedule", ["sd", "cosine"])
def test_decoder_path_is_exact_at_unit_variance(schedule, every):
    check_moments(*guided_gaussian(schedule, 1, "leading", 200, through="decoder", every=every))


@pytest.mark.parametrize("schedule", ["sd", "cosine"])
def test_decoder_path_is_not_exact_elsewhere(schedule):
    """Else the oracle above would not see the difference between the two paths."""
    x0, mean, _ = guided_gaussian(schedule, 2, "leading", 200, through="decoder")
    assert (x0.mean(0) / mean - 1).abs().min() > 0.1


def test_start_and_reward_are_not_what_moves_the_plain_sampler():
    alphas, visited = alphas_cumprod("sd"), timesteps(200)
    plain = ddim(gaussian(0.5, alphas), quantiles(), None, visited, alphas)
    torch.testing.assert_close(plain.mean(0), torch.zeros_like(B), rtol=0, atol=1e-12)


def test_score_rule_is_its_equation():
    x, x0, eps, g = batch()
    moved = rule_step("score")(x, x0, eps, g, 0.36, 0.5, 5)
    torch.testing.assert_close(moved[0], x)
    torch.testing.assert_close(moved[2], eps - 5 * 0.5 * 0.8 * g)
    torch.testing.assert_close(moved[1] - x0, 5 * 0.5 * 0.64 / 0.6 * g)


def test_score_rule_keeps_the_three_consistent():
    """x_t = √ᾱ x̂0 + √(1−ᾱ) ε before and after."""
    _, x0, eps, g = batch()
    x = 0.6 * x0 + 0.8 * eps
    x, x0, eps = rule_step("score")(x, x0, eps, g, 0.36, 0.5, 1)
    torch.testing.assert_close(x, 0.6 * x0 + 0.8 * eps)


def expected_step(x, g, omega):
    return torch.stack([omega * row.norm() * slope / slope.norm() for row, slope in zip(x, g)])


def test_relative_rule_is_its_equation():
    x, x0, eps, g = batch()
    moved = rule_step("relative")(x, x0, eps, g, 0.36, 0.05, 5)
    assert torch.equal(moved[0], x) and torch.equal(moved[1], x0)
    torch.testing.assert_close(moved[2] - eps, expected_step(x, g, 0.05) / 0.8)


def test_eps_relative_rule_is_its_equation():
    x, x0, eps, g = batch()
    moved = rule_step("eps-relative")(x, x0, eps, g, 0.36, 0.05, 5)
    move = expected_step(eps, g, 0.05) * 0.8
    assert torch.equal(moved[0], x)
    torch.testing.assert_close(eps - moved[2], move)
    torch.testing.assert_close(moved[1] - x0, 0.8 / 0.6 * move)


def test_predecessor_rule_is_its_equation():
    x, x0, eps, g = batch()
    moved = rule_step("predecessor")(x, x0, eps, g, 0.36, 0.05, 5)
    delta = expected_step(x, g, 0.05)
    assert torch.equal(moved[2], eps)
    torch.testing.assert_close(moved[0] - x, delta)
    torch.testing.assert_close(moved[1] - x0, delta / 0.6)


@pytest.mark.parametrize("rule", RULES)
def test_one_guided_step_raises_the_objective_by_the_first_order(rule):
    """The next x, read through the same denoiser, scores higher by step × gradient, whatever the rule."""
    alphas, visited = alphas_cumprod("sd"), [600, 550]
    bar, after = alphas[600], alphas[550]
    omega = 1e-3
    value = lambda x: linear_reward(x, None)
    first = dict(timesteps=visited[:1], alphas_cumprod=alphas, final_alpha=after)
    plain = ddim(gaussian(1, alphas), quantiles(), None, **first)
    moved = ddim(gaussian(1, alphas), quantiles(), None, **first, guidance=step_of(linear_reward, omega, rule)) - plain
    g = sqrt(bar) * B  # at s = 1, x̂0 = √ᾱ x
    step = omega * quantiles().norm(dim=1) * g.norm()
    gain = {
        "score": omega * g @ B * ((1 - bar) * sqrt(after / bar) - sqrt((1 - after) * (1 - bar))),
        "relative": step * B.norm() / g.norm() * sqrt((1 - after) / (1 - bar)),
        "predecessor": step * B.norm() / g.norm() * sqrt(after / bar),
        "eps-relative": step  # at s = 1, ‖ε‖ = √(1−ᾱ) ‖x‖
        * B.norm()
        / g.norm()
        * (1 - bar)
        * (sqrt(after * (1 - bar) / bar) - sqrt(1 - after)),
    }[rule]
    torch.testing.assert_close(value(moved), gain.expand(41), rtol=1e-5, atol=1e-9)
    assert (value(moved)[quantiles().norm(dim=1) > 0.1] > 0).all()


@pytest.mark.parametrize("every, steps", [(1, [0, 1, 2, 3, 4, 5]), (2, [0, 2, 4]), (3, [1, 4]), (5, [2]), (6, [2])])
def test_the_middle_of_every_few_steps_is_guided(every, steps):
    guidance = step_of(linear_reward, 0.1, every=every)
    assert [step for step in range(6) if guidance.active(step)] == steps


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("through", ["denoiser", "decoder"])
def test_zero_omega_is_bitwise_the_plain_sampler(rule, through):
    alphas, visited, calls = alphas_cumprod("sd"), timesteps(10), []

    def denoise(x, t, labels):
        calls.append(torch.is_grad_enabled() and x.requires_grad)
        return gaussian(0.5, alphas)(x, t, labels)

    plain = ddim(denoise, quantiles(), None, visited, alphas)
    guidance = step_of(lambda x0, labels: pytest.fail("the learner was asked"), 0.0, rule, through)
    assert torch.equal(ddim(denoise, quantiles(), None, visited, alphas, guidance=guidance), plain)
    assert calls == [False] * 20 and guidance.counts == {"gradients": 0, "network_gradients": 0, "not_moved": 0}


@pytest.mark.parametrize("through, network", [("denoiser", 41 * 2), ("decoder", 0)])
def test_gradients_are_counted_and_only_the_exact_path_goes_through_the_network(through, network):
    alphas, visited, graphs = alphas_cumprod("sd"), timesteps(10), []

    def denoise(x, t, labels):
        graphs.append(x.requires_grad)
        return gaussian(1, alphas)(x, t, labels)

    guidance = step_of(linear_reward, 0.1, through=through, every=5)
    ddim(denoise, quantiles(), None, visited, alphas, guidance=guidance)
    assert guidance.counts == {"gradients": 41 * 2, "network_gradients": network, "not_moved": 0}
    assert graphs == [through == "denoiser" and step in (2, 7) for step in range(10)]


def test_exact_path_is_the_derivative_through_the_network():
    """Against central differences, with a denoiser whose Jacobian is neither diagonal nor constant."""
    mix = torch.tensor([[0.5, -1.0, 0.2], [0.3, 0.8, -0.6], [-0.9, 0.1, 0.4]], dtype=torch.float64)
    bar = 0.36
    predict = lambda x: (x - 0.8 * torch.tanh(x @ mix)) / 0.6
    objective = lambda x0, labels: (x0**3 * B).sum(1)
    x = torch.tensor([[0.3, -1.2, 0.7]], dtype=torch.float64, requires_grad=True)
    g = step_of(objective, 1.0).gradient(x, predict(x), bar, None)
    h = 1e-5 * torch.eye(3, dtype=torch.float64)
    expected = torch.stack([(objective(predict(x + d), None) - objective(predict(x - d), None)) / 2e-5 for d in h], 1)
    torch.testing.assert_close(g, expected.detach(), rtol=1e-6, atol=1e-8)
    through_decoder = step_of(objective, 1.0, through="decoder").gradient(x, predict(x), bar, None)
    torch.testing.assert_close(through_decoder, (0.6 * 3 * predict(x) ** 2 * B).detach())


@pytest.mark.parametrize("rule", RULES)
def test_images_under_the_floor_do_not_move_and_are_counted(rule):
    x, x0, eps, _ = batch()
    guidance = step_of(
        lambda x0, labels: x0.flatten(1).sum(1) * torch.tensor([1.0, 0.0, 1e-14, 1.0]), 0.1, rule, "decoder"
    )
    moved = guidance(x, x0, eps, 0.36, None)
    change = sum((after - before).flatten(1).abs().sum(1) for after, before in zip(moved, (x, x0, eps)))
    assert (change > 0).tolist() == [True, False, False, True]
    assert guidance.counts["not_moved"] == 2 and guidance.counts["gradients"] == 4


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("through", ["denoiser", "decoder"])
def test_a_batch_equals_its_singles(rule, through):
    """With magnitudes that differ by orders: a norm taken over the batch would show."""
    alphas, visited = alphas_cumprod("sd"), timesteps(20)
    weights = torch.tensor([1e-3, 1.0, 50.0], dtype=torch.float64)
    x = torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * weights[:, None]

    def sample(rows):
        objective = lambda x0, labels: weights[labels] * torch.sin(x0 @ B)
        labels = torch.arange(3)[rows]
        return ddim(
            gaussian(0.5, alphas), x[rows], labels, visited, alphas, guidance=step_of(objective, 0.02, rule, through)
        )

    together = sample(slice(None))
    torch.testing.assert_close(together, torch.cat([sample(slice(i, i + 1)) for i in range(3)]), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("through", ["denoiser", "decoder"])
def test_a_gradient_that_is_not_finite_ends_it_and_names_the_rows(rule, through, bad):
    alphas, visited = alphas_cumprod("sd"), timesteps(10)
    factor = torch.ones(41, dtype=torch.float64)
    factor[[3, 17]] = bad
    result = None
    with pytest.raises(GuidanceError, match=r"2 image\(s\).*\[3, 17\]") as caught:
        result = ddim(
            gaussian(1, alphas),
            quantiles(),
            None,
            visited,
            alphas,
            guidance=step_of(lambda x0, labels: linear_reward(x0, labels) * factor, 0.1, rule, through),
        )
    assert result is None and caught.value.rows == [3, 17]


def test_norms_are_per_image_in_fp32():
    x = torch.full((2, 1, 2, 2), 200.0, dtype=torch.bfloat16) * torch.tensor([1, 2]).view(2, 1, 1, 1)
    assert norms(x).dtype == torch.float32 and norms(x).shape == (2, 1, 1, 1)
    assert norms(x).flatten().tolist() == [400.0, 800.0]


@pytest.mark.parametrize("rule", ["relative", "predecessor"])
def test_a_row_that_is_not_moved_stays_finite_however_large_it_is(rule):
    """ω‖x‖ over the least float is infinite, and infinite times a gradient of zero is no number: the direction comes
    first.
    """
    x, zero = torch.full((2, 4, 64, 64), 3.0), torch.zeros(2, 4, 64, 64)
    moved = rule_step(rule)(x, x, x, zero, 0.5, 0.5, 1)
    assert all(torch.equal(after, x) for after in moved)
