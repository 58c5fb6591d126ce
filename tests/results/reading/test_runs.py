"""Run folders -> frame: states, damage, arms, no torch."""

import json
import subprocess
import sys

import pytest

from dp_common.config.resolve import resolve
from dp_common.errors import BadInput, Damaged, Problem
from results.analysis.arms import rank
from results.reading.runs import correctness, load


def test_done_runs_are_their_flattened_summary(make):
    make("strategy=dp scale=2k dp.omega=0.07 seed=3", accuracy=0.85)
    row = load(make.root).iloc[0]
    assert (row["state"], row["strategy"], row["scale"], row["seed"], row["data.split"]) == ("done", "dp", 2000, 3, 0)
    assert row["accuracy"] == row["shifted.blur"] == 0.85
    assert row["gpu_hours.train"] == 0.002 and row["values"]["dp.omega"] == 0.07
    assert row["test_images"] == 200 and row["cpus"] == ["Abacus 3000"]
    assert correctness(row).mean() == 0.85


@pytest.mark.parametrize("state", ["interrupted", "failed", "open"])
def test_other_runs_have_the_state_of_their_ledger(make, state):
    make("strategy=dp scale=2k", state=state)
    row = load(make.root).iloc[0]
    assert (row["state"], row["strategy"], row["scale"]) == (state, "dp", 2000)
    assert (row["why"] is None) == (state == "open")


def test_a_run_whose_first_line_is_torn_is_open_and_in_no_comparison(make):
    folder = make("strategy=dp scale=2k", state="open")
    ledger = folder / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes()[:-20])
    row = load(make.root).iloc[0]
    assert (row["state"], row["run_id"], row["strategy"]) == ("open", folder.name, None)


def test_runs_that_a_sweep_planned_are_missing(make):
    words = ["strategy=dp", "scale=2k", "seed=1"]
    folder = make("strategy=dp scale=2k train.seen=64k")
    (make.root / "sweeps").mkdir()
    sweep = {"words": [], "runs": {resolve(words).run_id: words, folder.name: [], "of-an-older-recipe": words[:2]}}
    (make.root / "sweeps" / "a.json").write_text(json.dumps(sweep))
    frame = load(make.root)
    assert sorted(zip(frame["state"], frame["seed"])) == [("done", 0), ("missing", 1)]
    (make.root / "sweeps" / "a.json").write_text("{")
    with pytest.raises(Damaged, match=r"a\.json: not a remembered sweep"):
        load(make.root)


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
def test_damage_is_named_or_collected(make, damage):
    make("strategy=static scale=2k")
    folder = make("strategy=dp scale=2k")
    named = str(folder / damage(folder))
    with pytest.raises(Damaged, match=named.replace(".", r"\.")):
        load(make.root)
    met = []
    assert list(load(make.root, damaged=met)["strategy"]) == ["static"]
    assert len(met) == 1 and named in met[0]


def test_all_damaged_runs_are_named(make):
    folders = [make(f"strategy=dp scale=2k seed={seed}") for seed in range(3)]
    for folder in folders:
        corrupt_ledger(folder)
    with pytest.raises(Damaged) as error:
        load(make.root)
    assert all(folder.name in str(error.value) for folder in folders) and "\n" not in str(error.value)


def test_correctness_that_does_not_fit_the_summary_is_damage(make):
    folder = make("strategy=dp scale=2k", accuracy=0.9)
    other = make("strategy=dp scale=2k seed=1", accuracy=0.8)
    (folder / "correct.parquet").write_bytes((other / "correct.parquet").read_bytes())
    with pytest.raises(Damaged, match="160 of 200 images of test correct, the summary says 0.9"):
        correctness(load(make.root).iloc[0])
    (folder / "correct.parquet").write_bytes(b"no")
    with pytest.raises(Damaged, match=r"correct\.parquet"):
        correctness(load(make.root).iloc[0])


def test_no_folder_no_runs_and_runs_twice(make, tmp_path):
    with pytest.raises(BadInput, match="no such folder"):
        load(tmp_path / "nothing")
    with pytest.raises(BadInput, match="holds no runs"):
        load(tmp_path)
    folder = make("strategy=dp scale=2k")
    copy = make.root / "copies" / folder.name
    copy.mkdir(parents=True)
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    with pytest.raises(Problem, match="it would count twice"):
        load(make.root)


@pytest.mark.parametrize(
    ("words", "label"),
    [
        ("strategy=static", "static"),
        ("strategy=real", "real"),
        ("strategy=prune", "prune"),
        ("strategy=prune prune.score=random", "prune score=random"),
        ("strategy=prune prune.initial=0", "prune initial=0"),
        ("strategy=dp", "dp"),
        ("strategy=dp dp.omega=0", "dp omega=0"),
        ("strategy=dp dp.omega=0.05", "dp"),
        ("strategy=dp dp.initial=700", "dp initial=700"),  # per_round follows from it and is not named
        ("strategy=dp dp.patience=1 dp.per_round=300", "dp per_round=300 patience=1"),
        ("strategy=dp train.seen=32k dp.patience=2", "dp patience=2"),
        ("strategy=dp dp.interval=0", "dp"),  # derived
    ],
)
def test_arm_labels_hold_over_scales(make, words, label):
    for scale in ("1k", "2k", "4k"):
        make(f"{words} scale={scale}")
    frame = load(make.root)
    assert set(frame["arm"]) == {label}


def test_arms_of_a_strategy_that_is_not_installed(make):
    for scale in (1000, 2000):
        for seed, sharpness in enumerate((0.5, 0.5, 2.0)):
            name = f"digits-idea-{scale}-{seed}"
            values = {"strategy": "idea", "idea.sharpness": sharpness, "idea.initial": scale // 4}
            make(f"strategy=static scale={scale} seed={seed}", values=values, name=name, state="interrupted")
    frame = load(make.root)
    assert list(frame["arm"]) == ["idea", "idea", "idea sharpness=2"] * 2


def test_lines_are_ordered_from_baseline_to_ceiling():
    labels = ["real", "mine", "dp omega=0", "dp", "prune score=random", "prune", "static"]
    assert sorted(labels, key=rank) == ["static", "prune", "prune score=random", "dp", "dp omega=0", "mine", "real"]


def test_reading_and_tables_import_no_torch(make):
    make("strategy=dp scale=2k")
    make("strategy=static scale=2k", state="open")
    code = (
        "import sys\nfrom benchmarks.table import main\n"
        f"main([{str(make.root)!r}])\nprint([name for name in ('torch', 'timm', 'diffusers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
