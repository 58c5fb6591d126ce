"""Tiny Stable Diffusions in files, and the teachers read from them: made once for all files of the group."""

import shutil

import pytest
import torch

from dp_common.teachers.stable_diffusion import StableDiffusion
from tests.dp_common.teachers import tiny_stable_diffusion as tiny_sd
from tests.dp_common.teachers.tiny_teachers import ANIMALS, VARIANTS


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("stable-diffusion")
    made = {name: tiny_sd.make(root / name, **words) for name, words in VARIANTS.items()}
    return made | {"tiny": tiny_sd.make_tiny_decoder(root / "tiny")}


@pytest.fixture(scope="session")
def teacher_of(folders):
    """teacher_of("xl", task, dtype="fp32", ...) -> prepared, kept for the session."""
    kept = {}

    def make(name="sd", task=ANIMALS, **keys):
        which = name, task.shape, *sorted(keys.items())
        if which not in kept:
            kept[which] = StableDiffusion(
                str(folders[name]), tiny_weights=str(folders["tiny"]), **{"dtype": "fp32"} | keys
            )
            kept[which].prepare(task, torch.device("cpu"))
        return kept[which]

    return make


@pytest.fixture
def copy(folders, tmp_path):
    """A pipeline's folder that may be spoiled."""
    return shutil.copytree(folders["sd"], tmp_path / "copy")
