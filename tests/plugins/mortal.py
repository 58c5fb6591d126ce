"""Deliberate practice that kills its own process just before the yield that KILL_BEFORE counts to."""

import os
import signal

from strategies.dp import DeliberatePractice as _DeliberatePractice


class Mortal(_DeliberatePractice):
    """dp, killed on demand"""

    def run(self, lab):
        for number, event in enumerate(super().run(lab), 1):
            if number == int(os.environ.get("KILL_BEFORE", 0)):
                os.kill(os.getpid(), signal.SIGKILL)
            yield event
