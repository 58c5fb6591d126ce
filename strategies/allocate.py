"""Classes by need: an addition has more images of the classes that the learner gets wrong.

    share of class c  =  f / C + (1 − f) e_c^a / Σ e^a         e_c: its error on monitor

reproduces: nothing exactly; published: class-wise feedback is common where data is scarce; ours: the rule, its floor
f, and the control (dp, whose classes come in turns). Monitor is looked at, as patience does.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dp_common import Budget, Lab, option
from strategies.dp import DeliberatePractice


@dataclass
class Allocate(DeliberatePractice):
    """dp whose additions have more images of the classes that it gets wrong on monitor; omega=0: that alone"""

    exponent: float = option(1.0, "a: shares go with error^a; 0: equal shares", low=0)
    floor: float = option(0.5, "f, share of an addition that is dealt out equally", low=0, high=1)
    section: ClassVar[str] = "allocate"

    def planned_work(self, budget: Budget) -> dict[str, float]:
        """An evaluation more at each addition, whose labels are chosen."""
        plan = super().planned_work(budget)
        chosen = budget.scale - self.initial
        looks = {"evaluations": plan["evaluations"] + self.additions}
        return plan | looks | {"labelled": chosen, "unshared": 0 if self.omega else chosen}

    def add(self, lab: Lab, n: int, number: int) -> None:
        """n images, their classes by lot in these shares."""
        counts = shares(np.array(lab.errors()), n, self.exponent, self.floor)
        labels = lab.rng.permutation(np.repeat(np.arange(len(counts)), counts))
        lab.generate(n, self.steer(lab, number), labels=labels.tolist())


def shares(errors: np.ndarray, n: int, exponent: float, floor: float) -> np.ndarray:
    """[C] whole numbers that sum to n, by largest remainders. Where nothing is wrong all are equal."""
    need = errors**exponent if errors.any() else np.ones_like(errors)
    wanted = n * (floor / len(errors) + (1 - floor) * need / need.sum())
    counts = np.floor(wanted).astype(int)
    most = np.argsort(counts - wanted, kind="stable")[: n - counts.sum()]
    counts[most] += 1
    return counts
