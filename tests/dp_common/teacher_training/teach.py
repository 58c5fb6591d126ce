"""Small unet teachers, stopped before their training was worth much."""

from benchmarks import train_teacher
from dp_common.config.specification import Data
from dp_common.tasks.digits import Digits

TINY = [
    "task=digits",
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
    task, name, resolved = train_teacher.resolve(words)
    return train_teacher.work(task, name, resolved, out, words, stop, say)


def loaded(split):
    task = Digits()
    task.data = Data(split=split)
    task.load(split)
    return task
