"""A strategy that meets everything several ranks must agree on while the weights are the seed's own, then trains."""

import os
import signal
from dataclasses import dataclass

from dp_common.config.options import option
from dp_common.diffusion.guidance import Guidance

if os.environ.get("DP_TEST_BESIDE"):  # files are written by a thread, as beside a device
    from dp_common.lab import attempt
    from dp_common.persistence.background import Background

    attempt.Background = lambda threaded: Background(threaded=True)


@dataclass
class Ranked:
    """plain, guided and selected images before any training; then training"""

    intervals: int = option(2, "intervals of training", low=0)
    fails: str = option("", "where RANK_FAILS fails: training or generation, by kill or error, such as training:kill")

    def run(self, lab):
        third = lab.budget.scale // 3
        lab.generate(third)
        yield "plain"
        self.perhaps_fail("generation")
        lab.generate(third, guidance=Guidance("entropy", 0.1))
        yield "guided"
        lab.select(2 * lab.room, lab.room, "entropy")
        yield "selected"
        for number in range(self.intervals):
            lab.train(lab.budget.stable // max(2, self.intervals))
            yield "trained"
            if not number:
                self.perhaps_fail("training")
        lab.cooldown()
        yield "final"

    def perhaps_fail(self, where):
        if self.fails.startswith(where) and os.environ.get("RANK") == os.environ.get("RANK_FAILS"):
            if self.fails.endswith("kill"):
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("a bad day")
