"""The errors a user meets, with their exit codes; every message is one line that names the key, the value and what is allowed."""

from difflib import get_close_matches


class Problem(Exception):
    """Base of errors that are told in one line, without a traceback. ``code`` is the exit status."""

    code = 1


class BadInput(Problem):
    """A value nobody can run with. Found before anything is written."""

    code = 2

    def __init__(self, key, value, allowed):
        self.key = key
        super().__init__(f"{key}={value}: {allowed}" if value is not None else f"{key}: {allowed}")


class Held(Problem):
    """The run is held by another live process."""

    code = 3


class Damaged(Problem):
    """A ledger, checkpoint or shard that is corrupted, or of another run. The message names the file and what is wrong."""


class LeaseLost(Problem):
    """Another process took this run over; this one stops without writing."""


class Interrupted(Problem):
    """A signal asked this attempt to stop; its state is on disk, the same command goes on."""


class PeerFailed(Problem):
    """Another rank of this run has failed or is gone. ``told``: it has said so itself, and its own error is the one that counts;
    ``code`` is that rank's.
    """

    def __init__(self, text, code=1, told=False):
        self.code, self.told = code, told
        super().__init__(text)


def did_you_mean(word, names):
    """' Did you mean X?' or ''."""
    close = get_close_matches(str(word), list(names), n=1, cutoff=0.5)
    return f" Did you mean {close[0]}?" if close else ""
