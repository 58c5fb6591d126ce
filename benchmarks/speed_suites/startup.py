"""What a start is spent on: Python, what a command answers without torch, each heavy import, a smallest run.

Each is an interpreter of its own. ``start.again`` is a finished run's command; ``start.run`` trains one batch.
"""

import atexit
import os
import subprocess
import sys
import tempfile
from functools import partial

from benchmarks.speed_suites import Item, Setting

RUN_KEYS = False
NAMES = ("start.*",)
RUN = ["strategy=static", "scale=100", "train.seen=1280", "population.images=0", "--quiet"]
COMMANDS = {
    "start.help": ["-m", "benchmarks.run", "--help"],
    "start.list": ["-m", "benchmarks.run", "--list"],
    "start.dry_run": ["-m", "benchmarks.run", "--dry-run"],
    "start.bad_root": ["-m", "benchmarks.run", "root=/proc/none"],
    "start.import_numpy": ["-c", "import numpy"],
    "start.import_torch": ["-c", "import torch"],
    "start.import_torch_optim": ["-c", "import torch._dynamo"],  # AdamW does
    "start.import_timm": ["-c", "import timm"],
    "start.import_sklearn": ["-c", "import sklearn.cluster"],
    "start.import_runner": ["-c", "import dp_common.lab.runner"],
}


def items(setting: Setting) -> dict[str, Item]:
    """One start of each, beside that of Python alone."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    done, new = f"root={folder.name}/done", iter(range(10**9))
    start([*("-m", "benchmarks.run"), *RUN, done])
    found = {"start.python": Item("starts", 1, partial(start, ["-c", "pass"]))}
    found |= {name: Item("starts", 1, partial(start, words), "start.python") for name, words in COMMANDS.items()}
    found["start.again"] = Item("starts", 1, partial(start, ["-m", "benchmarks.run", *RUN, done]), "start.python")

    def fresh() -> None:
        start(["-m", "benchmarks.run", *RUN, f"root={folder.name}/{next(new)}"])

    return found | {"start.run": Item("starts", 1, fresh, "start.python")}


def start(words: list[str]) -> None:
    """An interpreter from its start to its end."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *words], capture_output=True, env=environment)
    if b"Traceback" in done.stderr:
        raise RuntimeError(done.stderr.decode())
