"""Of tiny Stable Diffusions: which there are, what is asked of a task, and how one is spoiled."""

import json

import pytest
import torch

from dp_common.contracts import TaskDefaults
from dp_common.errors import BadInput
from dp_common.teachers.stable_diffusion import StableDiffusion
from tests.dp_common.teachers import tiny_stable_diffusion as tiny_sd


class Named(TaskDefaults):
    """The little that is asked of a task: class names and the shape of images."""

    def __init__(self, classes, shape):
        self.classes, self.shape = classes, shape


ANIMALS = Named(["cat", "a goldfish", "tractor"], (3, tiny_sd.PIXELS, tiny_sd.PIXELS))


VARIANTS = {"sd": {}, "v": dict(prediction="v_prediction", set_alpha_to_one=True), "xl": dict(xl=True)}


def edit(file, **keys):
    """Set keys of a JSON file; None takes one away."""
    config = json.loads(file.read_text()) | keys
    file.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


def refused(folder, *words, task=ANIMALS, **keys):
    with pytest.raises(BadInput) as error:
        StableDiffusion(str(folder), **keys).prepare(task, torch.device("cpu"))
    message = str(error.value)
    assert "\n" not in message and all(word in message for word in words), message


def noise(n, *shape, seed=0):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed))
