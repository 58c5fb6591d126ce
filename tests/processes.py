"""Runs and commands in processes of their own, so that a kill is a real kill and an exit code what a shell would see.

They are forked from a server that has imported torch already: from nothing a process takes seconds to do that.
"""

import multiprocessing
import os
import runpy
import socket
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PRELOADED = [
    "dp_common.lab.runner",
    "timm",
    "sklearn.cluster",
    "sklearn.covariance",
    "sklearn.model_selection",
    "sklearn.datasets",
    "scipy.ndimage",
    "scipy.stats",
]


def context():
    """The server's multiprocessing context; the first process asked of it starts the server."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(PRELOADED)
    return server


def until(condition):
    """Wait for it, twenty seconds at most."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def start(words, environment=()):
    """A process that runs ``words``; its exit code is the run's."""
    process = context().Process(target=child, args=(list(words), dict(environment)))
    process.start()
    return process


def child(words, environment):
    os.environ.update(environment)
    sys.stderr = open(os.devnull, "w")
    from benchmarks.run import stop_on_signals
    from dp_common.config.resolve import resolve
    from dp_common.errors import Problem
    from dp_common.lab import runner

    try:
        runner.execute(resolve(words), stop=stop_on_signals(), quiet=True)
    except Problem as problem:
        sys.exit(problem.code)


def start_ranks(size, words, folder, environment=()):
    """``size`` processes that run ``words`` together, as ``python -m benchmarks.run`` does under torchrun.

    ``folder`` gets what each says: rank0.out, rank0.err, ...
    """
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    shared = {"WORLD_SIZE": str(size), "MASTER_ADDR": "localhost", "MASTER_PORT": str(port), **dict(environment)}
    processes = [
        context().Process(
            target=rank_child, args=(list(words), shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}, str(folder))
        )
        for rank in range(size)
    ]
    for process in processes:
        process.start()
    return processes


def rank_child(words, environment, folder):
    os.environ.update(environment)
    rank = environment["RANK"]
    sys.stderr = open(f"{folder}/rank{rank}.err", "w", buffering=1)
    sys.stdout = open(f"{folder}/rank{rank}.out", "w", buffering=1)
    from dp_common.diffusion.image_sampler import ImageSampler

    sample, slow = ImageSampler.sample, environment.get("DP_TEST_SLOW", "").split(",")
    if slow[0] == rank:  # rank, factor, least seconds of a block

        def sluggish(self, *args):
            began = time.perf_counter()
            images = sample(self, *args)
            time.sleep(max(float(slow[2]), (float(slow[1]) - 1) * (time.perf_counter() - began)))
            return images

        ImageSampler.sample = sluggish
    if "DP_TEST_ALONE" in environment:
        train_alone()
    as_main("benchmarks.run", words)


def train_alone():
    """Have the learner of every rank trained by that rank by itself: no sum of gradients is rounded otherwise."""
    from dp_common.learner.classifier import Learner

    made = Learner.__init__
    Learner.__init__ = lambda self, spec, task, device, readers=0, group=None: made(self, spec, task, device, readers)


def as_main(module, words):
    """What ``python -m module words...`` does with an interpreter that is there already."""
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


class Command:
    """``python -m benchmarks.<module> words...`` as it runs: ``result()`` waits for (exit code, stdout, stderr).

    ``env``: variables beside those of this process, as they are when it starts.
    """

    def __init__(self, module, *words, env=()):
        self.folder = tempfile.TemporaryDirectory()
        environment = {**os.environ, **dict(env)}
        self.process = context().Process(
            target=command_child, args=(f"benchmarks.{module}", list(map(str, words)), environment, self.folder.name)
        )
        self.process.start()

    def result(self):
        self.process.join()
        said = [Path(self.folder.name, name).read_text() for name in ("out", "err")]
        self.folder.cleanup()
        return self.process.exitcode, *said


def command(module, *words, env=()):
    """(exit code, stdout, stderr) of ``python -m benchmarks.<module> words...``."""
    return Command(module, *words, env=env).result()


def command_child(module, words, environment, folder):
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    for number, name in ((1, "out"), (2, "err")):  # the descriptors, not only sys.stdout: it may start processes itself
        os.dup2(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    as_main(module, words)
