"""What a task must keep, each rule a function; the contract is ``dp_common.contracts.Task``."""

from typing import Any

import numpy as np

from dp_common.config.resolve import resolve
from dp_common.conformance.rules import Say, hold_to, require, silent
from dp_common.contracts import Task, require_ready

LOOKED_AT = 2000  # images of a split that are read
ALIKE = 0.05  # share of test images that may stand in another split: small images can look alike by chance
SPLITS = ("train", "monitor", "test")


def check_task(task: str, *words: str, say: Say = silent) -> None:
    """Hold a task (a name, or ``./file.py:Class``) to the contract.

    Args:
        task: of the command line.
        *words: further ``key=value``, such as where its data is.
        say: is told of each rule that holds.

    Raises:
        Nonconforming: it breaks a rule.
        Problem: it does not even load.
    """
    keys = {word.partition("=")[0] for word in words}
    usual = [word for word in ("strategy=static", "teacher=mixture") if word.partition("=")[0] not in keys]
    resolved = resolve([f"task={task}", *usual, *words])
    hold_to((is_known_before_it_is_loaded,), say, resolved.task)
    resolved.task.load(resolved.spec.data.split)
    require_ready("task", resolved.spec.task, resolved.task)
    rules = (holds_images, holds_every_class, keeps_splits_apart, shifts_what_it_says, repeats)
    hold_to(rules, say, resolved.task, resolved.spec.data.split)


def is_known_before_it_is_loaded(task: Task) -> None:
    """is known before it is loaded: classes, a prompt for each, shape, fingerprint"""
    rule, names = "is known before it is loaded", list(task.classes)
    require(len(names) >= 2 and len(set(names)) == len(names), rule, f"classes {names[:5]}: two or more, each once")
    require(all(isinstance(name, str) for name in names), rule, f"classes {names[:5]}: names are text")
    require(len(list(task.prompts)) == len(names), rule, f"{len(list(task.prompts))} prompts, {len(names)} classes")
    shape = tuple(task.shape)
    whole = len(shape) == 3 and all(isinstance(n, int) and n > 0 for n in shape)
    require(whole, rule, f"shape {shape}: (channels, height, width)")
    print_of_it = task.fingerprint()
    require(isinstance(print_of_it, str) and print_of_it == task.fingerprint(), rule, f"fingerprint {print_of_it!r}")


def sample(split: Any) -> np.ndarray:
    """Images of a split, evenly spread over it, some thousands at most: uint8 [n, C, H, W]."""
    return np.asarray(split.read(np.linspace(0, len(split) - 1, min(len(split), LOOKED_AT)).astype(int)))


def check_split(task: Task, name: str, split: Any, rule: str) -> None:
    """Images uint8 of the task's shape, labels whole numbers of its classes."""
    images, labels = sample(split), np.asarray(split.labels)
    require(len(split) and len(split) == len(labels), rule, f"{name}: {len(split)} images, {len(labels)} labels")
    right = images.dtype == np.uint8 and images.shape[1:] == tuple(task.shape)
    require(right, rule, f"{name}: {images.dtype} {images.shape[1:]}, uint8 {tuple(task.shape)} are wanted")
    require(images.max() > 1, rule, f"{name}: pixels from 0 to 255 are wanted, and none is above 1")
    whole = np.issubdtype(labels.dtype, np.integer) and labels.min() >= 0 and labels.max() < len(task.classes)
    require(whole, rule, f"{name}: labels {labels.dtype} {labels.min()}..{labels.max()}, 0..{len(task.classes) - 1}")


def holds_images(task: Task, split: int) -> None:
    """holds images: train, monitor and test are uint8 of the task's shape, with labels from 0"""
    for name in SPLITS:
        check_split(task, name, getattr(task, name), "holds images")


def holds_every_class(task: Task, split: int) -> None:
    """holds every class in train and test"""
    for name in ("train", "test"):
        missing = set(range(len(task.classes))) - set(np.asarray(getattr(task, name).labels).tolist())
        require(not missing, "holds every class", f"{name} has no {task.classes[min(missing, default=0)]}")


def keeps_splits_apart(task: Task, split: int) -> None:
    """keeps splits apart: what is tested on is not trained on"""
    seen = {name: {image.tobytes() for image in sample(getattr(task, name))} for name in SPLITS}
    for name in ("train", "monitor"):
        share = len(seen["test"] & seen[name]) / len(seen["test"])
        require(share <= ALIKE, "keeps splits apart", f"{100 * share:.0f} % of test images stand in {name} too")


def shifts_what_it_says(task: Task, split: int) -> None:
    """shifts what it says: further test sets are sets like test"""
    for name, shifted in task.shifted.items():
        check_split(task, name, shifted, "shifts what it says")


def repeats(task: Task, split: int) -> None:
    """repeats itself: the same split is the same images in the same order"""
    before = {name: (sample(getattr(task, name)), np.array(getattr(task, name).labels)) for name in SPLITS}
    print_of_it = task.fingerprint()
    task.load(split)
    for name, (images, labels) in before.items():
        again = getattr(task, name)
        same = np.array_equal(images, sample(again)) and np.array_equal(labels, again.labels)
        require(same, "repeats itself", f"{name} differs when it is loaded again")
    require(task.fingerprint() == print_of_it, "repeats itself", "its fingerprint differs when it is loaded again")
