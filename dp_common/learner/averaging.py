"""Averaged weights: torch's, without its wait for the device."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel


class Average(AveragedModel):
    """torch's, by a ``multi_avg_fn`` that does not ask how often was averaged.

    That count is on the CPU, and torch copies it to the device at each update: the host would wait until everything
    that is queued there is done, once an iteration.

    Args:
        model: What is averaged; all of it on one device.
        mix: ``mix(averages, presents, None)`` moves the averages in place, such as torch's ``get_ema_multi_avg_fn``.
        use_buffers: Average buffers too, rather than copy them.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        mix: Callable[[list[Tensor], list[Tensor], None], object],
        use_buffers: bool = False,
    ) -> None:
        super().__init__(model, use_buffers=use_buffers)
        self.mix = mix

    @torch.no_grad()
    def update_parameters(self, model: torch.nn.Module) -> None:
        """The first time the model itself, then what ``mix`` says."""
        ours, theirs = list(self.module.parameters()), list(model.parameters())
        buffers = list(zip(self.module.buffers(), model.buffers(), strict=True))
        if self.use_buffers:
            ours, theirs, buffers = [*ours, *(a for a, _ in buffers)], [*theirs, *(b for _, b in buffers)], []
        if self.n_averaged == 0:
            buffers += zip(ours, theirs, strict=True)
        else:
            for floats in (True, False):  # whole numbers, such as a count of batches, are not for one kernel with these
                pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a.is_floating_point() == floats]
                if pairs:
                    self.mix([a for a, _ in pairs], [b for _, b in pairs], None)
        for average, present in buffers:
            average.copy_(present)
        self.n_averaged += 1
