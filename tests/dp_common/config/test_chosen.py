"""What was chosen, and by whom: the keys that would be otherwise had nobody said anything."""

import pytest

from dp_common.config.resolve import resolve

COMMAND_LINE = "command line"


def chosen(*words):
    return {key: (entry["value"], entry["source"]) for key, entry in resolve(list(words)).chosen.items()}


def test_nothing_said_nothing_chosen():
    assert chosen() == {}
    assert chosen("task=digits", "strategy=dp", "scale=4k", "seed=0", "dp.omega=0.1", "train.lr=0.002") == {}


def test_what_differs_is_told_with_its_source():
    assert chosen("strategy=static", "scale=1k", "train.lr=0.01") == {
        "strategy": ("static", COMMAND_LINE),
        "scale": (1000, COMMAND_LINE),
        "train.lr": (0.01, COMMAND_LINE),
    }


def test_a_recipes_value_is_not_chosen_and_the_classes_default_over_it_is():
    assert "train.seen" not in chosen("train.seen=128k")  # the task's
    assert chosen("train.seen=64000") == {"train.seen": (64_000, COMMAND_LINE)}  # the class's
    assert chosen("strategy=prune", "prune.oversample=8") == {"strategy": ("prune", COMMAND_LINE)}
    assert chosen("strategy=prune", "prune.oversample=4")["prune.oversample"] == (4.0, COMMAND_LINE)


def test_what_the_strategy_derives_is_not_chosen():
    assert chosen("dp.initial=1000", "dp.per_round=1k") == {}
    found = chosen("dp.initial=700")
    assert found == {"dp.initial": (700, COMMAND_LINE)}  # per_round follows from it
    run = resolve(["dp.initial=700"])
    assert run.values["dp.per_round"] == 1100 and run.sources["dp.per_round"] == "derived"


def test_the_value_is_as_it_was_given_where_the_strategy_derives_another(tmp_path):
    """A preset fixes what the class would derive; the command line goes back to that."""
    from dp_common.config import registry
    from dp_common.tasks import digits

    recipe = digits.Digits.recipe
    digits.Digits.recipe = recipe | {"dp.initial": 500}
    try:
        assert registry.find("task", "digits").load().recipe["dp.initial"] == 500
        assert chosen() == {} and chosen("dp.initial=500") == {}
        assert chosen("dp.initial=0") == {"dp.initial": (0, COMMAND_LINE)}
        assert resolve(["dp.initial=0"]).values["dp.initial"] == 1000
    finally:
        digits.Digits.recipe = recipe


def test_what_cannot_be_left_out_is_chosen():
    """Without dp.initial the plateaus would not fit the budget."""
    words = ("train.seen=4096", "scale=4k", "dp.initial=4k", "dp.patience=30", "dp.deadline=none")
    assert chosen(*words)["dp.initial"] == (4000, COMMAND_LINE)


def test_a_preset_is_named_and_the_command_line_wins(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("strategy: dp\nseed: 0\ndp: {omega: 0.2, every: 2}\nunet: {dtype: bf16}\n")
    assert chosen(f"preset={path}", "dp.every=4") == {
        "dp.omega": (0.2, f"preset {path}"),
        "dp.every": (4, COMMAND_LINE),
    }


def test_a_budget_below_the_scale_is_what_it_was_raised_to():
    assert chosen("train.seen=1000")["train.seen"] == (4096, COMMAND_LINE)
    assert "train.seen" not in chosen("scale=640k")


@pytest.mark.parametrize("words", [["train.model_args={depth: 3}"], ["train.model_args.depth=3"]])
def test_entries_of_a_mapping(words):
    assert chosen(*words) == {"train.model_args.depth": (3, COMMAND_LINE)}


def test_where_things_are_is_not_chosen(tmp_path):
    assert set(chosen("task=svhn", f"data.root={tmp_path}", "root=/elsewhere", "device=cpu")) == {"task"}
