"""Generation by one and by two processes of one thread each (teacher=unet on digits, or a run's).

They share blocks through a store as the ranks of a run do; images are sampled by the network of the teacher,
quantised and encoded.
"""

import atexit
import multiprocessing
import os
import socket
from multiprocessing.connection import Connection

from benchmarks.speed_suites import Item, Setting

RUN_KEYS = True
NAMES = ("generate.*-rank",)
SIZES, BLOCKS = (1, 2), 8


def items(setting: Setting) -> dict[str, Item]:
    """One item per number of processes."""
    overrides = ["strategy=static", *(setting.overrides or ["task=digits", "teacher=unet"])]
    return {
        f"generate.{size}-rank": Item(
            "images",
            BLOCKS * setting.block,
            Crew(size, overrides, setting.block).call,
            None if size == 1 else "generate.1-rank",
        )
        for size in SIZES
    }


class Crew:
    """``size`` processes that wait for ``call()`` to make BLOCKS blocks of ``block`` images together."""

    def __init__(self, size: int, overrides: list[str], block: int) -> None:
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            port = probe.getsockname()[1]
        context = multiprocessing.get_context("spawn")
        self.pipes: list[Connection] = []
        for rank in range(size):
            ours, theirs = context.Pipe()
            self.pipes.append(ours)
            context.Process(target=member, args=(rank, size, port, overrides, block, theirs), daemon=True).start()
        for pipe in self.pipes:
            pipe.recv()
        atexit.register(self.close)

    def close(self) -> None:
        """Let the processes end."""
        for pipe in self.pipes:
            pipe.close()

    def call(self) -> None:
        """Make the blocks."""
        for pipe in self.pipes:
            pipe.send("go")
        for pipe in self.pipes:
            pipe.recv()


def member(rank: int, size: int, port: int, overrides: list[str], block: int, pipe: Connection) -> None:
    """One of the processes."""
    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }
    import numpy as np
    import torch

    from dp_common.config.resolve import resolve
    from dp_common.diffusion.image_sampler import ImageSampler, quantise
    from dp_common.distributed import rendezvous
    from dp_common.persistence.meter import Meter
    from dp_common.persistence.provenance import fix_arithmetic
    from dp_common.seeds import label_of
    from dp_common.training_data import shards

    fix_arithmetic(1)
    run, group, device = resolve(overrides), rendezvous.join(), torch.device("cpu")
    run.task.load(run.spec.data.split)
    run.teacher.prepare(run.task, device)
    sampler = ImageSampler(run.spec, run.teacher, device, Meter())
    pipe.send("ready")
    while True:
        try:
            pipe.recv()
        except EOFError:
            return group.shutdown()
        for number in group.work_queue(BLOCKS, lambda: False):
            indices = np.arange(number * block, (number + 1) * block)
            for image in quantise(sampler.sample(indices, label_of(indices, len(run.task.classes)))):
                shards.encode(image)
        pipe.send("done")
