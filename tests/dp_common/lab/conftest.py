"""A lab without a runner: a small run on the plane, whose ledger, models and data a test can look at."""

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from dp_common.config.resolve import resolve
from dp_common.distributed.process_group import SingleProcess
from dp_common.lab import runner
from dp_common.lab.attempt import Attempt, context_of
from dp_common.lab.lab import Lab
from dp_common.lab.replay import Replay
from dp_common.lab.runner import preflight
from dp_common.persistence.ledger import Ledger
from dp_common.persistence.meter import Meter

TINY = [
    "task=plane",
    "strategy=static",
    "scale=60",
    "train.seen=1280",
    "train.batch=64",
    "sampler.steps=4",
    "sampler.block=16",
    "shard=32",
]


@pytest.fixture
def open_lab(tmp_path):
    """``open_lab("scale=90", ...)`` -> an attempt at a run, as the runner opens it: ``lab, replay, run, ledger``.

    Opened again with the same words it goes on where the last one was.
    """
    with opened(tmp_path / "runs") as open_one:
        yield open_one


@contextmanager
def opened(root):
    """``open_lab`` of runs in a folder."""
    ledgers = []

    def open_one(*words, stop=runner.never, group=None):
        given = {word.partition("=")[0] for word in words}
        kept = [word for word in TINY if word.partition("=")[0] not in given]
        resolved = resolve([*words, *kept, f"root={root}"])
        device, folder = preflight(resolved), Path(runner.folder_of(resolved))
        folder.mkdir(parents=True, exist_ok=True)
        meter = Meter()
        attempt = Attempt(resolved, folder, device, group or SingleProcess(), meter, stop, quiet=True)
        ledger = Ledger(folder, resolved.run_id, lambda: None, meter.snapshot_and_reset)
        ledger.append("open", run_id=resolved.run_id)
        ledgers.append(ledger)
        run = context_of(attempt, ledger)
        replay = Replay(run)
        replay.begin()
        return SimpleNamespace(lab=Lab(replay), replay=replay, run=run, ledger=ledger, strategy=resolved.strategy)

    yield open_one
    for ledger in ledgers:
        ledger.close()
