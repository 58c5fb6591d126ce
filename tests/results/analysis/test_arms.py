"""An arm is what its ledger says was chosen, whatever code reads it; of old ledgers it is inferred."""

import json
from dataclasses import make_dataclass

import pandas as pd
import pytest

from dp_common.config.resolve import resolve
from results import load, published
from results.analysis import arms_of_old_ledgers as old
from results.analysis.arms import format_value, plan_names, rank, with_arms

LABELS = [
    ("strategy=static", "static"),
    ("strategy=real", "real"),
    ("strategy=prune", "prune"),
    ("strategy=prune prune.score=random", "prune score=random"),
    ("strategy=prune prune.initial=0", "prune initial=0"),
    ("strategy=dp", "dp"),
    ("strategy=dp dp.omega=0", "dp omega=0"),
    ("strategy=dp dp.omega=0.1", "dp"),  # an explicitly typed default
    ("strategy=dp dp.initial=700", "dp initial=700"),  # per_round follows from it and is not named
    ("strategy=dp dp.patience=1 dp.per_round=300", "dp per_round=300 patience=1"),
    ("strategy=dp train.seen=32k dp.patience=2", "dp patience=2"),
    ("strategy=dp dp.interval=0", "dp"),  # derived
]


@pytest.mark.parametrize("chosen", [True, False], ids=["ledger says it", "old ledger"])
@pytest.mark.parametrize(("words", "label"), LABELS)
def test_labels_hold_over_scales(make, words, label, chosen):
    for scale in ("1k", "2k", "4k"):
        make(f"{words} scale={scale}", chosen=chosen)
    assert set(load(make.root).runs["arm"]) == {label}


def test_old_and_new_ledgers_of_one_arm_are_one_arm(make):
    for seed in range(4):
        make(f"strategy=dp dp.omega=0.3 scale=1k seed={seed}", chosen=seed % 2 == 0)
    assert set(load(make.root).runs["arm"]) == {"dp omega=0.3"}


def test_runs_of_before_a_key_was_there_are_no_arm_with_those_that_do_otherwise(make):
    """They did what the key's frozen value says, which later runs choose to do."""
    for seed in range(2):
        make(f"strategy=dp scale=1k seed={seed}", without=("dp.deadline",))
    assert set(load(make.root).runs["arm"]) == {"dp"}
    make("strategy=dp dp.deadline=none scale=1k seed=2")
    assert set(load(make.root).runs["arm"]) == {"dp deadline=none"}
    for seed in (3, 4):
        make(f"strategy=dp scale=1k seed={seed}")
    arms = load(make.root).runs.set_index("seed")["arm"]
    assert list(arms[[0, 1, 2, 3, 4]]) == ["dp deadline=none"] * 3 + ["dp"] * 2


def forget_plugins(monkeypatch):
    """As if no strategy, task or teacher were installed."""
    monkeypatch.setattr(old, "plugin", lambda kind, name: None)


def change_defaults(monkeypatch):
    """As if the class of dp had another default by now."""
    installed = old.plugin

    def later(kind, name):
        cls = installed(kind, name)
        return make_dataclass("Later", [("patience", int, 2)], bases=(cls,)) if name == "dp" else cls

    monkeypatch.setattr(old, "plugin", later)


@pytest.mark.parametrize("change", [forget_plugins, change_defaults])
def test_neither_a_changed_default_nor_a_missing_plugin_relabels_a_run(make, change, monkeypatch):
    for words in ("dp", "dp dp.omega=0.5", "dp dp.patience=2 train.lr=0.01", "prune prune.oversample=2"):
        make(f"strategy={words} scale=1k")
        make(f"strategy={words} scale=1k seed=1", chosen=False)
    before = load(make.root)
    say = before.runs["chosen"].map(lambda chosen: isinstance(chosen, dict))
    titles = [one.title for one in before.comparisons]
    change(monkeypatch)
    after = load(make.root)
    assert list(after.runs.loc[say, "arm"]) == list(before.runs.loc[say, "arm"])
    assert set(after.runs.loc[say, "arm"]) == {"dp", "dp omega=0.5", "dp patience=2", "prune oversample=2"}
    assert [one.title for one in after.comparisons] == titles and any("train.lr=0.01" in title for title in titles)
    assert list(after.runs.loc[~say, "arm"]) != list(
        before.runs.loc[~say, "arm"]
    )  # the test can fail: old ones do change


def test_old_ledgers_of_a_strategy_that_is_not_installed_are_compared_with_most_of_them(make):
    for scale in (1000, 2000):
        for seed, sharpness in enumerate((0.5, 0.5, 2.0)):
            name = f"digits-elsewhere-{scale}-{seed}"
            values = {"strategy": "elsewhere", "elsewhere.sharpness": sharpness, "elsewhere.initial": scale // 4}
            words = f"strategy=static scale={scale} seed={seed}"
            make(words, values=values, name=name, state="interrupted", chosen=False)
    assert list(load(make.root).runs["arm"]) == ["elsewhere", "elsewhere", "elsewhere sharpness=2"] * 2


def test_a_strategy_that_is_not_installed_is_named_by_its_ledger(make):
    for seed, sharpness in enumerate((0.5, 2.0)):
        values = {"strategy": "idea", "idea.sharpness": sharpness, "idea.initial": 250}
        said = {} if sharpness == 0.5 else {"idea.sharpness": {"value": sharpness, "source": "command line"}}
        make(f"strategy=static scale=1k seed={seed}", values=values, name=f"i{seed}", opened={"chosen": said})
    frame = load(make.root).runs
    assert list(frame["arm"]) == ["idea", "idea sharpness=2"] and list(frame["changed"]) == [{}, {"sharpness": 2.0}]


@pytest.mark.parametrize("chosen", [True, False])
@pytest.mark.parametrize("task", ["imagenet100", "imagenet1k"])
def test_the_papers_scales_are_one_arm(task, chosen):
    """N, P and T_max are chosen anew at every scale: that is the plan of ``dp``, not another arm."""
    rows = []
    for row in published.scaling(task).query("strategy == 'dp'").to_dict("records"):
        total = row["initial"] + row["rounds"] * row["per_round"]
        for omega in ("0.05", "0"):
            run = resolve([f"preset=paper/{task}-{total // 1000}k", f"dp.omega={omega}"])
            said = json.loads(json.dumps(run.chosen)) if chosen else None
            values = run.values
            rows.append({"task": task, "strategy": "dp", "scale": values["scale"], "values": values, "chosen": said})
    found = with_arms(pd.DataFrame(rows))
    assert found["arm"].nunique() == 2 and not found["arm"].str.contains("initial|per_round|interval").any()
    assert {"initial", "per_round", "interval"} <= set(plan_names(found)["dp"])


def test_lines_are_ordered_from_baseline_to_ceiling():
    labels = ["real", "mine", "dp omega=0", "dp", "prune score=random", "prune", "static"]
    assert sorted(labels, key=rank) == ["static", "prune", "prune score=random", "dp", "dp omega=0", "mine", "real"]


@pytest.mark.parametrize(("value", "text"), [(0.05, "0.05"), (0.0, "0"), ("entropy", "entropy"), (1 / 3, repr(1 / 3))])
def test_values_are_written_as_one_would_type_them(value, text):
    assert format_value(value) == text
