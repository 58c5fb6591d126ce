"""Where and with what: devices by name, the commit, versions."""

import json
import os
from pathlib import Path

import pytest
import torch

from dp_common.errors import BadInput
from dp_common.persistence import provenance as module
from dp_common.persistence.provenance import commit, device_named, installed, provenance
from dp_common.persistence.records import Provenance


@pytest.fixture
def devices(monkeypatch):
    """devices(n): let there be so many CUDA devices."""
    return lambda n: monkeypatch.setattr(torch.cuda, "device_count", lambda: n)


@pytest.mark.parametrize(
    "there, name, local, device",
    [
        (0, "auto", 0, "cpu"),
        (0, "cpu", 3, "cpu"),
        (1, "auto", 0, "cuda:0"),
        (1, "cuda", 3, "cuda:0"),  # given one device alone, each rank calls it 0
        (4, "auto", 2, "cuda:2"),
        (4, "cuda:1", 2, "cuda:1"),
        (4, "cpu", 2, "cpu"),
    ],
)
def test_each_rank_takes_its_own_device(devices, there, name, local, device):
    devices(there)
    assert device_named(name, local) == torch.device(device)


@pytest.mark.parametrize(
    "there, name, local, message",
    [
        (0, "cuda", 0, "device=cuda: this machine has cpu and 0 CUDA"),
        (2, "cuda:2", 0, "device=cuda:2: this machine has cpu and 2 CUDA"),
        (2, "auto", 2, r"device=cuda: this machine has cpu and 2 CUDA device\(s\); this is local rank 2"),
        (0, "gpu", 0, "device=gpu: auto, cpu, cuda or cuda:N"),
        (0, "meta", 0, "device=meta: this machine has cpu"),
    ],
)
def test_a_device_that_is_not_there_is_refused(devices, there, name, local, message):
    devices(there)
    with pytest.raises(BadInput, match=message):
        device_named(name, local)


def test_the_commit_is_the_checkouts_or_what_a_copy_was_made_of(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "__file__", str(tmp_path / "dp_common" / "persistence" / "provenance.py"))
    assert commit() == {"commit": None, "dirty": None}
    (tmp_path / "dp_common").mkdir()
    (tmp_path / "dp_common" / "commit.json").write_text(json.dumps({"commit": "abc", "dirty": True}))
    assert commit() == {"commit": "abc", "dirty": True}


def test_the_commit_of_this_checkout_has_forty_digits():
    if not (Path(__file__).parents[3] / ".git").exists():
        pytest.skip("not a checkout")
    assert len(commit()["commit"]) == 40


def test_it_says_where_and_with_what():
    said = provenance(["cpu", "cpu"])
    assert said.keys() == Provenance.__required_keys__
    assert (said["device"], said["devices"], said["pid"]) == ("cpu", 2, os.getpid())
    assert said["versions"]["torch"] == torch.__version__.partition("+")[0] == installed("torch").partition("+")[0]
    assert provenance(["cpu", "H100"])["device"] == "mixed" and installed("no-such-package") is None
