"""What a strategy may do: each call does what it says, within room and budget, and is answered again on replay."""

import numpy as np
import pytest
import torch

from dp_common.diffusion.guidance import Guidance
from dp_common.errors import BadInput, Interrupted, Problem
from dp_common.real_images.splits import real_order


def calls_of(one):
    return [record for record in one.ledger.records if record["kind"] == "call"]


def training_set(one):
    return one.run.data.training_set.joined()


def same_weights(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values()))


def test_a_new_lab_is_empty(open_lab):
    lab = open_lab().lab
    assert (lab.size, lab.room, lab.seen, lab.rounds, lab.learning) == (0, 60, 0, 0, True)
    assert (lab.budget.scale, lab.budget.seen, lab.budget.stable, lab.real_images) == (60, 1280, 1024, 600)


def test_opening_one_reads_and_writes_nothing_before_begin(open_lab):
    from dp_common.lab.replay import Replay

    one = open_lab()
    records = len(one.ledger.records)
    Replay(one.run)
    assert len(one.ledger.records) == records


def test_generate_adds_images_with_the_next_indices(open_lab):
    one = open_lab()
    assert one.lab.generate(20) == 20 and one.lab.generate(np.int64(7)) == 7
    images, labels, indices = training_set(one)
    assert indices.tolist() == list(range(27)) and labels.tolist() == [i % 3 for i in range(27)]
    assert images.shape == (27, 1, 1, 2) and images.dtype == np.uint8
    assert (one.lab.size, one.lab.room, one.lab.rounds) == (27, 33, 1)
    assert calls_of(one)[0]["args"] == {"n": 20, "guidance": None}


@pytest.mark.parametrize("n, why", [(61, "61 images with room for 60"), (0, "0 images"), (-3, "-3 images")])
def test_more_than_there_is_room_for_is_refused(open_lab, n, why):
    one = open_lab()
    with pytest.raises(Problem, match=f"generate: asked for {why}"):
        one.lab.generate(n)
    assert not calls_of(one)


def test_guidance_is_journaled_as_data_and_moves_the_images(open_lab):
    one = open_lab()
    one.lab.generate(16)
    one.lab.train(640)
    guidance = Guidance("entropy", np.float64(0.3), every=np.int64(2))
    one.lab.generate(16, guidance)
    assert calls_of(one)[2]["args"]["guidance"] == {
        "score": "entropy",
        "omega": 0.3,
        "rule": "relative",
        "through": "denoiser",
        "every": 2,
        "frozen": False,
    }
    plain = open_lab("seed=0", "scale=61")
    plain.lab.generate(16)
    plain.lab.generate(16)
    assert np.array_equal(training_set(one).images[:16], training_set(plain).images[:16])
    assert not np.array_equal(training_set(one).images[16:], training_set(plain).images[16:])
    assert calls_of(one)[2]["measured"]["score_at_birth"] > 0


@pytest.mark.parametrize(
    "given, named",
    [
        (dict(guide="entropy", omega=0.1), "guide=, omega="),
        (dict(omega=0.1), "omega="),
        (dict(guidance="entropy"), "guidance='entropy'"),
    ],
)
def test_a_call_as_it_was_before_is_told_its_successor(open_lab, given, named):
    with pytest.raises(Problem) as caught:
        open_lab().lab.generate(5, **given)
    assert named in str(caught.value) and "\n" not in str(caught.value)
    assert "lab.generate(n, guidance=Guidance(score, omega, rule, through, every, frozen))" in str(caught.value)


def test_an_argument_nobody_knows_is_an_error_of_the_strategy(open_lab):
    with pytest.raises(TypeError, match="unexpected keyword argument 'sharpness'"):
        open_lab().lab.generate(5, sharpness=0.5)


@pytest.mark.parametrize(
    "fields, key",
    [
        (dict(score="entorpy", omega=0.1), "guidance.score=entorpy: .*Did you mean entropy"),
        (dict(score="entropy", omega=float("nan")), "guidance.omega=nan: a finite number"),
        (
            dict(score="entropy", omega=0.1, rule="bigger"),
            "guidance.rule=bigger: one of eps-relative, predecessor, relative, score",
        ),
        (dict(score="entropy", omega=0.1, through="pixels"), "guidance.through=pixels: one of denoiser, decoder"),
        (dict(score="entropy", omega=0.1, every=0), "guidance.every=0: a whole number of at least 1"),
        (dict(score="entropy", omega=0.1, every=1.5), "guidance.every=1.5: a whole number of at least 1"),
    ],
)
def test_guidance_is_checked_once_where_it_is_made(fields, key):
    with pytest.raises(BadInput, match=key):
        Guidance(**fields)


def test_train_is_whole_iterations_within_the_stable_phase(open_lab):
    one = open_lab()
    one.lab.generate(30)
    accuracy = one.lab.train(65)
    assert one.lab.seen == 128
    assert accuracy == one.run.models.learner.correct(one.run.data.monitor).mean()
    one.lab.train(10_000)
    assert one.lab.seen == 1024 and not one.lab.learning
    for refused in (lambda: one.lab.train(64), lambda: one.lab.generate(5), lambda: one.lab.select(9, 5, "entropy")):
        with pytest.raises(Problem, match="0 left of the stable phase|nothing is added in the cool-down"):
            refused()
    one.lab.cooldown()
    assert one.lab.seen == 1280
    state = calls_of(one)[-1]["state"]
    assert (state["seen_total"], state["iterations"]) == (1280, 20)
    with pytest.raises(Problem, match="cooldown: 0 images are left of the budget"):
        one.lab.cooldown()


def test_nothing_is_trained_on_an_empty_set(open_lab):
    lab = open_lab().lab
    with pytest.raises(Problem, match="0 in the training set"):
        lab.train(64)
    with pytest.raises(Problem, match="0 are in the training set"):
        lab.cooldown()


def test_real_images_come_in_the_seeds_own_order(open_lab):
    one = open_lab()
    assert one.lab.real(25) == 25
    order = np.random.Generator(np.random.Philox(0))  # not this one
    labels = one.run.data.real.labels
    rows = real_order(0, labels, 25)
    assert training_set(one).indices.tolist() == rows.tolist() != order.permutation(600)[:25].tolist()
    assert np.array_equal(training_set(one).images, one.run.data.real.images[rows])
    assert real_order(0, labels, 60)[:25].tolist() == rows.tolist() and len(set(rows.tolist())) == 25


def test_real_images_come_in_equal_numbers_of_each_class(open_lab):
    one = open_lab()
    assert one.lab.real(31, balance="class") == 31
    labels = one.run.data.real.labels
    rows = real_order(0, labels, 31, "class")
    assert training_set(one).indices.tolist() == rows.tolist() and len(set(rows.tolist())) == 31
    assert np.bincount(training_set(one).labels).tolist() == [11, 10, 10]
    by_lot = real_order(0, labels, 600)
    for label in range(3):  # of each class those that come first by lot, too
        first = [row for row in by_lot.tolist() if labels[row] == label][: 10 + (label == 0)]
        assert [row for row in rows.tolist() if labels[row] == label] == first
    assert calls_of(one)[0]["added"] == [{"real": 31, "balance": "class"}]
    again = open_lab()
    again.lab.real(31, balance="class")
    assert training_set(again).indices.tolist() == rows.tolist()
    uneven = real_order(0, np.array([0, 1, 1, 1, 1]), 4, "class")
    assert sorted(uneven.tolist())[0] == 0 and len(set(uneven.tolist())) == 4
    with pytest.raises(Problem, match="real: balance=rows: class or global"):
        open_lab("scale=61").lab.real(3, balance="rows")


def test_restart_is_the_seeds_own_weights_and_the_whole_budget(open_lab):
    one = open_lab()
    fresh = one.run.models.learner.frozen_copy()
    one.lab.generate(30)
    one.lab.train(256)
    assert not all(torch.equal(fresh[key], value) for key, value in one.run.models.learner.frozen_copy().items())
    one.lab.restart()
    assert all(torch.equal(fresh[key], value) for key, value in one.run.models.learner.frozen_copy().items())
    assert (one.lab.seen, one.lab.size) == (0, 30) and calls_of(one)[-1]["state"]["seen_total"] == 256


