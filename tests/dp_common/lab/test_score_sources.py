"""Scores that look at more than logits guide towards what they score, are paid for, and survive an interruption."""

import inspect

import numpy as np
import pytest
import torch

from dp_common.config.resolve import resolve
from dp_common.conformance import check_strategy
from dp_common.diffusion.guidance import Guidance
from dp_common.errors import BadInput, Interrupted, Problem
from dp_common.lab import reference, runner
from dp_common.lab.score_sources import ScoreSources
from tests.dp_common.lab.conftest import opened

DP = ("strategy=dp", "dp.every=1")
CLASSIFIER = ("reference.source=classifier", "reference.seen=128")


def practised(open_lab, score, omega, *words):
    """A lab after 30 plain images, two trainings and 30 images guided by a score: (lab, its last line)."""
    one = open_lab(*DP, f"dp.score={score}", *words)
    one.lab.generate(30)
    one.lab.train(256)
    one.lab.train(256)
    one.lab.generate(30, Guidance(score, omega, rule="relative", every=1))
    return one, one.ledger.records[-1]


def calls_of(one):
    return [record["name"] for record in one.ledger.records if record["kind"] == "call"]


def counted(line_of, unit):
    return sum(r["spent"]["counts"].get(unit, 0) for r in line_of)


@pytest.mark.parametrize(
    "score, words",
    [
        ("learnability", ()),
        ("learnability", CLASSIFIER),
        ("nll", ()),
        ("hardness", ()),
        ("chamfer", ()),
        ("bald", ()),
        ("variance", ("heads.source=epistemic",)),
        ("repulsion", ()),
    ],
)
def test_omega_orders_the_score(open_lab, score, words):
    births = [practised(open_lab, score, omega, *words)[1]["measured"]["score_at_birth"] for omega in (-0.3, 1e-9, 0.3)]
    assert births[0] < births[1] < births[2]


def test_what_they_take_is_counted_and_what_is_measured_alone_is_not(open_lab):
    steps, images = 4, 30

    def spent(score, *words):
        """(passes through a classifier, gradients)"""
        one, _ = practised(open_lab, score, 0.1, *words)
        at = max(r["n"] for r in one.ledger.records if r["kind"] == "call" and r["name"] == "train")
        lines = [r for r in one.ledger.records if r["n"] > at]
        return counted(lines, "classifier_evaluations"), counted(lines, "gradients")

    each = steps * images
    assert spent("entropy") == (each, each)
    assert spent("nll") == (each, each)  # the density asks no network
    assert spent("learnability", *CLASSIFIER) == (2 * each, 2 * each)
    assert spent("bald") == (2 * each, 2 * each)  # two snapshots, of which the newest is the learner
    assert spent("bald", "heads.source=epistemic") == (each + 30, each)  # and the set, once
    assert spent("hardness") == (each + 30, each)


def test_the_reference_is_trained_once_and_paid_for(open_lab):
    one, _ = practised(open_lab, "learnability", 0.1, *CLASSIFIER, "scale=120")
    one.lab.generate(30, Guidance("learnability", 0.1))
    assert calls_of(one) == ["generate", "train", "train", "reference", "generate", "generate"]
    state = one.replay.state
    assert state.iterations == (256 + 256 + 128) // 64 and state.seen_total == 640 and one.lab.seen == 512
    assert (state.information, state.consulted) == (1, one.lab.real_images)


def test_the_reference_is_trained_on_all_real_images(open_lab, monkeypatch):
    sets = []
    monkeypatch.setattr(reference, "train", lambda io, learner, images, *others: sets.append(images.joined()) or 0.0)
    one, real = practised(open_lab, "learnability", 0.1, *CLASSIFIER)[0], open_lab().run.data.real
    assert one.replay.kept.reference is not None and len(sets) == 1
    assert np.array_equal(sets[0].images, real.images) and np.array_equal(sets[0].labels, real.labels)


def test_the_density_is_as_much_information(open_lab):
    for score, known in (("learnability", 1), ("nll", 1), ("hardness", 0), ("bald", 0)):
        one, _ = practised(open_lab, score, 0.1)
        assert one.replay.state.information == known and one.replay.state.consulted == known * one.lab.real_images


def test_an_interrupted_run_has_its_models_again(open_lab):
    words = (*DP, "dp.score=learnability", *CLASSIFIER, "checkpoint_every=0")
    first, _ = practised(open_lab, "learnability", 0.1, *words[3:])
    again = open_lab(*words)
    again.lab.generate(30)
    again.lab.train(256)
    again.lab.train(256)
    again.lab.generate(30, Guidance("learnability", 0.1, rule="relative", every=1))
    kept = [one.replay.kept.reference.state_dict() for one in (first, again)]
    assert all(torch.equal(kept[0][key], kept[1][key]) for key in kept[0])
    sets = [one.run.data.training_set.digest() for one in (first, again)]
    assert sets[0] == sets[1]


def test_the_training_of_a_reference_is_gone_on_with(open_lab, tmp_path):
    """A job that is ended again and again gets through it: at each question one iteration further."""
    words = (*DP, "dp.score=learnability", "reference.source=classifier", "reference.seen=256", "train.ema=0.9")

    def until_the_end(open_one, stop=lambda: False):
        one = open_one(*words, stop=stop)
        one.lab.generate(30)
        one.lab.train(64)
        one.lab.generate(6, Guidance("learnability", 0.1, every=1))
        return one

    with opened(tmp_path / "whole") as open_whole:
        whole = until_the_end(open_whole).replay.kept.reference.state_dict()
    for _ in range(3):
        with pytest.raises(Interrupted, match="in the middle of a training"):
            until_the_end(open_lab, stop=in_the_reference)
    again = until_the_end(open_lab)
    kept, records = again.replay.kept, again.ledger.records
    assert kept.unfinished is None and all(torch.equal(kept.reference.state_dict()[key], whole[key]) for key in whole)
    assert [r["position"] for r in records if r["kind"] == "midway"] == [64, 128, 192]
    assert counted(records, "images_trained") == 64 + 256 and calls_of(again).count("reference") == 1


