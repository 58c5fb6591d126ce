"""Train the unet teacher of a task on its real training images.

    python -m benchmarks.train_teacher task=digits
    python -m benchmarks.train_teacher task=folder data.train=mine/train data.test=mine/test out=mine.safetensors
    python -m benchmarks.train_teacher --help        every key

Ends with three files: the weights ``out``, beside them a card (.md) with their data, settings and quality, and a grid
of samples (.png), which is also written while it trains. Use them with ``teacher=unet unet.weights=...``. The same
command again goes on after an interruption, or prints the card of what is done; on a CPU the weights are the same bits
either way. The packaged digits teacher was made by

    python -m benchmarks.train_teacher task=digits out=dp_common/teachers/weights/digits.safetensors
"""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from benchmarks import cli
from benchmarks.new_places import to_write
from dp_common.config.options import option
from dp_common.config.specification import Data
from dp_common.errors import BadInput, did_you_mean
from dp_common.teacher_training.settings import SIZES, Training, defaults_for


@dataclass
class Options:
    """Keys that do not decide the weights; those that do follow below."""

    task: str = option("", "the classification problem; its own keys, <task>.<key>, are taken too")
    out: str = option("", "the weights file, .safetensors", place=True, shown="teachers/<task>-split<k>.safetensors")
    device: str = option("auto", "auto, cpu, cuda, cuda:N or mps; the bits are promised on the CPU only")
    checkpoint_every: float = option(120.0, "seconds between checkpoints", low=0)
    sample_every: int = option(1000, "steps between sample grids, 0 for none before the end", low=0)
    memory: float = option(
        4.0, "GiB of training images to hold in memory, the device's too; larger sets are read at each step", low=0
    )
    workers: int = option(0, "processes that read images ahead where they are not held in memory", low=0)
    quality: str = option(
        "classifier",
        "judge it by a classifier trained with the task's recipe on the same real images, or not at all",
        choices=("classifier", "none"),
    )
    save: str = option(
        "fp32", "precision of the weights in the file; judged are the weights as saved", choices=("fp32", "bf16")
    )
    distance: str = option(
        "none",
        "FID and KID of its samples to real test images by torchmetrics (extra: quality), which fetches a network",
        choices=("none", "inception"),
    )
    samples: int = option(2000, "images it is judged on", low=10)
    overrides: tuple[str, ...] = option((), "what decides the weights, below", rest=True)


@dataclass
class Decisive(Training):
    """Keys that decide the weights."""

    data: Data = field(default_factory=Data)


@dataclass
class Plan:
    """What is trained on what."""

    task: Any  # with its keys set, not loaded
    name: str
    training: Training
    data: Data
    out: Path


def main(argv: Sequence[str]) -> int:
    """Train, go on, or find it done, and print the card; returns the exit code."""
    options = cli.parse(argv, Options, __doc__, keys_text)
    plan = plan_of(options)
    cli.creatable_file("out", plan.out)
    from benchmarks.run import stop_on_signals

    print(train(plan, options, argv, stop_on_signals()))
    return 0


def plan_of(options: Options) -> Plan:
    """Task, settings and file that the keys mean. Raises BadInput; imports no torch."""
    from dp_common.config import registry
    from dp_common.config.draft import refuse_keys_of_other_tasks
    from dp_common.config.typed import TypedConfig

    if not options.task:
        raise BadInput("task", None, "needed: task=NAME, such as task=digits")
    plugin = registry.find("task", options.task)
    cls = plugin.load()
    shape: dict[str, type] = {"": Decisive}
    if is_dataclass(cls):
        shape[plugin.section] = plugin.load()
    config = TypedConfig(shape)
    del config.known["data.monitor"]
    given = dict(word.split("=", 1) for word in options.overrides)
    for key, value in given.items():
        if not config.holds(key):
            names = [*config.known, *(f.name for f in fields(Options))]
            raise BadInput(key, value, f"no such key.{did_you_mean(key, names) or ' --help lists them all.'}")
        config.set(key, value)
    refuse_keys_of_other_tasks(plugin, config.known, given)
    task = config.build(plugin.section) if plugin.section in config.shape else cls()
    task.data = config.build("").data
    for key, value in (defaults_for(task.shape) | given).items():
        config.set(key, value)
    decisive = config.build("")
    training = Training(**{f.name: getattr(decisive, f.name) for f in fields(Training)})
    out = Path(os.path.normpath(options.out or f"teachers/{plugin.name}-split{decisive.data.split}.safetensors"))
    if out.suffix != ".safetensors":
        raise BadInput("out", options.out, "a file name that ends in .safetensors")
    return Plan(task, plugin.name, training, decisive.data, out)


def say_on_stderr(line: str) -> None:
    """Show progress."""
    print(line, file=sys.stderr, flush=True)


def train(
    plan: Plan,
    options: Options,
    argv: Sequence[str],
    stop: Callable[[], bool],
    say: Callable[[str], None] = say_on_stderr,
) -> str:
    """Train the teacher, or go on, or find it done.

    Args:
        plan: what is trained on what.
        options: how.
        argv: the command as typed, for the card.
        stop: says whether to commit and end.
        say: shows a line of progress.

    Returns:
        The card.

    Raises:
        Problem: and its kinds.
    """
    from benchmarks.teacher_session import TeacherSession, finished_card
    from dp_common import device as devices
    from dp_common.persistence import provenance

    provenance.fix_arithmetic(plan.training.threads)
    device = devices.named(options.device)
    plan.task.load(plan.data.split)
    shown = shown_settings(plan)
    identity = {"task": plan.name, "data fingerprint": plan.task.fingerprint(), **shown}
    if plan.out.is_file():
        card = finished_card(plan.out, identity)
        say(f"{plan.out} is finished")
        return card
    to_write(plan.out)
    session = TeacherSession(plan, options, shown, identity, device, stop, say)
    return session.run("python -m benchmarks.train_teacher " + shlex.join(argv))


def shown_settings(plan: Plan) -> dict[str, Any]:
    """The settings that the file, its card and its identity bear: those of training, data and task."""
    from dp_common.config.typed import flatten

    shown = flatten(plan.training) | {"data.split": plan.data.split, "data.limit": plan.data.limit}
    if is_dataclass(plan.task):
        places = {f.name for f in fields(plan.task) if f.metadata.get("place")}
        shown |= {
            f"{plan.name}.{f.name}": getattr(plan.task, f.name) for f in fields(plan.task) if f.name not in places
        }
    return shown


def keys_text(overrides: list[str]) -> str:
    """The keys that decide the weights, and their defaults by image size."""
    from benchmarks.cli_help import row, table
    from dp_common.config.typed import known_keys

    known = known_keys({"": Decisive})
    lines = ["Keys that decide the weights:", ""]
    lines += table([row(known[key].field, key) for key in known if key != "data.monitor"])
    lines += ["", "For larger images other defaults hold (untuned):", ""]
    lines += table([(f"up to {size} pixels", words_of(values)) for size, values in SIZES[1:-1]])
    return "\n".join([*lines, *table([("above", words_of(SIZES[-1][1]))])])


def words_of(values: dict[str, Any]) -> str:
    """Settings as one would type them."""
    return " ".join(f"{key}={value}" for key, value in values.items())


if __name__ == "__main__":
    cli.guarded(main)
