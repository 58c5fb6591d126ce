"""Several processes at one run: who they are, how they agree, and how they notice that one of them is gone.

Under torchrun, or in a SLURM step of several tasks, every rank runs the same program and replays the same strategy (a
plain process is its own group: ``SingleProcess``; several are a ``StoreGroup``, store_group.py). A collective is open
nowhere but inside an iteration of training, so one slow rank keeps others waiting and nothing else.

The first rank is the one writer of ledger, checkpoints and summary. Its ledger is what all agree by: the others read
every line from it (ledger_replica.py), and so have the same journal. Work is shared out by a counter (work_queue.py):
whoever is free takes the next number and submits what came out of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dp_common.distributed.work_queue import LocalWorkQueue, WorkQueue
from dp_common.persistence.records import Record

if TYPE_CHECKING:
    import torch


class ProcessGroup(ABC):
    """The processes that work on one run together.

    Attributes:
        rank: number of this process, from 0.
        size: how many there are.
        local: its number among those on this machine.
        first: is it rank 0, the one that writes?
    """

    rank: int
    size: int
    local: int

    @property
    def first(self) -> bool:
        return self.rank == 0

    @abstractmethod
    def set_timeout(self, seconds: float) -> None:
        """A rank that gives no sign of life for so long is gone."""

    @abstractmethod
    def broadcast(self, value: Any) -> Any:
        """What the first rank passes, on every rank; JSON. The value that another rank passes is ignored."""

    @abstractmethod
    def all_gather(self, data: bytes) -> list[bytes]:
        """The bytes that every rank passes, in order of rank, on every rank."""

    @abstractmethod
    def work_queue(self, n: int, stop: Callable[[], bool]) -> WorkQueue:
        """The numbers 0 .. n-1 to be shared out among the ranks; ``stop()`` says whether work is to be broken off."""

    @abstractmethod
    def stop_requested(self, stop: Callable[[], bool]) -> bool:
        """Has any rank been asked to stop? Only the first knows of the others: ``broadcast`` its answer."""

    @abstractmethod
    def raise_if_peer_lost(self) -> None:
        """Raise PeerFailed if another rank has failed or is gone, Interrupted if the first has ended so."""

    @abstractmethod
    def connect(self, device: "torch.device") -> None:
        """Open the process group of torch.distributed that training reduces over."""

    @abstractmethod
    def publish(self, record: Record) -> None:
        """On the first rank: let the others have a line of the ledger."""

    @abstractmethod
    def next_line(self) -> Record:
        """On the others: wait for the next line of the ledger."""

    @abstractmethod
    def on_forced_exit(self, last_word: Callable[[Exception], None]) -> None:
        """Have ``last_word(error)`` called, in another thread, before this rank is ended by force.

        It is where it hangs, in a collective as a rule, though another rank is gone.
        """

    @abstractmethod
    def report_failure(self, error: BaseException) -> bool:
        """Let the other ranks know of an error; returns whether it is the first of all, the one to show."""

    @abstractmethod
    def root_cause(self, error: Exception) -> Exception:
        """The error to show for one that was raised here.

        Where a collective broke: why another rank left, if that comes to light.
        """

    @abstractmethod
    def shutdown(self) -> None:
        """The end of this rank, good or bad."""


class SingleProcess(ProcessGroup):
    """One process alone: it agrees with itself."""

    rank, size, local = 0, 1, 0

    def set_timeout(self, seconds: float) -> None:
        pass

    def broadcast(self, value: Any) -> Any:
        return value

    def all_gather(self, data: bytes) -> list[bytes]:
        return [data]

    def work_queue(self, n: int, stop: Callable[[], bool]) -> WorkQueue:
        return LocalWorkQueue(n, stop)

    def stop_requested(self, stop: Callable[[], bool]) -> bool:
        return stop()

    def raise_if_peer_lost(self) -> None:
        pass

    def connect(self, device: "torch.device") -> None:
        pass

    def publish(self, record: Record) -> None:
        pass

    def next_line(self) -> Record:
        raise RuntimeError("there is no other rank whose ledger could be read")

    def on_forced_exit(self, last_word: Callable[[Exception], None]) -> None:
        pass

    def report_failure(self, error: BaseException) -> bool:
        return True

    def root_cause(self, error: Exception) -> Exception:
        return error

    def shutdown(self) -> None:
        pass
