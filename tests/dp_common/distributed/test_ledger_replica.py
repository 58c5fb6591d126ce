"""Other ranks read the first rank's ledger: they wait for a line of the kind they would have written."""

import pytest

from dp_common.distributed.ledger_replica import LedgerReplica
from dp_common.errors import Interrupted, PeerFailed


class Group:
    """Ranks whose first one has written these lines."""

    def __init__(self, *lines):
        self.lines = list(lines)

    def next_line(self):
        return self.lines.pop(0)

    def raise_if_peer_lost(self):
        raise PeerFailed("rank 0 is gone")


def test_lines_of_other_kinds_go_by_and_are_kept():
    lines = [{"kind": "open"}, {"kind": "shard", "file": "a"}, {"kind": "call", "answer": 8}]
    replica = LedgerReplica(Group(*lines[1:]), lines[:1])
    assert replica.append("call", answer="whatever this rank thinks") == lines[2]
    assert replica.records == lines and not replica.writes


@pytest.mark.parametrize("state, error", [("interrupted", Interrupted), ("failed", PeerFailed)])
def test_the_end_of_the_first_is_the_end(state, error):
    replica = LedgerReplica(Group({"kind": "close", "state": state, "why": "so it is"}), [])
    with pytest.raises(error, match="so it is"):
        replica.append("call")


def test_its_last_line_is_a_line_like_others():
    close = {"kind": "close", "state": "done", "wall": 1.0}
    assert LedgerReplica(Group(close), []).append("close") == close


def test_it_holds_as_long_as_the_others_live():
    with pytest.raises(PeerFailed, match="rank 0 is gone"):
        LedgerReplica(Group(), []).holds()
