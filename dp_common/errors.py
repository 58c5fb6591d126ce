"""The errors a user meets, with their exit codes.

Every message is one line that names the key, the value and what is allowed.
"""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

ALIKE = 0.72  # of two words, at least, for one to be meant by the other


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
    """A signal or ``limit=`` asked this attempt to stop; its state is on disk, the same command goes on."""

    code = 130


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
    """' Did you mean X?' or ''; better nothing than a name that only shares some letters."""
    alike = [(likeness(str(word).lower(), name.lower()), -len(name), name) for name in names]
    best = max(alike, default=(0.0, 0, ""))
    return f" Did you mean {best[2]}?" if best[0] >= ALIKE else ""


def likeness(word: str, name: str) -> float:
    """From 0 to 1. Of keys of one section, ``train.lrr`` and ``train.lr``, the parts after the dot are compared; and
    ``batch`` is like ``train.batch``, ``vit_tny`` like what begins with ``vit_tiny``.
    """
    (group, _, last), (own_group, _, own) = word.rpartition("."), name.rpartition(".")
    if group and group == own_group:
        return ratio(last, own)
    found = ratio(word, name)
    if own_group and not group:
        found = max(found, 0.95 * ratio(word, own))
    tokens = re.split("([-_.])", name)
    beginnings = ("".join(tokens[:end]) for end in range(1, len(tokens), 2))
    found = max([found, *(0.95 * ratio(word, start) for start in beginnings if len(start) > 4)])
    return max(found, 0.8) if len(word) > 2 and word in tokens else found


def ratio(one: str, other: str) -> float:
    """How alike two words are; 0 where their lengths or letters show at once that they are not."""
    matcher = SequenceMatcher(None, one, other)
    quick = matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE
    return matcher.ratio() if quick else 0.0
