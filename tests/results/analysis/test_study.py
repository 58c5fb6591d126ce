"""A study: what was left out and why, grouped once, newest code first."""

import pytest

from dp_common.errors import BadInput, Damaged
from results import Study, load
from results.analysis import grouping, repricing
from results.tables import of_comparisons


def source(mark):
    return {"fingerprints": {"recipe_version": 1, "strategy_source": mark}}


def test_a_damaged_run_is_left_out_and_the_note_says_what_to_do(make):
    make("strategy=static scale=1k")
    folder = make("strategy=dp scale=1k")
    (folder / "ledger.jsonl").write_bytes(b"nonsense\n" * 3)
    study = load(make.root)
    (note,) = study.notes
    assert set(study.runs["arm"]) == {"static"}
    assert (
        note.startswith(f"Damaged and left out: {folder / 'ledger.jsonl'}:1")
        and "once its folder is deleted, the same command runs it again" in note
    )
    (folder.parent / study.runs["run_id"][0] / "ledger.jsonl").write_bytes(b"nonsense\n")
    with pytest.raises(Damaged):
        load(make.root)


def test_damaged_correctness_leaves_the_accuracy_and_takes_the_verdict(make):
    for arm, accuracy in (("static", 0.80), ("dp", 0.95)):
        folders = [make(f"strategy={arm} scale=1k seed={seed}", accuracy=accuracy) for seed in range(4)]
    for damaged, verdict in ((False, "above"), (True, "undecided")):
        if damaged:
            (folders[1] / "correct.parquet").write_bytes(b"nonsense")
        ((_, (scale, versus)),) = of_comparisons(load(make.root), ["scale", "versus"])
        assert scale.rows[1][1].text == "95.0 [95.0, 95.0] n=4"
        assert (versus.rows[0][1].n, versus.rows[0][1].verdict) == (4, verdict)
        named = [note for note in versus.notes if note.startswith("Damaged and left out")]
        assert len(named) == damaged and all(str(folders[1] / "correct.parquet") in note for note in named)


def test_newer_code_of_the_same_run_is_the_one_that_counts(make):
    for seed in range(2):
        words = f"strategy=dp scale=1k seed={seed}"
        make(words, accuracy=0.7, name=f"old-{seed}", opened=source("a") | {"t": 10.0})
        make(words, accuracy=0.9, name=f"a-new-{seed}", opened=source("b") | {"t": 20.0})
    make("strategy=static scale=1k", accuracy=0.8)
    study = load(make.root)
    assert sorted(study.single().runs["run_id"])[:2] == ["a-new-0", "a-new-1"] and len(study.single().runs) == 3
    assert study.notes == (
        "`dp` was run with several versions of its code; left out, being older: old-0, old-1. code=all shows both.",
    )


def test_all_code_stands_apart(make):
    for seed in range(3):
        make(f"strategy=dp scale=1k seed={seed}", name=f"old-{seed}", opened=source("a") | {"t": 10.0})
    make("strategy=dp scale=1k seed=0", accuracy=0.7, name="new-0", opened=source("b") | {"t": 20.0})
    study = load(make.root, code="all")
    newest, older = study.single().arms
    assert newest == "dp" and older.startswith("dp code=")
    arms = study.runs.set_index("run_id")["arm"]
    assert arms["new-0"] == newest and {arms[f"old-{seed}"] for seed in range(3)} == {older}
    ((_, (table,)),) = of_comparisons(study, ["scale"])
    assert [row[0].text for row in table.rows] == ["`dp`", f"`{older}`"]
    with pytest.raises(BadInput, match="code=both: one of newest, all"):
        load(make.root, code="both")


def test_versions_with_one_learner_leave_the_same_strategy_with_another_alone(make):
    for name, mark, begun in (("old", "a", 10.0), ("new", "b", 20.0)):
        make("strategy=dp scale=1k", name=name, opened=source(mark) | {"t": begun})
    for seed, name in enumerate(("other-0", "other-1")):
        make(f"strategy=dp scale=1k learner=vit-digits seed={seed}", name=name, opened=source("c") | {"t": 5.0})
    arms = load(make.root, code="all").runs.set_index("run_id")["arm"]
    assert arms["old"].startswith("dp code=") and set(arms.drop("old")) == {"dp"}


def test_other_data_is_called_other_data(make):
    for name, mark in (("one", "a"), ("other", "b")):
        make("strategy=dp scale=1k", name=name, opened={"fingerprints": {"data_fingerprint": mark}})
    (note,) = load(make.root).notes
    assert note.startswith("`dp` was run with several versions of its data;")


def test_comparisons_are_grouped_once(make, monkeypatch):
    make("strategy=static scale=1k")
    make("strategy=dp scale=1k")
    calls = []
    monkeypatch.setattr("results.analysis.study.group_runs", lambda runs: calls.append(1) or grouping.group_runs(runs))
    study = load(make.root)
    assert study.comparisons is study.comparisons
    other = study.with_(eval_set="blur", exclude=["monitor"])
    assert other.comparisons[0].eval_set == "blur" and other.comparisons[0].exclude == ("monitor",) and len(calls) == 1
    assert (study.comparisons[0].eval_set, study.eval_set, other.eval_set) == ("test", "test", "blur")
    with pytest.raises(BadInput, match="on=fog"):
        study.with_(eval_set="fog")


def test_repricing_changes_hours_in_the_runs_and_in_the_comparisons(make, tmp_path):
    make("strategy=static scale=1k")
    make("strategy=dp scale=2k", state="open")
    file = tmp_path / "costs.csv"
    items = ("sample.plain", "learner.train", "learner.forward")
    file.write_text("item,seconds_per_unit,device\n" + "".join(f"{item},1.0,GPU\n" for item in items))
    study = load(make.root)
    measured = study.single().runs
    found = study.repriced(repricing.load(file)).with_(exclude=["monitor"]).single()
    again = Study.of_frame(repricing.priced(study.runs, repricing.load(file))).single()
    assert found.device == again.device == "re-priced: GPU, costs.csv"
    for column in ("gpu_hours.total", "gpu_hours.train", "device", "hours_repriced", "gpu_hours_spent"):
        assert found.runs[column].equals(again.runs[column])
    assert (measured["gpu_hours.train"].dropna() == 0.002).all() and found.exclude == ("monitor",)


def test_some_seeds(make):
    for seed in range(4):
        make(f"strategy=static scale=1k seed={seed}")
    assert sorted(load(make.root).only([0, 3, 9]).single().runs["seed"]) == [0, 3]


def test_a_torn_first_line_is_in_no_comparison(make):
    make("strategy=static scale=1k")
    folder = make("strategy=dp scale=2k", state="open")
    (folder / "ledger.jsonl").write_bytes((folder / "ledger.jsonl").read_bytes()[:-20])
    study = load(make.root)
    assert len(study.runs) == 2 and len(study.single().runs) == 1


def test_nothing_to_compare_is_said(make):
    folder = make("strategy=dp scale=2k", state="open")
    (folder / "ledger.jsonl").write_bytes((folder / "ledger.jsonl").read_bytes()[:-20])
    with pytest.raises(BadInput, match="a comparison needs at least one run"):
        load(make.root).single()
