"""Where and with what: the commit, versions."""

import json
import os
from pathlib import Path

import pytest
import torch

from dp_common.persistence import provenance as module
from dp_common.persistence.provenance import commit, installed, provenance
from dp_common.persistence.records import Provenance


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
