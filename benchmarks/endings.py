"""How an application ends: its exit code, and the one line that says why.

0 is done, 2 bad input, 3 held by another live process, 130 told to stop, 1 anything else. Who tells it to stop is
Ctrl-C, SIGTERM (``timeout``, batch systems), SIGUSR2 (a preemption) or ``limit=``: what takes long keeps what is done
and goes on with the same command, all else begins again.
"""

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from dp_common.errors import BadInput, Interrupted, Problem

FULL = errno.ENOSPC, errno.EDQUOT


def guarded(main: Callable[[list[str]], int | None], argv: Sequence[str] | None = None) -> NoReturn:
    """Run ``main(argv)`` and exit with its code; a Problem, Ctrl-C or SIGTERM becomes one line on stderr and its exit
    code.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without our letters shows ? in their place
    code: int | None
    try:
        with ended_like_ctrl_c():
            refuse_no_place()
            try:
                code = main(list(sys.argv[1:] if argv is None else argv))
            finally:
                sys.stdout.flush()
    except Problem as problem:
        print(said(problem), file=sys.stderr)
        code = problem.code
    except BrokenPipeError:
        with suppress(OSError):  # what is left to write goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except KeyboardInterrupt:
        code = interrupted()
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            where = f"{error.filename}: " if error.filename else ""
            print(f"error: {where}{error.strerror}; free some and give the same command again", file=sys.stderr)
            sys.exit(1)
        if not caused_by_interrupt(error):
            raise
        code = interrupted()
    sys.exit(code or 0)


def said(problem: Problem) -> str:
    """The line that is shown of it: being told to stop is no error."""
    return str(problem) if isinstance(problem, Interrupted) else f"error: {problem}"


def interrupted() -> int:
    """Say so; returns the exit code."""
    print("interrupted; the same command goes on from what is kept", file=sys.stderr)
    return Interrupted.code


def refuse_no_place() -> None:
    """Raise BadInput where the working folder has been removed: no path means anything there."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise BadInput("the working folder", None, "it has been removed; cd to one that is there") from None


def caused_by_interrupt(error: BaseException | None) -> bool:
    """Is this error what an import made of a Ctrl-C?"""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # two errors may name each other
        seen.add(id(error))
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """SIGTERM ends what is done inside as Ctrl-C does, in order; again it says nothing new."""
    mine = os.getpid()

    def first(number: int, frame: FrameType | None) -> None:
        if os.getpid() != mine:  # a fork, such as a reader of images: it has nothing to put in order
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        signal.signal(number, lambda *_: None)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