def in_the_reference():
    """Is it being trained?"""
    return any(frame.function == "train_reference" for frame in inspect.stack(0))


def test_as_many_snapshots_are_kept_as_there_are_heads_and_a_restart_forgets_them(open_lab):
    one = open_lab("strategy=prune", "prune.score=bald", "heads.count=3")
    one.lab.generate(30)
    for _ in range(4):
        one.lab.train(64)
    assert len(one.replay.kept.snapshots) == 3
    newest, learner = one.replay.kept.snapshots[-1].state_dict(), one.run.models.learner.guiding.state_dict()
    assert all(torch.equal(newest[key], learner[key]) for key in learner)
    one.lab.restart()
    assert one.replay.kept.snapshots == [] and open_lab("strategy=prune").run.snapshots == 0


def test_what_cannot_be_looked_at_is_told(open_lab):
    one = open_lab(*DP, "dp.score=bald")
    one.lab.generate(30)
    one.lab.train(64)
    with pytest.raises(Problem, match="score bald needs two evaluations on monitor before it, and there were 1"):
        one.lab.generate(5, Guidance("bald", 0.1))
    unnamed = open_lab("strategy=static")
    unnamed.lab.generate(30)
    unnamed.lab.train(128)
    with pytest.raises(Problem, match="score bald needs snapshots, which are kept where a key names it"):
        unnamed.lab.select(30, 5, "bald")
    unnamed.lab.freeze()
    one.lab.freeze()
    with pytest.raises(Problem, match="by a frozen learner: not with heads.source=snapshots"):
        one.lab.generate(5, Guidance("bald", 0.1, frozen=True))


@pytest.mark.parametrize(
    "words, message",
    [
        (["dp.score=nll", "teacher=unet"], "dp.score=nll: it needs a teacher whose density is known; unet's is not"),
        (
            ["dp.score=learnability", "teacher=unet", "reference.source=density"],
            "reference.source=density: it needs a teacher whose density is known; unet's is not: classifier",
        ),
        (["dp.score=bald", "heads.source=dropout"], "heads.source=dropout: learner=cnn-digits has no dropout layer"),
        (["dp.score=bald", "probe=truth"], "probe=truth: not with dp.score=bald"),
        (["dp.score=bald", "dp.feedback=first"], "dp.score=bald: by a frozen learner not with heads.source=snapshots"),
        (
            ["dp.score=bald", "dp.rounds=1", "dp.at=0.001"],
            "dp.interval=1280: two evaluations on monitor before the first addition, since dp.score=bald looks at two",
        ),
    ],
)
def test_what_a_run_does_not_have_is_refused_before_anything_is_made(tmp_path, words, message):
    run = resolve(["strategy=dp", "scale=100", f"root={tmp_path / 'runs'}", *words])
    with pytest.raises(BadInput, match=f"^{message}"):
        runner.execute(run, quiet=True)
    assert not (tmp_path / "runs").exists()


def test_exemplars_are_dealt_in_turns_and_are_real_images_consulted(open_lab):
    """The first of the class's own in its turn; what guides an image does not depend on its batch."""
    one, _ = practised(open_lab, "chamfer", 0.1, "exemplars.per_class=3")
    assert (one.replay.state.information, one.replay.state.consulted) == (2, 9)
    sources = ScoreSources(one.run, one.replay.kept)
    dealt = sources.dealt(torch.tensor([0, 1, 1, 1, 1]), torch.tensor([0, 0, 1, 2, 3]))
    of_one = sources.shown[1]
    assert torch.equal(dealt[1:, 0], of_one[[0, 1, 2, 0]]) and torch.equal(dealt[2], of_one[[1, 2, 0]])
    sampler, scorer = one.run.models.sampler, sources.scorer("chamfer")
    step = sampler.guidance_step(Guidance("chamfer", 0.3), one.run.models.learner, None, scorer)
    whole = sampler.sample(np.arange(12), np.arange(12) % 3, step)
    alone = sampler.sample(np.arange(7, 8), np.arange(7, 8) % 3, step)
    torch.testing.assert_close(whole[7:8], alone, atol=1e-4, rtol=1e-4)
    with pytest.raises(BadInput, match="^exemplars.per_class=1000: at most 200, the real images of a class"):
        open_lab("strategy=dp", "dp.every=1", "dp.score=chamfer", "exemplars.per_class=1000")


def test_sources_know_the_set_of_their_call_only(open_lab):
    one = open_lab(*DP, "dp.score=hardness")
    one.lab.generate(20)
    one.lab.train(64)
    before = ScoreSources(one.run, one.replay.kept).memory
    one.lab.generate(10)
    after = ScoreSources(one.run, one.replay.kept).memory
    assert len(before[0]) == 20 and after[2].tolist() == list(range(30))


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("dp", "dp.score=learnability", "reference.source=classifier", "reference.seen=256", "dp.patience=1"),
        ("dp", "dp.score=bald", "dp.patience=1"),
        ("prune", "prune.score=variance", "heads.source=epistemic", "prune.patience=1"),
        ("prune", "prune.score=hardness", "prune.rule=ccs", "prune.patience=1"),
    ],
)
def test_conforming(words):
    """Interrupted at every yield too, with models beside the learner."""
    check_strategy(*words)
