"""Small unet teachers, stopped before their training was worth much."""

from benchmarks import cli, train_teacher
from dp_common.config.specification import Data
from dp_common.tasks.digits_1797 import Digits1797

TINY = [
    "task=digits-1797",
    "steps=30",
    "batch=16",
    "warmup=5",
    "channels=8,16",
    "attention=",
    "sample_every=0",
    "quality=none",
]


def teach(out, *words, stop=lambda: False, say=lambda line: None):
    """One attempt of the command: its card."""
    keys = {word.partition("=")[0] for word in words}
    words = [word for word in TINY if word.partition("=")[0] not in keys] + [*words, f"out={out}", "device=cpu"]
    options = cli.parse(words, train_teacher.Options)
    return train_teacher.train(train_teacher.plan_of(options), options, words, stop, say)


def loaded(split):
    task = Digits1797()
    task.data = Data(split=split)
    task.load(split)
    return task
