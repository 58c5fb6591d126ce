"""The kit passes what keeps the contract and names the rule that each cheat breaks."""

from pathlib import Path

import pytest

from dp_common.config import registry
from dp_common.conformance import Nonconforming, check_score, check_strategy, check_teacher
from dp_common.errors import Problem

PLUGINS = Path(__file__).parents[2] / "plugins"


@pytest.mark.parametrize(
    "words",
    [("dp", "dp.patience=1", "dp.omega=0.1"), pytest.param((f"{PLUGINS}/idea.py:Idea",), marks=pytest.mark.slow)],
)
def test_conforming(words):
    told = []
    check_strategy(*words, say=told.append)
    assert len(told) == 7


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("static",),
        ("real",),
        ("prune", "prune.patience=1"),
        ("prune", "prune.initial=0"),
        ("prune", "prune.balance=global", "prune.score=loss"),
        ("prune", "prune.score=random", "prune.patience=1"),
        ("dp", "dp.feedback=first", "dp.patience=1"),
        ("dp", "dp.schedule=even", "dp.new_weight=2", "dp.rule=score"),
        ("dp", "dp.omega=0", "sampler.eta=1"),
        ("dp", "train.ema=0.9", "dp.patience=1", "sampler.cfg_scale=2"),
        ("dp", "dp.through=decoder", "dp.patience=1"),
    ],
)
def test_conforming_in_every_mode(words):
    check_strategy(*words)


@pytest.mark.parametrize(
    "name, rule",
    [
        ("Short", "completes"),
        ("Chance", "repeats itself"),
        ("Peeking", "never sees test"),
        pytest.param("Seedless", "seeds differ", marks=pytest.mark.slow),
    ],
)
def test_cheats_are_found(name, rule):
    with pytest.raises(Nonconforming, match=rule):
        check_strategy(f"{PLUGINS}/cheats.py:{name}")


def test_asking_for_more_than_there_is_room_is_refused():
    with pytest.raises(Problem, match="asked for 201 images with room for 200"):
        check_strategy(f"{PLUGINS}/cheats.py:Greedy")


@pytest.mark.parametrize("name", registry.plugins("score"))
def test_scores(name):
    check_score(name)


@pytest.mark.parametrize(
    "name", ["mixture", "unet", f"{PLUGINS}/blobs.py:Blobs"]
)  # stable-diffusion: where its tiny weights are made
def test_teachers(name):
    told = []
    check_teacher(name, say=told.append)
    assert len(told) == 6


@pytest.mark.parametrize(
    "name, rule",
    [
        ("Coupled", "a batch differs from its singles"),
        ("Changing", "changes the x it is given"),
        ("Detached", "is differentiable"),
        ("Classless", "with and without the class are the same"),
        ("Small", "decodes"),
    ],
)
def test_teachers_that_cheat_are_found(name, rule):
    with pytest.raises(Nonconforming, match=rule):
        check_teacher(f"{PLUGINS}/blobs.py:{name}")


def test_a_teacher_of_ones_own_runs(tmp_path):
    from dp_common.config.resolve import resolve
    from dp_common.lab import runner

    words = [
        "strategy=dp",
        f"teacher={PLUGINS}/blobs.py:Blobs",
        "blobs.s=0.2",
        "scale=120",
        "train.seen=2560",
        "train.batch=64",
        "sampler.steps=5",
        "dp.interval=128",
        "dp.schedule=even",
        f"root={tmp_path}",
    ]
    summary = runner.execute(resolve(words), quiet=True)
    assert summary["scale_reached"] and summary["gradients"] > 0 and summary["teacher"] == "blobs-Blobs"
