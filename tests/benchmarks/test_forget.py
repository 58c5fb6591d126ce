"""Removing runs: what is chosen, what stays, and that nothing is half done or lost that was not meant."""

import json
import os
import shutil

import pytest

from benchmarks import forget, removal, status, survey
from benchmarks.cli import guarded
from dp_common.config.resolve import resolve
from dp_common.errors import Held
from dp_common.persistence import lease
from dp_common.persistence.lease import Lease
from tests.results import fabricate


@pytest.fixture
def root(tmp_path):
    """Six runs at two depths, their plan, and things that are no runs."""
    root = tmp_path / "runs"
    for seed in (0, 1):
        fabricate.run(root, f"strategy=dp scale=1k seed={seed}")
        fabricate.run(root / "deep", f"strategy=static scale=2k seed={seed}")
    fabricate.run(root, "strategy=dp scale=1k seed=2", state="failed")
    fabricate.run(root, "strategy=dp scale=1k dp.omega=0 seed=0", state="open")
    words = [["strategy=dp", "scale=1k", "train.seen=64k", f"seed={seed}"] for seed in range(4)]
    plan = {"words": ["strategy=dp", "seed=0..3"], "runs": {resolve(one).run_id: one for one in words}}
    (root / "sweeps").mkdir()
    (root / "sweeps" / "0123456789.json").write_text(json.dumps(plan))
    for name in ("tables/table.md", "notes.txt", "theory/theory.jsonl"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("mine")
    return root


def names(root):
    return sorted(path.name for path in removal_free(root))


def removal_free(root):
    return survey.places.look_under([root]).runs


def planned(root):
    return [len(plan.runs) for plan in survey.read_plans(survey.places.look_under([root]).plans)[0]]


def everything(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "gone", "waiting"),
    [
        (["strategy=dp"], 4, []),
        (["strategy=dp", "seed=0..1"], 3, [2]),
        (["scale=2k", "strategy=static,dp"], 2, [4]),
        (["dp.omega=0.0"], 1, [4]),
        (["state=failed,interrupted"], 2, [3]),
        (["state=missing"], 0, [3]),
        (["state=done", "scale=1k", "seed=1"], 1, [3]),
        (["all=yes"], 6, []),
    ],
)
def test_what_fits_every_key_goes_with_its_place_in_plans_and_nothing_else(root, capsys, words, gone, waiting):
    before = everything(root)
    assert forget.main([str(root), *words]) == 0
    assert everything(root) == before and len(names(root)) == 6  # dry
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == gone and "nothing is removed yet, yes=yes does it" in err
    assert forget.main([str(root), *words, "yes=yes"]) == 0
    assert len(names(root)) == 6 - gone and planned(root) == waiting
    left = everything(root)
    assert {(name, data) for name, data in left.items() if not name.startswith("sweeps/")} <= set(before.items())
    assert {"tables/table.md", "notes.txt", "theory/theory.jsonl"} <= set(left)
    capsys.readouterr()
    assert forget.main([str(root), *words, "yes=yes"]) == 0 and "no run fits" in capsys.readouterr().err


def test_by_id_and_an_id_that_is_gone_is_no_fault_beside_one_that_is_there(root, capsys):
    first, second, *_ = names(root)
    assert forget.main([str(root), f"run={first}", "yes=yes"]) == 0
    assert forget.main([str(root), f"run={first},{second}", "yes=yes"]) == 0
    assert not {first, second} & set(names(root)) and f"note: {first}: no run of this id" in capsys.readouterr().err


def test_a_run_in_progress_stays(root, capsys):
    folder = next(path for path in removal_free(root) if survey.look(path)["state"] == "interrupted")
    held = Lease(folder)
    try:
        before = everything(folder)
        assert forget.main([str(root), "all=yes", "yes=yes"]) == 1
        assert names(root) == [folder.name] and everything(folder).items() >= before.items()
        assert f"stays: {folder.name} is running" in capsys.readouterr().err
        held.check()
        with pytest.raises(Held):  # one that began after the look
            removal.remove(folder)
    finally:
        held.release()
    assert forget.main([str(root), "all=yes", "yes=yes"]) == 0 and not names(root)


def test_a_dead_lease_of_another_machine_is_waited_for_and_goes(root):
    folder = next(path for path in removal_free(root) if survey.look(path)["state"] == "interrupted")
    record = {"token": "x", "ttl": 0.3, **lease.this_process(), "host": "elsewhere"}
    (folder / lease.NAME).write_text(json.dumps(record))
    (folder / ".beat.x").write_text("1.0")
    assert forget.main([str(root), "state=interrupted", "yes=yes"]) == 0 and folder.name not in names(root)


