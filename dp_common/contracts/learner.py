"""The protocol of a learner."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch.nn import Module


class Learner(Protocol):
    """The classifier: a class, or a function that makes it."""

    def __call__(self, classes: int, shape: tuple[int, int, int], **model_args: Any) -> "Module":
        """A network for float images [B, *shape] about [-1, 1] that answers with logits [B, classes].

        Args:
            classes: of the task.
            shape: (channels, height, width).
            **model_args: ``train.model_args.NAME=VALUE``; the parameters after the first two are what it takes.

        Raises:
            ValueError, TypeError, AssertionError: it cannot be built so; the message is shown as one line.
        """
        ...
