"""What a score must keep; the contract is ``dp_common.contracts.Score``."""

from collections.abc import Mapping
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


def example(module: Any) -> tuple[Any, Any, dict[str, Any]]:
    """(logits [10, 5], labels [10], what the score needs beside them by name); what is of an image wants a gradient."""
    import torch

    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Any:
        return torch.randn(*shape, generator=generator)

    logits, labels = drawn(10, 5).requires_grad_(), torch.arange(10) % 5
    half = drawn(4, 4)
    made = {
        "reference": drawn(10, 5).requires_grad_(),
        "heads": drawn(10, 3, 5).requires_grad_(),
        "features": drawn(10, 4).requires_grad_(),
        "moments": (drawn(5, 4), half @ half.T + torch.eye(4), torch.tensor(0.5)),
        "memory": (drawn(20, 4), torch.arange(20) % 5),
        "peers": (drawn(5, 3, 4), drawn(5, 3) > -1, 1 + drawn(5).square()),
        "exemplars": drawn(10, 2, 4),
        "density": drawn(10).requires_grad_(),
    }
    return logits, labels, {need: made[need] for need in module.NEEDS}


def of_rows(needed: Mapping[str, Any], rows: slice) -> dict[str, Any]:
    """What is of these images; what is of the whole set stays."""
    return {need: value if need in ("moments", "memory", "peers") else value[rows] for need, value in needed.items()}


def needs_no_learner(module: Any) -> None:
    """needs no learner: one finite number for each uniform"""
    values = np.asarray(module.score(np.linspace(0, 0.9, 10)))
    require(values.shape == (10,) and np.isfinite(values).all(), "needs no learner", values)


def one_number_per_row(module: Any) -> None:
    """one finite number per row"""
    import torch

    logits, labels, needed = example(module)
    values = module.score(logits, labels, **needed)
    right = isinstance(values, torch.Tensor) and values.shape == (10,) and bool(torch.isfinite(values).all())
    require(right, "one finite number per row", values)


def rows_by_themselves(module: Any) -> None:
    """a batch equals its singles"""
    import torch

    logits, labels, needed = example(module)
    values = module.score(logits, labels, **needed)
    rows = [slice(i, i + 1) for i in range(10)]
    singles = torch.cat([module.score(logits[row], labels[row], **of_rows(needed, row)) for row in rows])
    require(torch.allclose(values, singles, atol=1e-6), "a batch equals its singles", (values - singles).abs().max())


def has_a_gradient(module: Any) -> None:
    """has a gradient in the logits or in what it needs of each image, so that it can guide"""
    import torch

    logits, labels, needed = example(module)
    values = module.score(logits, labels, **needed)
    require(values.requires_grad, "has a gradient", "it does not hang on its arguments by differentiable steps")
    wanting = [value for value in (logits, *needed.values()) if getattr(value, "requires_grad", False)]
    gradients = [g for g in torch.autograd.grad(values.sum(), wanting, allow_unused=True) if g is not None]
    finite = all(bool(torch.isfinite(g).all()) for g in gradients)
    require(finite and any(bool((g != 0).any()) for g in gradients), "has a gradient", gradients)
