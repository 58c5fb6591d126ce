"""Runs in processes of their own, forked from a server that has torch imported already, so that a kill is a real kill."""

import multiprocessing
import os
import socket
import sys
import time


def context():
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(
        [
            "dp_common.lab.runner",
            "timm",
            "sklearn.cluster",
            "sklearn.covariance",
            "sklearn.model_selection",
            "sklearn.datasets",
            "scipy.ndimage",
            "scipy.stats",
        ]
    )
    return server


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
    """``size`` processes that run ``words`` together, as ``python -m benchmarks.run`` does under torchrun; ``folder`` gets what each says."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    told = {"WORLD_SIZE": str(size), "MASTER_ADDR": "localhost", "MASTER_PORT": str(port), **dict(environment)}
    processes = [
        context().Process(
            target=rank_child, args=(list(words), told | {"RANK": str(rank), "LOCAL_RANK": str(rank)}, str(folder))
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
    from benchmarks.cli import guarded
    from benchmarks.run import main
    from dp_common.diffusion.image_sampler import ImageSampler

    sample, slow = ImageSampler.sample, environment.get("DP_TEST_SLOW", "").split(",")
    if slow[0] == rank:  # rank, factor, least seconds of a block

        def sluggish(self, *args):
            began = time.perf_counter()
            images = sample(self, *args)
            time.sleep(max(float(slow[2]), (float(slow[1]) - 1) * (time.perf_counter() - began)))
            return images

        ImageSampler.sample = sluggish
    guarded(main, words)
