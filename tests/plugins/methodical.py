"""A strategy that asks for all that a lab can look at: references, heads, features, exemplars, real images."""

from dataclasses import dataclass

from dp_common import option
from dp_common.diffusion.guidance import Guidance

GUIDING = ("learnability", "bald", "hardness", "chamfer", "repulsion")
RULES = {"kcentre": {}, "covariance": {"real_per_class": 4, "dimensions": 2}, "ccs": {"strata": 4}, "sir": {}}


@dataclass
class Methodical:
    """an addition by each of these scores, rules and anchors"""

    heard: str = option("bald", "for its sake the learner's snapshots are kept", plugin="score")

    def run(self, lab):
        """Two trainings, then an addition each; the same share of the scale."""
        part = lab.budget.scale // (2 + len(GUIDING) + len(RULES) + 3)
        lab.generate(2 * part)
        yield "plain"
        for _ in range(2):
            lab.train(lab.budget.seen // 8)
            yield "trained"
        for score in GUIDING:
            lab.generate(part, Guidance(score, 0.2, every=1))
            yield score
        for rule, parameters in RULES.items():
            guidance = Guidance(self.heard, 0.2, every=1) if rule == "kcentre" else None
            lab.select(3 * part, part, "entropy", rule=rule, parameters=parameters, guidance=guidance)
            yield rule
        for which in ("wrong", "slow", "random"):
            rows = lab.anchors(part, which)
            lab.generate(part, start=(rows * part)[:part], strength=0.6)
            yield which
        lab.select(0, lab.size - part, "hardness", replace=True)
        yield "dropped"
        while lab.learning:
            lab.train(lab.budget.seen)
        lab.cooldown()
        yield "final"
