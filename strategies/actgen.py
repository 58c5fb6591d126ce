"""Real mistakes as anchors (ActGen, Huang et al. 2024, code hunto/ActGen): variants of what the learner gets wrong.

At a plateau, real training images that the learner gets wrong are noised to a share ``strength`` of the levels and
denoised again (SDEdit), steered towards a higher loss:

    x_t = √ᾱ_t a + √(1−ᾱ_t) z      a: a real image, its label kept; z: the noise of the index

``anchors=slow`` is TADA's choice (Nguyen et al., ICLR 2026, arXiv 2505.21574): of each class the cluster of two of the
learner's answers that has the higher loss. ``right`` and ``random`` are the controls.

reproduces: the choice of anchors; published: ActGen keeps the real images in training, mixes them into the latent's
trajectory by weights masked with cross-attention, and guides by a hinge on distance minus 0.1 of the loss, a falling
share made plainly; ours: synthetic images only, SDEdit for any teacher that can encode, guidance by the loss alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from dp_common import BadInput, Budget, Lab, option
from dp_common.lab.anchors import WHICH
from strategies.dp import DeliberatePractice


@dataclass
class ActGen(DeliberatePractice):
    """dp whose additions start from real images that the learner gets wrong (SDEdit); sees real training images: I3"""

    score: str = option("loss", "score whose gradient guides", plugin="score", guides=True)
    omega: float = option(0.02, "guidance weight; 0: variants without guidance")
    anchors: str = option("wrong", "real images to start from: by the learner's answer, or any", choices=WHICH)
    strength: float = option(0.6, "share of the noise levels that is passed; 1: from noise", above=0, high=1)
    fade: float = option(1.0, "strength is multiplied by it from each addition to the next; 1: stays", above=0, high=1)
    section: ClassVar[str] = "actgen"

    def check_real(self, counts: Sequence[int]) -> None:
        """Raises BadInput where there are no real images."""
        if not sum(counts):
            raise BadInput("strategy", self.section, "starts from real training images, and the task has none")

    def planned_work(self, budget: Budget) -> dict[str, float]:
        """Additions start from images, which the learner has looked at."""
        started, looks = budget.scale - self.initial, self.additions * (self.anchors != "random")
        share = sum(self.strength * self.fade**number for number in range(self.additions)) / max(1, self.additions)
        begun = {"started": started, "share": share, "anchored": looks}
        return super().planned_work(budget) | begun | {"unshared": 0 if self.omega else started}

    def add(self, lab: Lab, n: int, number: int) -> None:
        """Variants of n anchors, repeated where there are fewer; where there are none, from noise."""
        rows = lab.anchors(n, self.anchors)
        start = (rows * (n // len(rows) + 1))[:n] if rows else None
        lab.generate(n, self.steer(lab, number), start=start, strength=self.strength * self.fade**number)
