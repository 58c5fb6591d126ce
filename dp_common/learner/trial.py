"""A few timed iterations of a copy of the learner, so that a run can say at its start how long its training takes."""

import time
from collections.abc import Callable

import torch
from torch.nn.functional import cross_entropy

from dp_common.learner.classifier import Learner

SECONDS = 0.5  # of a trial, about; one iteration at least
FEW = 2  # images of the iteration that says how many fit into a trial


def images_per_second(learner: Learner, wait: Callable[[], object]) -> float:
    """Training images a second of one rank: forward and backward passes of zeros through a copy.

    The learner and torch's generators are left as they are. Without the optimiser's step, the reading of images and,
    where ``train.compile`` is set, the compiling: an estimate, not a measurement.

    Args:
        learner: of the run.
        wait: waits for the device.
    """
    train = learner.spec.train
    most = train.micro or train.batch
    with torch.random.fork_rng([learner.device] if learner.device.type == "cuda" else []):
        model = learner.new_model().train()

        def seconds(n: int) -> float:
            began = time.perf_counter()
            images = torch.zeros(n, *learner.shape, device=learner.device)
            labels = torch.zeros(n, dtype=torch.int64, device=learner.device)
            with torch.autocast(learner.device.type, torch.bfloat16, enabled=learner.spec.precision == "bf16"):
                logits = model(images)
            cross_entropy(logits.float(), labels).backward()
            wait()
            return time.perf_counter() - began

        few = min(FEW, most)
        first = seconds(few)  # kernels are looked for, buffers are made
        if first > SECONDS:
            return few / first
        n = max(few, min(most, int(few * SECONDS / 4 / seconds(few))))
        seconds(n)
        return n / seconds(n)
