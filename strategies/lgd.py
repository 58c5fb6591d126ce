"""Learnability-guided diffusion (LGD; Chan-Santiago & Shah, CVPR 2026, arXiv 2604.00519): dp's loop, another score.

    S = CE(f(x), y) − CE(f_ref(x), y),      ε ← ε − ω ρ ∇S,  ρ = √(1−ᾱ)‖ε‖/‖∇S‖      (scores/learnability, eps-relative)

At each addition κ guided candidates an image are made, and those with the largest S kept.

reproduces: the score, ρ, κ candidates; not its deviation term, which keeps away from the set's nearest image of the
class (the score ``repulsion`` does so by itself); published: sets grow from a seed of 10 images a class by 10 a class,
and the learner is trained on each set; λ (our ω), the reference's weight and κ were not to be found; ours: dp's sizes
and plateaus, the best of a class's candidates rather than of each slot's, and the sign that raises S.
"""

from dataclasses import dataclass
from typing import ClassVar

from dp_common import Budget, Lab, option
from strategies.dp import DeliberatePractice


@dataclass
class Lgd(DeliberatePractice):
    """dp with kappa candidates guided to what is learnable, by a reference that knows real images; the best kept"""

    score: str = option("learnability", "score that guides and chooses", plugin="score", guides=True)
    rule: str = option("eps-relative", "how the gradient moves a step", plugin="guidance rule")
    candidates: int = option(2, "kappa, guided candidates per image kept", low=1)
    section: ClassVar[str] = "lgd"

    def planned_work(self, budget: Budget) -> dict[str, float]:
        """Every candidate is guided and scored."""
        plan = super().planned_work(budget)
        pool = self.candidates * (budget.scale - self.initial)
        guided = pool if self.omega else 0
        plain = pool - guided
        return plan | {"generated": self.initial + plain, "guided": guided, "scored": pool, "candidates": plain}

    def add(self, lab: Lab, n: int, number: int) -> None:
        """The most learnable of κ n candidates."""
        lab.select(self.candidates * n, n, self.score, guidance=self.steer(lab, number))
