"""Which jobs are ended: of the sweep that is named, by name or by its keys, and of no other."""

import json
from types import SimpleNamespace

import pytest

from benchmarks import cancel
from benchmarks.sweep import sweep_name
from dp_common.errors import BadInput

MINE, OTHER = sweep_name(["strategy=dp", "seed=0"]), "0123456789"


@pytest.fixture
def cancelled(tmp_path, monkeypatch):
    """Ids that were cancelled, under a root with jobs of two sweeps."""
    (tmp_path / "sweeps").mkdir()
    for name in (MINE, OTHER):
        (tmp_path / "sweeps" / f"{name}.json").write_text(json.dumps({"runs": {}}))
    jobs = [SimpleNamespace(id=f"{n}", sweep=name, live=n < 3) for n, name in enumerate((MINE, OTHER, MINE, MINE))]
    ended = []
    monkeypatch.setattr(cancel.state, "jobs", lambda root: (jobs, {}))
    monkeypatch.setattr(cancel.state, "cancel", lambda chosen: ended.extend(job.id for job in chosen))
    return ended


@pytest.mark.parametrize(
    "words",
    [
        ["seed=0", "strategy=dp"],
        ["seeds=0", "strategy=dp", "launcher=slurm", "profile=cpu", "slurm.time=2h", "workers=0"],
        [f"sweep={MINE}"],
    ],
)
def test_a_sweep_is_meant_by_its_keys_or_its_name(tmp_path, cancelled, capsys, words):
    assert cancel.main([*words, f"root={tmp_path}"]) == 0
    assert cancelled == ["0", "2"] and f"2 jobs of sweep {MINE} cancelled" in capsys.readouterr().err


def test_without_words_only_where_one_sweep_has_jobs(tmp_path, cancelled, monkeypatch, capsys):
    with pytest.raises(BadInput, match=f"^sweep: one of {MINE}, {OTHER}: all have jobs"):
        cancel.main([str(tmp_path)])
    monkeypatch.setattr(cancel.state, "jobs", lambda root: ([SimpleNamespace(id="7", sweep=OTHER, live=True)], {}))
    cancel.main([str(tmp_path)])
    assert cancelled == ["7"]
    monkeypatch.setattr(cancel.state, "jobs", lambda root: ([], {}))
    cancel.main([str(tmp_path)])
    assert cancelled == ["7"] and "no jobs to cancel" in capsys.readouterr().err
