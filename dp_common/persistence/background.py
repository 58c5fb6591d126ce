"""Work of the host beside the device: one thread that does in order what it is handed, so that the device need not
wait for files to be encoded and written. Where there is no device to be beside, it is done at once.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
BOUND = 8  # pieces of work that may wait; who hands in more waits for the oldest


class Background:
    """What is handed in is done in order, by one thread or at once.

    Args:
        threaded: by a thread; else whoever hands it in does it.
    """

    def __init__(self, threaded: bool = False) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="files") if threaded else None
        self._undone: deque[Future[Any]] = deque()

    @property
    def threaded(self) -> bool:
        """Is it done by a thread?"""
        return self._pool is not None

    def do(self, work: Callable[[], T]) -> "Future[T]":
        """Have ``work()`` done. An error is raised where the answer is asked for, or here where it is done at once.

        Waits where more than ``BOUND`` pieces are undone, so that what they hold does not pile up.
        """
        if self._pool is None:
            done: Future[T] = Future()
            done.set_result(work())
            return done
        while self._undone and (self._undone[0].done() or len(self._undone) >= BOUND):
            self._undone.popleft().exception()  # waits; whoever asks for the answer hears of the error
        future = self._pool.submit(work)
        self._undone.append(future)
        return future

    def close(self) -> None:
        """Wait for what is being done; what has not begun is dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