def test_a_frozen_learner_guides_as_it_was(open_lab):
    """The same images as if nothing had been trained since; by the present learner others."""

    def images(frozen, train_on):
        one = open_lab(f"scale={60 + 2 * frozen + train_on}")
        one.lab.generate(16)
        one.lab.train(256)
        one.lab.freeze()
        if train_on:
            one.lab.train(256)
        one.lab.generate(16, Guidance("entropy", 0.3, frozen=frozen))
        return training_set(one).images[16:]

    at_freeze = images(frozen=False, train_on=False)
    assert np.array_equal(images(frozen=True, train_on=True), at_freeze)
    assert not np.array_equal(images(frozen=False, train_on=True), at_freeze)


def test_a_learner_that_was_never_frozen_guides_nothing(open_lab):
    one = open_lab()
    one.lab.generate(16)
    with pytest.raises(Problem, match=r"lab\.freeze"):
        one.lab.generate(16, Guidance("entropy", 0.3, frozen=True))


# ---------------------------------------------------------------------- replay


def practise(lab, second=0.2):
    lab.generate(16)
    lab.train(256)
    lab.freeze()
    lab.generate(16, Guidance("entropy", second, frozen=True))
    lab.train(128)


def test_what_was_answered_is_answered_again_without_work(open_lab):
    first = open_lab()
    practise(first.lab)
    first.replay.finish()
    again = open_lab()
    again.run.models.teacher.denoise = again.run.models.learner.step = None  # whoever asked them would fail
    practise(again.lab)
    assert again.lab.size == 32 and again.lab.seen == 384 and again.replay.calls == 5
    assert [record["attempt"] for record in again.ledger.records if record["kind"] == "call"] == [1] * 5
    assert same_weights(again.run.models.learner.model, first.run.models.learner.model)
    assert same_weights(again.replay.kept.frozen, first.replay.kept.frozen)
    for one, other in zip(training_set(again), training_set(first)):
        assert np.array_equal(one, other)


def test_work_after_the_last_checkpoint_is_done_again(open_lab):
    first = open_lab()
    practise(first.lab)  # the guided addition commits the weights that guide: four calls are not repeated
    again = open_lab()
    practise(again.lab)
    resumed = next(record for record in again.ledger.records if record["kind"] == "resume")
    assert (resumed["call"], resumed["position"]) == (3, 0)
    assert [record["call"] for record in again.ledger.records if record["kind"] == "call"] == [1, 2, 3, 4, 5, 4, 5]
    assert same_weights(again.run.models.learner.model, first.run.models.learner.model)


def test_a_strategy_that_does_something_else_is_told_so(open_lab):
    first = open_lab()
    practise(first.lab)
    first.replay.finish()
    with pytest.raises(Problem, match="call 4 was generate.*0.2.*is now generate.*0.3.*lab.rng"):
        practise(open_lab().lab, second=0.3)


def test_a_strategy_that_ends_early_is_told_so(open_lab):
    first = open_lab()
    practise(first.lab)
    first.replay.finish()
    again = open_lab()
    again.lab.generate(16)
    with pytest.raises(Problem, match="ended at call 1 where its journal has 5"):
        again.replay.finish()


def test_stopped_in_the_middle_of_a_training_it_goes_on_there(open_lab):
    whole = open_lab("scale=61")
    whole.lab.generate(20)
    expected = whole.lab.train(640)
    asked = []
    first = open_lab(stop=lambda: len(asked) > 3 or bool(asked.append(1)))
    first.lab.generate(20)
    with pytest.raises(Interrupted, match="in the middle of a training"):
        first.lab.train(640)
    position = first.ledger.records[-1]["position"]
    assert first.ledger.records[-1]["kind"] == "midway" and 0 < position < 640
    again = open_lab()
    again.lab.generate(20)
    assert again.lab.train(640) == expected
    assert calls_of(again)[-1]["measured"]["loss"] == calls_of(whole)[-1]["measured"]["loss"]


def test_the_rng_is_the_same_in_every_attempt_and_for_no_other_seed(open_lab):
    draws = [open_lab(word).lab.rng.random(3).tolist() for word in ("seed=0", "seed=0", "seed=1")]
    assert draws[0] == draws[1] != draws[2]
