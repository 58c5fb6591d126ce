"""What a score must keep."""

import numpy as np

from dp_common.conformance.rules import require


def check_score(name):
    """A score gives one finite number per row in fp32, alone or in a batch, and unless blind has a gradient. Raises
    Nonconforming.
    """
    import torch

    from dp_common.config import registry

    module = registry.find("score", name).load()
    if getattr(module, "BLIND", False):
        values = np.asarray(module.score(np.linspace(0, 0.9, 10)))
        require(values.shape == (10,), "shape", values.shape)
        return
    logits = torch.randn(10, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    labels = torch.arange(10) % 5
    values = module.score(logits, labels)
    require(values.shape == (10,) and bool(torch.isfinite(values).all()), "one finite number per row", values)
    singles = torch.cat([module.score(logits[i : i + 1], labels[i : i + 1]) for i in range(10)])
    require(torch.allclose(values, singles, atol=1e-6), "a batch equals its singles", (values - singles).abs().max())
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    require(bool(torch.isfinite(gradient).all()) and bool((gradient != 0).any()), "has a gradient", gradient)
