"""Runs in processes of their own, forked from a server that has torch imported already, so that a kill is a real kill."""

import multiprocessing
import os
import sys


def context():
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["dp_common.runner", "timm", "sklearn.cluster", "sklearn.covariance", "sklearn.model_selection",
                                   "sklearn.datasets", "scipy.ndimage", "scipy.stats"])
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
    from dp_common import config, runner
    from dp_common.errors import Problem

    try:
        runner.execute(config.resolve(words), stop=stop_on_signals(), quiet=True)
    except Problem as problem:
        sys.exit(problem.code)
