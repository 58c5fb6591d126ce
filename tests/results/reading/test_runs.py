"""Run folders -> frame: states, damage, plans, several roots, no torch."""

import json
import subprocess
import sys

import pytest

from dp_common.config.resolve import resolve
from dp_common.errors import BadInput, Damaged, Problem
from results.reading.runs import read_runs


def frame_of(*roots):
    frame, damaged = read_runs(roots)
    assert not damaged
    return frame


def test_done_runs_are_their_flattened_summary(make):
    make("strategy=dp scale=2k dp.omega=0.07 seed=3", accuracy=0.85)
    row = frame_of(make.root).iloc[0]
    assert (row["state"], row["strategy"], row["scale"], row["seed"], row["data.split"]) == ("done", "dp", 2000, 3, 0)
    assert row["accuracy"] == row["shifted.blur"] == 0.85
    assert row["gpu_hours.train"] == 0.002 and row["values"]["dp.omega"] == 0.07
    assert row["test_images"] == 200 and row["cpus"] == ["Abacus 3000"]
    assert row["chosen"]["dp.omega"] == {"value": 0.07, "source": "command line"}


@pytest.mark.parametrize("state", ["interrupted", "failed", "open"])
def test_other_runs_have_the_state_of_their_ledger(make, state):
    make("strategy=dp scale=2k", state=state)
    row = frame_of(make.root).iloc[0]
    assert (row["state"], row["strategy"], row["scale"]) == (state, "dp", 2000)
    assert (row["why"] is None) == (state == "open")


def test_a_run_whose_first_line_is_torn_is_open_and_has_no_strategy(make):
    folder = make("strategy=dp scale=2k", state="open")
    ledger = folder / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes()[:-20])
    row = frame_of(make.root).iloc[0]
    assert (row["state"], row["run_id"], row["strategy"]) == ("open", folder.name, None)


def test_runs_that_a_sweep_planned_are_missing(make):
    words = ["strategy=dp", "scale=2k", "seed=1", "dp.omega=0.3"]
    folder = make("strategy=dp scale=2k train.seen=64k")
    (make.root / "sweeps").mkdir()
    sweep = {"words": [], "runs": {resolve(words).run_id: words, folder.name: [], "of-an-older-recipe": words[:2]}}
    (make.root / "sweeps" / "a.json").write_text(json.dumps(sweep))
    frame = frame_of(make.root)
    assert sorted(zip(frame["state"], frame["seed"])) == [("done", 0), ("missing", 1)]
    assert frame.set_index("state").loc["missing", "chosen"]["dp.omega"]["value"] == 0.3
    (make.root / "sweeps" / "a.json").write_text("{")
    _, (message,) = read_runs([make.root])
    assert message.endswith("a.json: not a remembered sweep")


def corrupt_ledger(folder):
    path = folder / "ledger.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"digits"', b'"digitz"', 1))
    return "ledger.jsonl:1"


def corrupt_summary(folder):
    (folder / "summary.json").write_text('{"state": "do')
    return "summary.json"


def lose_ledger(folder):
    (folder / "ledger.jsonl").unlink()
    return "ledger.jsonl"


def foreign_summary(folder):
    path = folder / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"run_id": "another"}))
    return "ledger.jsonl"


@pytest.mark.parametrize("damage", [corrupt_ledger, corrupt_summary, lose_ledger, foreign_summary])
def test_a_damaged_run_is_named_and_the_others_are_read(make, damage):
    make("strategy=static scale=2k")
    folder = make("strategy=dp scale=2k")
    named = str(folder / damage(folder))
    frame, damaged = read_runs([make.root])
    assert list(frame["strategy"]) == ["static"]
    assert len(damaged) == 1 and named in damaged[0]


def test_where_all_runs_are_damaged_all_are_named(make):
    folders = [make(f"strategy=dp scale=2k seed={seed}") for seed in range(3)]
    for folder in folders:
        corrupt_ledger(folder)
    with pytest.raises(Damaged) as error:
        read_runs([make.root])
    assert all(folder.name in str(error.value) for folder in folders) and "\n" not in str(error.value)


def test_no_folder_no_runs_and_runs_twice(make, tmp_path):
    with pytest.raises(BadInput, match="no such folder"):
        read_runs([tmp_path / "nothing"])
    with pytest.raises(BadInput, match="holds no runs"):
        read_runs([tmp_path])
    folder = make("strategy=dp scale=2k")
    copy = make.root / "copies" / folder.name
    copy.mkdir(parents=True)
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    with pytest.raises(Problem, match="it would count twice"):
        read_runs([make.root])


def test_several_roots_are_read_together_and_one_within_another_once(make):
    folder = make("strategy=dp scale=2k")
    other = make.root / "more"
    make.root = other
    make("strategy=dp scale=2k seed=1")
    assert len(frame_of(folder)) == 1
    assert sorted(frame_of(folder, other)["seed"]) == sorted(frame_of(folder.parent, other)["seed"]) == [0, 1]


def test_reading_and_tables_import_no_torch(make):
    make("strategy=dp scale=2k")
    make("strategy=static scale=2k", state="open")
    code = (
        "import sys, results\nfrom results.tables import across_comparisons, of_comparisons\n"
        f"study = results.load({str(make.root)!r})\nassert of_comparisons(study)[0][1] and across_comparisons(study)\n"
        "print([name for name in ('torch', 'timm', 'diffusers', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr
