"""Where the density is known: the targets of guidance, and how far images are from them, against oracles."""

import io

import numpy as np
import pytest
import torch

from dp_common.files import digest
from dp_common.probes import exponential_tilt, hardness, known_density
from dp_common.probes.density_samples import EXACT, exact_samples, plain_samples, score_of
from dp_common.probes.known_density import References, Steering
from tests.dp_common.probes.probed import halved, images_of, model_of, probe_line, rows_of, run


def test_targets_and_controls_of_a_run(watched):
    table = watched.line["truth"]
    assert {(row["addition"], row["target"]) for row in rows_of(table)} == {
        (0, "teacher"),
        *((a, t) for a in (1, 2, 3) for t in ("teacher", "matched")),
    }
    for row in rows_of(table, target="matched"):
        assert row["omega"] > 0 and row["score"] == pytest.approx(row["score_added"], abs=1e-5)  # what matched means
        model = model_of(halved(watched.weights[watched.line["additions"][row["addition"]]]))
        with torch.no_grad():
            p = model(
                torch.from_numpy(
                    images_of(watched.folder, watched.calls[watched.line["additions"][row["addition"]]])[0]
                )
                / 127.5
                - 1
            ).softmax(1)
        assert row["score_added"] == pytest.approx(float(-(p * p.log()).sum(1).mean()), rel=1e-4)
    for row in rows_of(table, target="teacher"):
        assert row["omega"] == 0 and row["effective"] == pytest.approx(min(np.bincount(np.arange(EXACT) % 3)))
    floors = {row["distance_plain"] for row in rows_of(table, target="teacher")}
    assert max(floors) - min(floors) < 1e-9 and max(floors) < min(
        row["distance"] for row in rows_of(table, target="teacher") if row["addition"]
    )