@pytest.mark.parametrize("step", ["rename", "rmtree"])
def test_killed_half_way_the_same_command_goes_on(root, monkeypatch, step):
    def killed(*_args, **_kwargs):
        raise KeyboardInterrupt

    module = {"rename": os, "rmtree": shutil}[step]
    real = getattr(module, step)
    monkeypatch.setattr(module, step, killed)
    with pytest.raises(KeyboardInterrupt):
        forget.main([str(root), "strategy=dp", "yes=yes"])
    monkeypatch.setattr(module, step, real)
    assert forget.main([str(root), "strategy=dp", "yes=yes"]) == 0
    assert len(names(root)) == 2 and not list(root.rglob(f"{removal.REMAINS}*")) and planned(root) == []


@pytest.mark.parametrize("what", ["notes.txt", "exported/a.png", "model.safetensors"])
def test_a_folder_with_what_no_run_writes_stays(root, capsys, what):
    name = names(root)[0]
    path = next(folder for folder in removal_free(root) if folder.name == name) / what
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    assert forget.main([str(root), f"run={name}", "yes=yes"]) == 1
    assert path.exists() and "which no run writes: move it away first" in capsys.readouterr().err


def test_what_lies_elsewhere_and_what_is_no_run_stays(root, tmp_path, capsys):
    elsewhere = fabricate.run(tmp_path / "theirs", "strategy=prune scale=1k")
    (root / "link").symlink_to(elsewhere.parent)
    (root / "books").mkdir()
    (root / "books" / "ledger.jsonl").write_text("1,2\n")
    assert forget.main([str(root), "all=yes", "yes=yes"]) == 1
    assert sorted(names(root)) == sorted(["books", elsewhere.name]) and (elsewhere / "summary.json").exists()
    err = capsys.readouterr().err
    assert "lies elsewhere" in err and "books is not the folder of a run" in err


def test_a_damaged_run_goes_and_so_does_a_run_folder_given_as_root(root):
    folder = fabricate.run(root, "strategy=static scale=1k")
    ledger = folder / "ledger.jsonl"
    ledger.write_bytes(b"x" + ledger.read_bytes())
    assert survey.look(folder)["state"] == "damaged"
    assert forget.main([str(root), "state=damaged", "yes=yes"]) == 0 and folder.name not in names(root)
    one = removal_free(root)[0]
    assert forget.main([str(one), "--all", "yes=yes"]) == 0 and not one.exists() and len(names(root)) == 5


def test_a_run_that_failed_before_it_had_a_ledger(root):
    missing = next(row for row in survey.survey([root]).rows if row["state"] == "missing")["run_id"]
    (root / missing).mkdir()
    (root / missing / "log.txt").write_text("error: no such teacher\n")
    assert forget.main([str(root), "state=failed", "yes=yes"]) == 0
    assert not (root / missing).exists() and planned(root) == [2]


def test_stale_plans_are_those_whose_words_mean_no_such_run(root, capsys):
    (root / "sweeps" / "old.json").write_text(
        json.dumps({"words": [], "runs": {"digits-dp-1k-s0-0000000000": ["seed=0"], "x-1": ["strategy=gone"]}})
    )
    assert forget.main([str(root), "--stale"]) == 0 and "2 entries" in capsys.readouterr().err
    assert forget.main([str(root), "--stale", "yes=yes"]) == 0
    assert planned(root) == [4] and len(names(root)) == 6 and not (root / "sweeps" / "old.json").exists()
    status.main([str(root)])
    assert "1 missing" in capsys.readouterr().out.splitlines()[0]


def test_older_code_is_what_a_table_leaves_out(root, capsys):
    old, new = (
        fabricate.run(
            root,
            "strategy=prune scale=1k",
            name=f"digits-prune-1k-s0-{name}",
            opened={"t": float(at), "fingerprints": {"strategy_source": name}},
        )
        for at, name in ((1, "aaa"), (2, "bbb"))
    )
    assert forget.main([str(root), "code=older", "yes=yes"]) == 0
    assert not old.exists() and new.exists() and len(names(root)) == 7


def test_a_key_that_no_run_has_is_refused(root, capsys):
    with pytest.raises(SystemExit) as ended:
        guarded(forget.main, [str(root), "dp.omga=0"])
    assert (
        ended.value.code == 2
        and "dp.omga=0: no run there has this key. Did you mean dp.omega?" in capsys.readouterr().err
    )
