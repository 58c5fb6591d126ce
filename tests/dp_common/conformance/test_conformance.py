"""The kit passes what keeps the contract and names the rule that each cheat breaks."""

from pathlib import Path

import pytest

from dp_common.config import registry
from dp_common.conformance import (
    Nonconforming,
    check_guidance_rule,
    check_learner,
    check_score,
    check_strategy,
    check_task,
    check_teacher,
)
from dp_common.conformance.__main__ import main
from dp_common.errors import BadInput, Problem
from tests.dp_common.real_images.pictures import tree

PLUGINS = Path(__file__).parents[2] / "plugins"
SHORT = ("scale=100", "train.seen=1280")


@pytest.mark.parametrize(
    "words",
    [
        ("dp", *SHORT, "dp.patience=1", "dp.interval=64", "dp.omega=0.1"),
        pytest.param((f"{PLUGINS}/idea.py:Idea",), marks=pytest.mark.slow),
    ],
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
        ("mix",),
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
        ("Untrained", "completes"),
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


@pytest.mark.parametrize("name", [*registry.plugins("guidance rule"), f"{PLUGINS}/twice.py"])
def test_guidance_rules(name):
    told = []
    check_guidance_rule(name, say=told.append)
    assert len(told) == 5


@pytest.mark.parametrize(
    "name, rule",
    [
        ("pair", r"answers with \(x, x0, eps\): tuple of 2"),
        ("flat", "eps is a tensor of the shape"),
        ("steep", "answers are finite: eps at alpha=0.0047"),
        ("hasty", "leaves what it got as it was: eps is changed"),
        ("joined", "a batch equals its singles"),
        ("drifting", "moves nothing at omega = 0 or g = 0: eps moves at omega=0"),
        ("printed", "along .g where omega > 0"),
        ("lame", "as far the other way"),
    ],
)
def test_guidance_rules_that_cheat_are_found(name, rule):
    with pytest.raises(Nonconforming, match=rule):
        check_guidance_rule(f"{PLUGINS}/missteps.py:{name}")


@pytest.mark.parametrize(
    "name", ["mixture", "unet", f"{PLUGINS}/blobs.py:Blobs"]
)  # stable-diffusion: where its tiny weights are made
def test_teachers(name):
    told = []
    check_teacher(name, say=told.append)
    assert len(told) == {"mixture": 8, "unet": 7}.get(name, 6)  # both encode, and of one the density is known


class Repeating:
    """Deals out the last image of a class again and again."""

    def __init__(self, held):
        self.held = held

    def stored(self, indices, labels):
        return self.held(indices % 10 + 10 * (indices // 10).clip(max=1), labels)


def test_a_teacher_that_holds_images(tmp_path, monkeypatch):
    from dp_common.teachers.images import Images

    for label in range(10):
        tree(tmp_path / "set", {str(label): 2}, seed=label)
    told = []
    check_teacher("images", f"images.path={tmp_path / 'set'}", say=told.append)
    assert len(told) == 2
    stored = Images.stored
    monkeypatch.setattr(Images, "stored", lambda self, *a: Repeating(lambda *b: stored(self, *b)).stored(*a))
    with pytest.raises(Nonconforming, match="deals out each once: it holds 2 images of class 0 and deals out one more"):
        check_teacher("images", f"images.path={tmp_path / 'set'}")
    monkeypatch.setattr(Images, "stored", lambda self, *a: stored(self, *a) / 255)
    with pytest.raises(Nonconforming, match="deals out images"):
        check_teacher("images", f"images.path={tmp_path / 'set'}")


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


@pytest.mark.parametrize(
    "words",
    [
        ("vit-digits",),
        ("mlp-plane", "task=plane", "train.model_args.depth=1"),
        (f"{PLUGINS}/net.py:Net", "train.model_args={width: 8, depth: 2}"),
        (f"{PLUGINS}/net.py:as_function", "train.model_args.width=8"),
        pytest.param(("resnet-small", "train.batch=8"), marks=pytest.mark.slow),
    ],
)
def test_learners(words):
    told = []
    check_learner(*words, say=told.append)
    assert len(told) == 6


@pytest.mark.parametrize(
    "name, rule",
    [
        ("Coupled", "answers by row"),
        ("Rounded", "is differentiable"),
        ("Unseeded", "repeats itself: two of one seed differ"),
        ("Forgetful", "is stored whole"),
        ("Asleep", "learns"),
    ],
)
def test_learners_that_cheat_are_found(name, rule):
    with pytest.raises(Nonconforming, match=rule):
        check_learner(f"{PLUGINS}/net.py:{name}")


@pytest.mark.parametrize(
    "words, said",
    [
        (("Flat",), "answers with .10,., not with 10 logits"),
        (("Nothing",), "makes a Nothing, not a torch.nn.Module"),
        (("Nett",), "no Nett in it; it holds Net, .* Did you mean Net?"),
        (
            ("Net", "train.model_args.dept=2"),
            "train.model_args.dept=2: learner=net-Net takes width, depth. Did you mean",
        ),
        (("Net", "train.model_args.depth=two"), "cannot be built"),
    ],
)
def test_learners_that_cannot_be_used_are_refused(words, said):
    with pytest.raises(BadInput, match=said) as caught:
        check_learner(f"{PLUGINS}/net.py:{words[0]}", *words[1:])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("words", [("digits",), ("plane",), (f"{PLUGINS}/faces.py:Faces", "faces.shade=90")])
def test_tasks(words):
    told = []
    check_task(*words, say=told.append)
    assert len(told) == 6


@pytest.mark.parametrize(
    "name, rule",
    [
        ("Floats", "holds images: train: float64"),
        ("FromOne", "holds images: train: labels int64 1..2, 0..1"),
        ("Sideways", "holds images: train: uint8 .4, 4, 1."),
        ("Leaking", "keeps splits apart: 100 % of test images stand in train"),
        ("Restless", "repeats itself"),
    ],
)
def test_tasks_that_cheat_are_found(name, rule):
    with pytest.raises(Nonconforming, match=rule):
        check_task(f"{PLUGINS}/faces.py:{name}")


def test_a_task_without_a_split_is_told_so():
    with pytest.raises(BadInput, match="has no monitor after load; the contract is dp_common.contracts.Task"):
        check_task(f"{PLUGINS}/faces.py:Missing")


def test_a_learner_and_a_task_of_ones_own_run(tmp_path):
    from dp_common.config.resolve import resolve
    from dp_common.lab import runner

    words = [
        f"task={PLUGINS}/faces.py:Faces",
        f"learner={PLUGINS}/net.py:Net",
        "train.model_args={width: 8}",
        "strategy=static",
        "scale=100",
        "train.seen=2560",
        "train.batch=64",
        "mixture.components=2",
        f"root={tmp_path}",
    ]
    summary = runner.execute(resolve(words), quiet=True)
    assert (summary["task"], summary["learner"]) == ("faces-Faces", "net-Net") and summary["accuracy"] > 0.7
    assert summary["fingerprints"]["learner_source"].endswith(":Net")
    assert summary["chosen"]["train.model_args.width"] == {"value": 8, "source": "command line"}


@pytest.mark.parametrize(
    "words, code, said",
    [
        (["score=entropy"], 0, "conforming"),
        (["guidance_rule=relative"], 0, "conforming"),
        (["guidance_rule=relative", "omega=1"], 2, "a guidance rule has no keys"),
        (["guidance_rule=relativ"], 2, "guidance_rule=relativ: one of eps-relative, "),
        (["score=" + str(PLUGINS / "missteps.py:bare")], 2, "is called as score(logits, labels), which it does not"),
        (["guidance_rule=" + str(PLUGINS / "missteps.py:bare")], 2, "which it does not take: too many positional"),
        (["--help"], 0, "learner=./net.py:Net"),
        ([f"score={PLUGINS}/net.py"], 2, "has no score(logits, labels)"),
        ([], 2, "what is to be checked"),
        (["figure=x"], 2, "one of strategy=, teacher=, learner=, task=, score=, guidance_rule="),
        (["score=entropy", "x=1"], 2, "a score has no keys"),
        (["task=digits", "task=plane"], 2, "given once"),
    ],
)
def test_the_command(words, code, said, capsys):
    assert main(words) == code
    out = capsys.readouterr()
    assert said in out.out + out.err and len(out.err.splitlines()) <= 1


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
