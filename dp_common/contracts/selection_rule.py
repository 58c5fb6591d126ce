"""What a selection rule must keep."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np


class SelectionRule(Protocol):
    """Which of many scored candidates are kept; a class whose fields are its parameters.

    It has ``keys`` or ``choose``; one with both streams. Candidates come in any order and cut in any way, so a rule's
    chance is ``uniforms`` alone. Parameters that do not go together it refuses in ``__post_init__``, by BadInput of the
    parameter's own name.

    Attributes:
        streams: is there ``keys``? All three flags follow from what the class has.
        chooses: is there ``choose``?
        measures: is there ``measure``?
        NEEDS: optional, (). Of a rule that chooses, names of what it looks at beside scores; each comes as a keyword
            of ``choose``, for the group, is metered and paid for: ``features`` [n, D] of the candidates, what the
            learner's last linear layer sees; ``present`` [m, D] of the present training set; ``real`` [k, D] of the
            first ``real_per_class`` real images of each class, a parameter of such a rule.
    """

    streams: bool
    chooses: bool
    measures: bool
    NEEDS: tuple[str, ...]

    def keys(self, scores: "np.ndarray", labels: "np.ndarray", uniforms: "np.ndarray") -> "np.ndarray":
        """The candidates with the largest keys are kept, in each group; equal keys: the lower index.

        Args:
            scores: [n] float32, higher: more wanted.
            labels: [n] int64.
            uniforms: [n] float64 in [0, 1), each a function of seed and image index.

        Returns:
            [n], each row by itself, no NaN.
        """
        ...

    def choose(
        self, scores: "np.ndarray", labels: "np.ndarray", uniforms: "np.ndarray", keep: int, **needed: "np.ndarray"
    ) -> "np.ndarray":
        """``keep`` different rows of one group, whose n candidates are in order of index; keep is at least 1 and at
        most n. They are made a second time, and paid for.
        """
        ...

    def measure(self, scores: "np.ndarray", groups: "np.ndarray", keep: int) -> "tuple[Mapping[str, float], str]":
        """Optional. What is to be known of a selection: numbers for the ledger's line of the call, and a note for
        people, or "".

        Args:
            scores: [n] of all candidates, in order of index.
            groups: [n] int64: within which they compete, their classes or one of all.
            keep: how many are kept, in all.
        """
        ...
