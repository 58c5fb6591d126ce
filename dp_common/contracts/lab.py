"""The lab as a strategy sees it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from dp_common.config.specification import Budget
    from dp_common.diffusion.guidance import Guidance


class Lab(Protocol):
    """All that a strategy may read and do. Every call is metered and journaled: after an interruption ``run`` starts
    from the top and calls that were answered before are answered from the journal. So a strategy repeats itself: its
    chance comes from ``rng`` alone.

    Attributes:
        budget: scale, images to be seen, batch, classes.
        seed: of the run.
        rng: the strategy's generator, the only source of its chance.
        real_images: how many real training images the teacher has.
        size: images in the training set.
        room: images missing to the scale.
        seen: images the present learner has seen in training, of ``budget.seen``.
        learning: is there anything left of the stable phase? Nothing is added after it.
        rounds: additions so far, the initial set not counted.
    """

    budget: "Budget"
    seed: int
    rng: "np.random.Generator"
    real_images: int

    @property
    def size(self) -> int: ...

    @property
    def room(self) -> int: ...

    @property
    def seen(self) -> int: ...

    @property
    def learning(self) -> bool: ...

    @property
    def rounds(self) -> int: ...

    def generate(
        self,
        n: int,
        guidance: "Guidance | None" = None,
        labels: "Sequence[int] | None" = None,
        start: "Sequence[int] | None" = None,
        strength: float = 0.5,
    ) -> int:
        """Make ``n`` images with the next indices and add them to the training set; returns n.

        Args:
            n: from 1 to ``room``.
            guidance: the score whose gradient is followed, with which weight and rule; None: the plain sampler.
            labels: the class of each, [n]; None: each class in turn.
            start: rows of the teacher's real images to start from (SDEdit), [n], whose labels count; None: from noise.
            strength: with ``start``, in (0, 1]: how much of it is made anew.

        Raises:
            Problem: more than there is room for, or the stable phase is over.
        """
        ...

    def select(
        self,
        pool: int,
        keep: int,
        score: str,
        balance: str = "class",
        replace: bool = False,
        rule: str = "top",
        parameters: "Mapping[str, Any] | None" = None,
        guidance: "Guidance | None" = None,
    ) -> int:
        """Make ``pool`` candidates, add ``keep`` of them by their scores by the learner as it is now; returns keep.

        Args:
            pool: candidates; all are paid for, none is stored but those kept.
            keep: from 1 to ``room``, and at most the candidates.
            score: name of a score.
            balance: ``class``: the same number of each class; ``global``: the best overall.
            replace: the present training set joins the candidates, and only the kept ones remain.
            rule: name of the selection rule; by default those that score highest are kept.
            parameters: of the rule, by name.
            guidance: what steers the candidates; None: the plain sampler.
        """
        ...

    def train(self, images: int, new_weight: float = 1.0) -> float:
        """Train on about ``images`` draws (whole iterations, within the stable phase); returns accuracy on monitor, 0
        to 1.

        Args:
            images: draws from the training set, at least 1.
            new_weight: how many times as often an image of the newest addition is drawn as an older one.
        """
        ...

    def cooldown(self) -> float:
        """Train to the end of the budget with a falling learning rate, the last thing a strategy does; returns
        accuracy on monitor.
        """
        ...

    def real(self, n: int, balance: str = "global") -> int:
        """Add ``n`` of the teacher's own real training images, at most all of them; returns how many.

        Args:
            n: from 1 to ``room``.
            balance: ``global``: by lot; ``class``: the same number of each class, as far as there are.
        """
        ...

    def restart(self) -> None:
        """A fresh learner with the seed's own initial weights and the whole budget before it; what the last one saw
        stays paid for.
        """
        ...

    def freeze(self) -> None:
        """Keep a copy of the learner as it is now, for guidance by a frozen learner."""
        ...

    def errors(self) -> list[float]:
        """The learner's error on monitor, class by class, in [0, 1]; paid for as an evaluation."""
        ...

    def anchors(self, n: int, which: str = "wrong") -> list[int]:
        """At most ``n`` rows of the teacher's real training images, for ``generate(start=)``: that the learner gets
        ``wrong`` or ``right``, is ``slow`` to learn, or any, ``random``.
        """
        ...
