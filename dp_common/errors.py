"""The errors a user meets, with their exit codes.

Every message is one line that names the key, the value and what is allowed.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class Problem(Exception):
    """Base of errors that are shown in one line, without a traceback. ``code`` is the exit status."""

    code = 1


class BadInput(Problem):
    """A value nobody can run with. Found before anything is written.

    Args:
        key: the word of the command line.
        value: what was given; None: nothing was, or it goes without saying.
        allowed: what would have been right, and how to get it.
    """

    code = 2

    def __init__(self, key: str, value: object, allowed: str) -> None:
        self.key, self.value, self.allowed = key, value, allowed
        super().__init__(key, value, allowed)  # what it is made of again in another process

    def __str__(self) -> str:
        given = self.key if self.value is None else f"{self.key}={self.value}"
        return f"{given}: {self.allowed}"


class Held(Problem):
    """The run is held by another live process."""

    code = 3


class Damaged(Problem):
    """A ledger, checkpoint or shard that is corrupted, or of another run.

    The message names the file and what is wrong.
    """


class LeaseLost(Problem):
    """Another process took this run over; this one stops without writing."""


class Interrupted(Problem):
    """A signal asked this attempt to stop; its state is on disk, the same command goes on."""


class PeerFailed(Problem):
    """Another rank of this run has failed or is gone.

    Args:
        text: the message.
        code: that rank's exit status.
        reported: it has said so itself, and its own error is the one that counts.
    """

    def __init__(self, text: str, code: int = 1, reported: bool = False) -> None:
        self.code, self.reported = code, reported
        super().__init__(text)


def did_you_mean(word: object, names: Iterable[str]) -> str:
    """' Did you mean X?' or ''."""
    close = get_close_matches(str(word), list(names), n=1, cutoff=0.5)
    return f" Did you mean {close[0]}?" if close else ""
