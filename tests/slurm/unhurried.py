"""A static strategy that pauses as long as DP_TEST_PAUSE says after each interval it really trains, not in a replay."""

import os
import time


class Unhurried:
    """static, with pauses"""

    def run(self, lab):
        lab.generate(lab.budget.scale)
        yield "generated"
        while lab.learning:
            began = time.perf_counter()
            lab.train(lab.budget.seen // 16)
            if time.perf_counter() - began > 0.003:
                time.sleep(float(os.environ.get("DP_TEST_PAUSE", 0)))
            yield "trained"
        lab.cooldown()
        yield "final"
