"""``run ranks=N``: the processes of one run on this machine, started, watched and ended by this one.

What ``torchrun --standalone --nproc-per-node=N`` does, in one word and with one line when a process dies. Each gets
the same words and the variables by which ranks find each other (``dp_common/distributed/rendezvous.py``).
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from dp_common.errors import BadInput

GRACE = 20.0  # seconds the others have to commit and leave once one has ended badly
LOOK = 0.05  # seconds between looks at whether all still run
# All memory in large pages, which glibc takes up only as a process begins: what is kept for the next tensors lies in
# pages of 4 KiB otherwise, whose addresses are looked up again and again. No number depends on it.
LARGE_PAGES = "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"


def launch(ranks: int, words: Sequence[str]) -> int:
    """Run ``ranks`` processes to their end; returns the exit code of the first that ended badly, else 0.

    Args:
        ranks: how many.
        words: of ``python -m benchmarks.run``, without ``ranks=``.

    Raises:
        BadInput: this process is a rank itself.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) > 1 or int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1:
        raise BadInput("ranks", ranks, "1 under torchrun or srun, which have started the ranks already")
    port = free_port_of()
    processes = [start(rank, ranks, port, words) for rank in range(ranks)]
    handlers = {number: signal.signal(number, passer(processes)) for number in (signal.SIGTERM, signal.SIGUSR2)}
    handlers[signal.SIGINT] = signal.signal(signal.SIGINT, lambda *_: None)  # a terminal tells all processes itself
    try:
        return watch(processes)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def start(rank: int, ranks: int, port: int, words: Sequence[str]) -> "subprocess.Popen[bytes]":
    """One rank."""
    place: dict[str, int | str] = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
    place |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TORCHELASTIC_")}
    environment |= {name: str(value) for name, value in place.items()}
    environment.setdefault(*LARGE_PAGES)
    return subprocess.Popen([sys.executable, "-m", "benchmarks.run", *words], env=environment)


def free_port_of(host: str = "127.0.0.1") -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def passer(processes: "Sequence[subprocess.Popen[bytes]]") -> Any:
    """A handler that passes a signal on to all that run."""

    def handler(number: int, frame: Any) -> None:
        for process in processes:
            if process.poll() is None:
                process.send_signal(number)

    return handler


def watch(processes: "Sequence[subprocess.Popen[bytes]]") -> int:
    """Wait for all; once one has ended badly the others are asked to leave, and made to after ``GRACE``."""
    first, deadline = 0, float("inf")
    while True:
        codes = [process.poll() for process in processes]
        bad = next((rank for rank, code in enumerate(codes) if code), None)
        if bad is not None and not first:
            code = codes[bad] or 0
            first, deadline = exit_code(code), time.monotonic() + GRACE
            if code < 0:
                print(f"error: {death(bad, len(processes), code)}", file=sys.stderr, flush=True)
                passer(processes)(signal.SIGTERM, None)
        if None not in codes:
            return first
        if time.monotonic() > deadline:
            for process in processes:
                if process.poll() is None:
                    process.kill()
        time.sleep(LOOK)


def death(rank: int, ranks: int, code: int) -> str:
    """One line about a rank that a signal ended."""
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    memory = ", as where memory is short" if -code == signal.SIGKILL else ""
    kept = "the others leave; what is done is kept, the same command goes on"
    return f"rank {rank} of {ranks} was ended by {name}{memory}; {kept}"


def exit_code(code: int) -> int:
    """A process's own exit code; 1 for one that a signal ended."""
    return code if code > 0 else 1