def guided_exactly(watched, model, omega, n, seed):
    """Labelled images that are of Q exactly, by rejection from exact samples: exp(ω(H − log 3)) is at most 1."""
    labels = np.arange(n) % 3
    floats = watched.teacher.exact(torch.from_numpy(labels), seed)
    scores = score_of(watched.learner, "entropy", model, floats, labels)
    kept = np.random.default_rng(seed).random(n) < np.exp(omega * (scores - (np.log(3) if omega > 0 else 0)))
    images = ((floats[kept].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()
    order = np.lexsort((labels[kept], np.arange(kept.sum())))
    counts = np.bincount(labels[kept], minlength=3).min()  # equal shares, as images are made
    rows = np.concatenate([order[labels[kept][order] == label][:counts] for label in range(3)])
    return images[rows], labels[kept][rows]


@pytest.fixture(scope="module")
def references(watched):
    exact, plain = exact_samples(watched.learner, watched.teacher, 100), plain_samples(watched.learner, watched.teacher)
    return References(exact, plain, exponential_tilt.within(exact.points()))


@pytest.fixture(scope="module")
def last_model(watched):
    """The learner as it was at the last addition."""
    number = watched.line["additions"][3]
    snapshot = next(r for r in watched.records if r["kind"] == "snapshot" and r["call"] == number)
    return hardness.restored(watched.folder, watched.learner, snapshot)


@pytest.mark.parametrize("omega", [1.5, -2.0])
def test_images_that_are_of_the_target_are_found_to_be(watched, references, last_model, omega):
    """The oracle: exact samples of Q_ω are at no distance from it, ω* is ω, and P is farther; a constant ω would not
    find this.
    """
    added = guided_exactly(watched, last_model, omega, 12_000, seed=5)
    steered = Steering("entropy", None, True)
    teacher, matched = known_density.rows_of(3, steered, added, watched.learner, last_model, references)
    assert matched["omega"] == pytest.approx(omega, abs=0.25)
    assert abs(matched["distance"]) < 0.002 < teacher["distance"]
    steered = Steering("entropy", omega, True)
    fixed = known_density.rows_of(3, steered, added, watched.learner, last_model, references)[1]
    assert fixed["target"] == "rule" and fixed["omega"] == omega and abs(fixed["distance"]) < 0.002


def test_it_refuses_to_say_where_too_few_samples_are_left(watched, references, last_model):
    added = images_of(watched.folder, watched.calls[watched.line["additions"][3]])
    steered = Steering("entropy", 150.0, True)
    far = known_density.rows_of(3, steered, added, watched.learner, last_model, references)[1]
    assert far["target"] == "rule" and far["effective"] < known_density.ENOUGH
    assert far["distance"] is far["distance_plain"] is far["score"] is far["true_label"] is None


def test_exact_samples_are_enough_of_each_class(watched):
    assert len(exact_samples(watched.learner, watched.teacher, 100).labels) == EXACT
    samples = exact_samples(watched.learner, watched.teacher, 2000)
    assert np.bincount(samples.labels).tolist() == [2000] * 3
    assert samples.means()["true_label"] == samples.density["true_label"].mean() > 0.9


def lines_of(form):
    """Calls of a run, as the ledger holds them now, and as it did when guidance was several arguments."""

    def guided(**fields):
        if form == "new":
            return {"n": 5, "guidance": fields}
        return {"n": 5, "guide": fields.pop("score"), **fields}

    none = {"n": 5, "guidance": None} if form == "new" else dict(n=5, guide=None, omega=0.0, rule="relative")
    return {
        1: dict(name="generate", args=none, state={"seen_total": 0}),
        2: dict(name="generate", args=guided(score="margin", omega=3.0, rule="score"), state={"seen_total": 5}),
        3: dict(name="freeze", args={}, state={"seen_total": 5}),
        4: dict(
            name="generate",
            args=guided(score="entropy", omega=0.1, rule="relative", frozen=True),
            state={"seen_total": 9},
        ),
        5: dict(name="select", args=dict(score="random"), state={"seen_total": 9}),
        6: dict(name="select", args=dict(score="loss"), state={"seen_total": 9}),
        7: dict(name="generate", args=guided(score="entropy", omega=0.0, rule="score"), state={"seen_total": 9}),
    }


@pytest.mark.parametrize("form", ["new", "former"])
def test_what_steered_an_addition_and_whose_weights(form):
    calls = lines_of(form)
    assert [known_density.steering_of(calls[number]) for number in (1, 2, 4, 5, 6, 7)] == [
        Steering("entropy", 0.0, False),
        Steering("margin", 3.0, True),
        Steering("entropy", None, True),
        Steering("entropy", 0.0, True),
        Steering("loss", None, True),
        Steering("entropy", 0.0, True),
    ]
    assert [known_density.guiding_call(calls, number) for number in (2, 4, 6)] == [2, 3, 6]


def test_the_weights_of_a_freeze_are_kept(tmp_path):
    _, records, _ = run(tmp_path, "probe=truth", "dp.feedback=first")
    frozen = next(r["call"] for r in records if r["kind"] == "call" and r["name"] == "freeze")
    assert (
        frozen in {r["call"] for r in records if r["kind"] == "snapshot"}
        and frozen not in probe_line(records)["additions"]
    )
    assert len(rows_of(probe_line(records)["truth"], target="matched")) == 3


def test_the_map_is_the_learner_and_the_density(watched):
    data = (watched.folder / watched.line["map"]["file"]).read_bytes()
    assert digest(data) == watched.line["map"]["digest"] and len(data) < 400_000
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        drawn = dict(arrays)
    axis, cells = drawn["axis"], (drawn["axis"][1] - drawn["axis"][0]) ** 2
    np.testing.assert_allclose(np.exp(drawn["log_density"].astype(float)).sum((0, 1)) * cells, 1, atol=0.02)
    row, column = 20, 55  # y = axis[20], x = axis[55]
    point = torch.tensor([axis[column], axis[row]]).float().view(1, 1, 1, 2)
    np.testing.assert_allclose(drawn["log_density"][row, column], watched.teacher.log_density(point)[0], rtol=1e-4)
    for panel, weights in enumerate(
        [*(halved(watched.weights[n]) for n in watched.line["additions"]), watched.learner.frozen_copy()]
    ):
        with torch.no_grad():
            np.testing.assert_allclose(
                drawn["probabilities"][panel, row, column], model_of(weights)(point).softmax(1)[0], atol=2e-3
            )
    assert (
        drawn["seen"].tolist() == [0, 1536, 3072, 4608, 7680]
        or drawn["seen"][-1] == 7680
        and (np.diff(drawn["seen"]) > 0).all()
    )
    images, labels = images_of(watched.folder, watched.calls[watched.line["additions"][2]])
    rows = drawn["addition"] == 2
    assert np.array_equal(drawn["points"][rows], images.reshape(-1, 2)) and np.array_equal(
        drawn["labels"][rows], labels
    )
