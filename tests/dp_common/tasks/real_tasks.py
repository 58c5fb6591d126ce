"""Tasks of real images as a run gets them, loaded or refused."""

from pathlib import Path

import pytest

from dp_common.config.resolve import resolve
from dp_common.errors import BadInput

ROOT = Path(__file__).parents[3]


PARTS = ("train", "monitor", "test")


def task_of(*words):
    """The task as a run gets it, not loaded."""
    return resolve(["strategy=static", "teacher=mixture", *words]).task


def loaded(*words, split=0):
    task = task_of(*words)
    task.load(split)
    return task


def refused(*words, split=0):
    """The one line with which these words are refused."""
    with pytest.raises(BadInput) as caught:
        loaded(*words, split=split)
    assert caught.value.code == 2 and "\n" not in str(caught.value)
    return str(caught.value)


def words(train, test="", *more, size=12):
    return ["task=folder", f"data.train={train}", f"data.test={test}", f"folder.size={size}", *more]
