"""Guidance: steering the sampler up the gradient of a score of the current learner, asked for by one value.

Target density Q ∝ π·P with log π ∝ ω·H adds ω∇H to the score ∇log p. Since ε = −√(1−ᾱ)·score, raising H *subtracts*
from ε. (The paper's Eq. 7 prints the opposite sign; its Algorithm 1 is right.) With g = ∇_{x_t} H(f(x̂0(x_t))):

    score        ε ← ε − kω√(1−ᾱ) g, x̂0 follows: x̂0 ← x̂0 + kω(1−ᾱ)/√ᾱ g      k = ``every``
    relative     δ = ω‖x_t‖ g/‖g‖;  x̂0 kept, ε ← ε + δ/√(1−ᾱ)
    eps-relative ρ = √(1−ᾱ)‖ε‖/‖g‖;  ε ← ε − ωρ g, x̂0 follows                    as in arXiv 2604.00519
    predecessor  δ as above;        x ← x + δ, ε kept, x̂0 ← x̂0 + δ/√ᾱ          as in arXiv 2310.00158

``relative`` moves the next x_{t'} by √((1−ᾱ_{t'})/(1−ᾱ_t)) δ, towards higher H; it moves nothing at a last step to ᾱ
= 1. ``through=denoiser`` differentiates decoder and network; ``through=decoder`` takes ∂x̂0/∂x_t as √ᾱ_t·I, which is
exact for unit-variance data (1/√ᾱ_t, from holding ε fixed, explodes at high noise).

In ``score`` ω means the same at any frequency. Rules are plugins, one file each in ``dp_common/guidance_rules``. This
module imports no torch; ``guidance_step.py`` does the work.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from dp_common.config import registry
from dp_common.errors import BadInput

THROUGH = ("denoiser", "decoder")


@dataclass(frozen=True)
class Guidance:
    """What steers the images of one addition: from the strategy, through the lab's journal, to the sampler.

    Args:
        score: Name of the score whose gradient is followed, or a path to its file; evaluated on the learner's logits.
        omega: Guidance weight ω, finite; 0: the plain sampler, negative: towards low scores. Its unit is the rule's.
        rule: Guidance rule, how the gradient moves a step; see the module's equations.
        through: What is differentiated: ``denoiser`` (decoder and network) or ``decoder`` alone.
        every: One step in so many is guided, at least 1.
        frozen: By the learner as it was at ``lab.freeze()``, instead of as it is now.

    Raises:
        BadInput: A value that nobody can sample with, naming the field and what is allowed.
    """

    score: str
    omega: float
    rule: str = "relative"
    through: str = "denoiser"
    every: int = 1
    frozen: bool = False

    def __post_init__(self) -> None:
        registry.find("score", str(self.score), "guidance.score")
        registry.find("guidance rule", str(self.rule), "guidance.rule")
        if self.through not in THROUGH:
            raise BadInput("guidance.through", self.through, f"one of {', '.join(THROUGH)}")
        if isinstance(self.every, bool) or int(self.every) != self.every or self.every < 1:
            raise BadInput("guidance.every", self.every, "a whole number of at least 1")
        if not math.isfinite(self.omega):
            raise BadInput("guidance.omega", self.omega, "a finite number")
        for name, plain in (("omega", float), ("every", int), ("frozen", bool)):  # numpy's numbers are not journaled
            object.__setattr__(self, name, plain(getattr(self, name)))

    def as_record(self) -> dict[str, Any]:
        """Its fields, as a call's line in the ledger holds them."""
        return asdict(self)


def rule_step(name: str) -> Callable:
    """The ``step`` of a guidance rule; ``dp_common.guidance_rules`` has its contract. Raises BadInput."""
    return registry.find("guidance rule", name).load().step
