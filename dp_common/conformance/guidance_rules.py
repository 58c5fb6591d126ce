"""What a guidance rule must keep; the contract is ``dp_common.contracts.GuidanceRule``."""

from collections.abc import Callable
from typing import Any

from dp_common.conformance.rules import Say, hold_to, require, silent
from dp_common.errors import BadInput

Step = Callable[..., Any]
ALPHAS = (0.0047, 0.36, 0.99)  # ᾱ_t at the noisy end of the paper's schedule, within it, and near the image
OMEGA, EVERY = 0.1, 5
NAMES = ("x", "x0", "eps")


def check_guidance_rule(name: str, *words: str, say: Say = silent) -> None:
    """Hold a guidance rule (a name, or ``./file.py``) to the contract.

    Args:
        name: of the rule.
        *words: none; a rule has no keys.
        say: is told of each rule that holds.

    Raises:
        Nonconforming: it breaks a rule.
        BadInput: it does not load.
    """
    from dp_common.config import registry

    if words:
        raise BadInput(words[0], None, "a guidance rule has no keys")
    module = registry.find("guidance rule", name, "guidance_rule").load()
    rules = [three_of_one_shape, inputs_left_alone, rows_by_themselves, nothing_without_weight, towards_the_score]
    hold_to(rules, say, module.step)


def batch(n: int = 4) -> list[Any]:
    """x, x0, eps and g: [n, 1, 2, 2] each."""
    import torch

    generator = torch.Generator().manual_seed(0)
    return [torch.randn(n, 1, 2, 2, generator=generator) for _ in range(4)]


def three_of_one_shape(step: Step) -> None:
    """answers with (x, x0, eps), finite and of the shape and type of what it got, at every noise level"""
    import torch

    given = batch()
    for alpha in ALPHAS:
        answer = step(*given, alpha, OMEGA, EVERY)
        right = isinstance(answer, tuple) and len(answer) == 3
        require(right, "answers with (x, x0, eps)", f"{type(answer).__name__} of {len(answer)}")
        for name, before, after in zip(NAMES, given, answer):
            right = isinstance(after, torch.Tensor) and after.shape == before.shape and after.dtype == before.dtype
            require(right, f"{name} is a tensor of the shape and type it had", getattr(after, "shape", type(after)))
            require(bool(torch.isfinite(after).all()), "answers are finite", f"{name} at alpha={alpha}")


def inputs_left_alone(step: Step) -> None:
    """leaves what it got as it was"""
    import torch

    given = batch()
    before = [tensor.clone() for tensor in given]
    step(*given, ALPHAS[1], OMEGA, EVERY)
    for name, one, other in zip((*NAMES, "g"), before, given):
        require(torch.equal(one, other), "leaves what it got as it was", f"{name} is changed in place")


def rows_by_themselves(step: Step) -> None:
    """a batch equals its singles"""
    import torch

    given = batch()
    together = step(*given, ALPHAS[1], OMEGA, EVERY)
    singles = [step(*(tensor[i : i + 1] for tensor in given), ALPHAS[1], OMEGA, EVERY) for i in range(len(given[0]))]
    for number, (name, whole) in enumerate(zip(NAMES, together)):
        parts = torch.cat([single[number] for single in singles])
        require(torch.allclose(whole, parts, atol=1e-5), "a batch equals its singles", f"{name} {whole - parts}")


def nothing_without_weight(step: Step) -> None:
    """moves nothing at ω = 0, and no image whose gradient is zero"""
    import torch

    x, x0, eps, g = batch()
    for why, gradient, omega in (("omega=0", g, 0.0), ("g=0", torch.zeros_like(g), OMEGA)):
        moved = step(x, x0, eps, gradient, ALPHAS[1], omega, EVERY)
        for name, before, after in zip(NAMES, (x, x0, eps), moved):
            require(torch.equal(before, after), "moves nothing at omega = 0 or g = 0", f"{name} moves at {why}")


def towards_the_score(step: Step) -> None:
    """moves the next x_t along +g where ω > 0, as far the other way where ω < 0"""
    import torch

    given = batch()
    for alpha in ALPHAS:
        plain, up, down = (following(step(*given, alpha, omega, EVERY), alpha) for omega in (0.0, OMEGA, -OMEGA))
        along = ((up - plain) * given[3]).flatten(1).sum(1)
        require(bool((along > 0).all()), "moves the next x_t along +g where omega > 0", f"{along} at alpha={alpha}")
        mirrored = torch.allclose(up - plain, plain - down, rtol=1e-3, atol=1e-5)
        require(mirrored, "moves as far the other way where omega < 0", f"{up - plain} and {plain - down}")


def following(moved: Any, alpha: float) -> Any:
    """The next x_t' of a deterministic DDIM step, at a signal half-way to the image."""
    _, x0, eps = moved
    later = (1 + alpha) / 2
    return later**0.5 * x0 + (1 - later) ** 0.5 * eps
