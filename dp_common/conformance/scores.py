"""What a score must keep; the contract is ``dp_common.contracts.Score``."""

from typing import Any

import numpy as np

from dp_common.conformance.rules import Say, hold_to, require, silent
from dp_common.errors import BadInput


def check_score(name: str, *words: str, say: Say = silent) -> None:
    """Hold a score (a name, or ``./file.py``) to the contract.

    Args:
        name: of the score.
        *words: none; a score has no keys.
        say: is told of each rule that holds.

    Raises:
        Nonconforming: it breaks a rule.
        BadInput: it does not load.
    """
    from dp_common.config import registry

    if words:
        raise BadInput(words[0], None, "a score has no keys")
    module = registry.find("score", name).load()
    rules = [needs_no_learner] if module.BLIND else [one_number_per_row, rows_by_themselves, has_a_gradient]
    hold_to(rules, say, module)


def example() -> tuple[Any, Any]:
    """(logits [10, 5] that want a gradient, labels [10])."""
    import torch

    logits = torch.randn(10, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    return logits, torch.arange(10) % 5


def needs_no_learner(module: Any) -> None:
    """needs no learner: one finite number for each uniform"""
    values = np.asarray(module.score(np.linspace(0, 0.9, 10)))
    require(values.shape == (10,) and np.isfinite(values).all(), "needs no learner", values)


def one_number_per_row(module: Any) -> None:
    """one finite number per row"""
    import torch

    values = module.score(*example())
    right = isinstance(values, torch.Tensor) and values.shape == (10,) and bool(torch.isfinite(values).all())
    require(right, "one finite number per row", values)


def rows_by_themselves(module: Any) -> None:
    """a batch equals its singles"""
    import torch

    logits, labels = example()
    values = module.score(logits, labels)
    singles = torch.cat([module.score(logits[i : i + 1], labels[i : i + 1]) for i in range(10)])
    require(torch.allclose(values, singles, atol=1e-6), "a batch equals its singles", (values - singles).abs().max())


def has_a_gradient(module: Any) -> None:
    """has a gradient, so that it can guide"""
    import torch

    logits, labels = example()
    values = module.score(logits, labels)
    require(values.requires_grad, "has a gradient", "it does not hang on the logits by differentiable steps")
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    require(bool(torch.isfinite(gradient).all()) and bool((gradient != 0).any()), "has a gradient", gradient)
