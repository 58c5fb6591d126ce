"""The ledger of a run as the ranks have it that do not write it: its lines come from the first rank, in order."""

from typing import Any, cast

from dp_common.distributed.heartbeat import ended
from dp_common.distributed.process_group import ProcessGroup
from dp_common.persistence.records import Record


class LedgerReplica:
    """What the first rank wrote.

    Args:
        group: the ranks.
        records: the lines that were there when the attempt began.
    """

    writes = False

    def __init__(self, group: ProcessGroup, records: list[Record]) -> None:
        self.group, self.records = group, records

    def holds(self) -> None:
        """Raise PeerFailed if another rank is gone, Interrupted if the first has ended so."""
        self.group.raise_if_peer_lost()

    def append(self, kind: str, **content: Any) -> Any:
        """Wait for the first rank's line of this kind and return it; ``content`` is not looked at.

        Lines that are only the first rank's own go by. Raises Interrupted or PeerFailed if it ends instead.
        """
        while True:
            record = self.group.next_line()
            self.records.append(record)
            if record["kind"] == kind:
                return record
            if record["kind"] == "close":
                raise ended(cast(Any, record))

    def close(self) -> None:
        """Nothing is read after this."""
