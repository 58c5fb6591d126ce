"""``take`` a lease, a ``holder`` in a process of its own, and ``at_once``: nobody waits."""

import subprocess
import sys
import time

import pytest

from dp_common.persistence import lease
from dp_common.persistence.lease import Lease
from tests.dp_common.persistence.leases import HOLDER, LONG


@pytest.fixture
def take(tmp_path):
    """take(...) -> a Lease that ends with the test."""
    taken = []

    def make(ttl=LONG, folder=tmp_path):
        taken.append(Lease(folder, ttl))
        return taken[-1]

    yield make
    for one in taken:
        one.release()


@pytest.fixture
def holder(tmp_path):
    """holder(ttl) -> a process of its own that holds the lease; has ``token`` and ``ask(line)``."""
    started = []

    def start(ttl):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path), str(ttl)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        process.token = process.stdout.readline().strip()

        def ask(line):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        process.ask = ask
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.fixture
def at_once(monkeypatch):
    def waited(seconds):
        raise AssertionError("waited for a holder that is certainly gone")

    monkeypatch.setattr(
        lease, "time", type("Clock", (), {"sleep": waited, "monotonic": time.monotonic, "time": time.time})
    )
