"""What the probes say is what one finds by looking, costs nothing of the price and changes nothing."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from dp_common.config.resolve import resolve
from dp_common.errors import BadInput, Interrupted
from dp_common.files import digest
from dp_common.lab import runner
from dp_common.learner.build import build
from dp_common.persistence import ledger
from dp_common.persistence.meter import PRICED
from dp_common.persistence.summary import UNITS
from dp_common.probes import exponential_tilt as tilt
from dp_common.probes import hardness as probe
from dp_common.probes import known_density
from dp_common.training_data import shards as store

WORDS = [
    "task=plane",
    "scale=240",
    "train.seen=7680",
    "train.batch=64",
    "sampler.steps=10",
    "strategy=dp",
    "dp.schedule=even",
    "dp.interval=640",
    "dp.omega=0.3",
    "dp.every=2",
    "checkpoint_every=0",
]


def run(root, *words, stop=lambda: False):
    """-> (summary, records, folder)"""
    given = {word.partition("=")[0] for word in words}
    resolved = resolve([*(word for word in WORDS if word.partition("=")[0] not in given), *words, f"root={root}"])
    folder = runner.folder_of(resolved)
    return runner.execute(resolved, stop=stop, quiet=True), ledger.read(folder), folder


def line(records):
    """The content of the last probe line, without what differs between attempts."""
    found = [r for r in records if r["kind"] == "probe"][-1]
    return {key: value for key, value in found.items() if key not in ("n", "t", "attempt", "spent", "crc", "call")}


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """One run with probe=truth, and, seen from outside: the weights at each addition and the bench as it was probed."""
    seen = SimpleNamespace(weights={}, bench=None)
    keep, measure = probe.keep, probe.measure

    def keeping(bench, call):
        seen.weights[call] = bench.learner.frozen_copy()
        return keep(bench, call)

    def measuring(bench, call):
        seen.bench = bench
        return measure(bench, call)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "keep", keeping)
        patch.setattr(probe, "measure", measuring)
        seen.summary, seen.records, seen.folder = run(tmp_path_factory.mktemp("watched"), "probe=truth")
    seen.calls = {r["call"]: r for r in seen.records if r["kind"] == "call"}
    seen.line = line(seen.records)
    return seen


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run(tmp_path_factory.mktemp("plain"), "probe=none")


def halved(weights):
    return {key: value.half().float() for key, value in weights.items()}


def model_of(weights):
    model = build("mlp-plane", {}, (1, 1, 2), 3)
    model.load_state_dict(weights)
    return model.eval()


def images_of(folder, call):
    tables = [pq.read_table(folder / member["file"]) for member in call["added"]]
    images = np.stack(
        [store.decode(data) for table in tables for data in table["image"].combine_chunks().field("bytes").to_pylist()]
    )
    return images, np.concatenate([table["label"].to_numpy() for table in tables])


def test_hardness_is_what_a_direct_look_finds(watched):
    told, additions = watched.line, watched.line["additions"]
    assert additions == sorted(watched.weights) and len(additions) == 4
    models = [model_of(halved(watched.weights[number])) for number in additions] + [watched.bench.learner.guiding]
    rows = {(a, at): place for place, (a, at) in enumerate(zip(told["addition"], told["at"]))}
    assert sorted(rows) == [(a, at) for a in range(4) for at in range(5)]
    for (a, at), place in rows.items():
        images, labels = images_of(watched.folder, watched.calls[additions[a]])
        with torch.no_grad():
            wrong = [
                model(torch.from_numpy(images) / 127.5 - 1).softmax(1).numpy() for model in (models[at], models[a])
            ]
        (p, at_birth), hit = wrong, np.arange(len(labels))
        missed = at_birth.argmax(1) != labels
        assert told["images"][place] == len(labels) == 60 and told["missed"][place] == missed.sum()
        assert told["error"][place] == pytest.approx((p.argmax(1) != labels).mean())
        assert told["loss"][place] == pytest.approx(-np.log(p[hit, labels]).mean(), rel=1e-4)
        assert told["entropy"][place] == pytest.approx(-(p * np.log(p)).sum(1).mean(), rel=1e-4)
        assert told["error_missed"][place] == pytest.approx((p.argmax(1) != labels)[missed].mean())
        assert told["error_missed"][place] == 1 or a != at
    assert 0 < told["error"][rows[1, 1]] < 1  # else the check above is of trivial numbers


def test_it_costs_nothing_of_the_price_and_changes_nothing(watched, plain, tmp_path):
    bare, _, _ = plain
    with_hardness, records, _ = run(tmp_path, "probe=hardness")
    for summary in (with_hardness, watched.summary):
        assert (summary["accuracy"], summary["monitor_accuracy"], summary["store_digest"]) == (
            bare["accuracy"],
            bare["monitor_accuracy"],
            bare["store_digest"],
        )
        assert {unit: summary[unit] for unit in UNITS} == {unit: bare[unit] for unit in UNITS}
        assert summary["probe_hours"] > 0 == bare["probe_hours"]
    for summary, lines in ((with_hardness, records), (watched.summary, watched.records)):
        work, _ = ledger.totals([r for r in lines if r["kind"] in ("call", "shard")])
        assert 3600 * summary["gpu_hours"]["total"] == pytest.approx(sum(work.get(phase, 0) for phase in PRICED))
        apart, _ = ledger.totals([r for r in lines if r["kind"] in ("snapshot", "probe")])
        assert 3600 * summary["probe_hours"] == pytest.approx(sum(apart.values()))
    assert set(line(records)) < set(watched.line)
    assert {key: watched.line[key] for key in line(records) if key != "kind"} == {
        key: value for key, value in line(records).items() if key != "kind"
    }


class Killed(BaseException):
    """As a kill is: nothing is written any more."""


@pytest.mark.parametrize("stage", ["before", "after", "stopped"])
def test_a_resumed_run_says_the_same(watched, tmp_path, stage, monkeypatch):
    """Ended before or after the probe's line was written, or politely in the middle of the training."""
    measure, asked = probe.measure, []

    def dying(bench, call):
        if stage == "after":
            measure(bench, call)
        raise Killed

    with monkeypatch.context() as patch:
        if stage == "stopped":
            with pytest.raises(Interrupted):
                run(tmp_path, "probe=truth", stop=lambda: asked.append(1) or len(asked) > 120)
        else:
            patch.setattr(probe, "measure", dying)
            with pytest.raises(Killed):
                run(tmp_path, "probe=truth")
    summary, records, folder = run(tmp_path, "probe=truth")
    assert (
        summary["attempts"] == 2
        and summary["accuracy"] == watched.summary["accuracy"]
        and summary["store_digest"] == watched.summary["store_digest"]
    )
    assert line(records) == watched.line
    assert digest((folder / watched.line["map"]["file"]).read_bytes()) == watched.line["map"]["digest"]


def test_truth_is_refused_where_no_density_is_known(tmp_path):
    blobs = Path(__file__).parents[2] / "plugins/blobs.py"
    with pytest.raises(BadInput, match="probe=truth: .*whose density is known"):
        run(tmp_path, "task=digits", f"teacher={blobs}:Blobs", "probe=truth")
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------- truth


def rows_of(told, **wanted):
    rows = [dict(zip(told, row)) for row in zip(*told.values())]
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def test_targets_and_controls_of_a_run(watched):
    told = watched.line["truth"]
    assert {(row["addition"], row["target"]) for row in rows_of(told)} == {
        (0, "teacher"),
        *((a, t) for a in (1, 2, 3) for t in ("teacher", "matched")),
    }
    for row in rows_of(told, target="matched"):
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
    for row in rows_of(told, target="teacher"):
        assert row["omega"] == 0 and row["effective"] == pytest.approx(
            min(np.bincount(np.arange(known_density.EXACT) % 3))
        )
    floors = {row["distance_plain"] for row in rows_of(told, target="teacher")}
    assert max(floors) - min(floors) < 1e-9 and max(floors) < min(
        row["distance"] for row in rows_of(told, target="teacher") if row["addition"]
    )


def guided_exactly(bench, model, omega, n, seed):
    """Labelled images that are of Q exactly, by rejection from exact samples: exp(ω(H − log 3)) is at most 1."""
    labels = np.arange(n) % 3
    floats = bench.teacher.exact(torch.from_numpy(labels), seed)
    scores = known_density.score_of(bench, "entropy", model, floats, labels)
    kept = np.random.default_rng(seed).random(n) < np.exp(omega * (scores - (np.log(3) if omega > 0 else 0)))
    images = ((floats[kept].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()
    order = np.lexsort((labels[kept], np.arange(kept.sum())))
    counts = np.bincount(labels[kept], minlength=3).min()
    rows = np.concatenate(
        [order[labels[kept][order] == label][:counts] for label in range(3)]
    )  # equal shares, as images are made
    return images[rows], labels[kept][rows]


@pytest.mark.parametrize("omega", [1.5, -2.0])
def test_images_that_are_of_the_target_are_found_to_be(watched, omega):
    """The oracle: exact samples of Q_ω are at no distance from it, ω* is ω, and P is farther; a constant ω would not find this."""
    bench, number = watched.bench, watched.line["additions"][3]
    model = probe.restored(bench, next(r for r in watched.records if r["kind"] == "snapshot" and r["call"] == number))
    content = guided_exactly(bench, model, omega, 12_000, seed=5)
    exact, plain = known_density.Samples(bench, "exact"), known_density.Samples(bench, "plain")
    rows = known_density.rows_of(
        bench, 3, ("entropy", None, True), content, model, exact, plain, tilt.within(exact.points())
    )
    teacher, matched = rows
    assert matched["omega"] == pytest.approx(omega, abs=0.25)
    assert abs(matched["distance"]) < 0.002 < teacher["distance"]
    fixed = known_density.rows_of(
        bench, 3, ("entropy", omega, True), content, model, exact, plain, tilt.within(exact.points())
    )[1]
    assert fixed["target"] == "rule" and fixed["omega"] == omega and abs(fixed["distance"]) < 0.002


def test_it_refuses_to_say_where_too_few_samples_are_left(watched):
    bench, number = watched.bench, watched.line["additions"][3]
    exact, plain = known_density.Samples(bench, "exact"), known_density.Samples(bench, "plain")
    model = probe.restored(bench, next(r for r in watched.records if r["kind"] == "snapshot" and r["call"] == number))
    far = known_density.rows_of(
        bench,
        3,
        ("entropy", 150.0, True),
        images_of(watched.folder, watched.calls[number]),
        model,
        exact,
        plain,
        tilt.within(exact.points()),
    )[1]
    assert far["target"] == "rule" and far["effective"] < known_density.ENOUGH
    assert far["distance"] is far["distance_plain"] is far["score"] is far["true_label"] is None


def test_aim_and_whose_weights():
    calls = {
        1: dict(name="generate", args=dict(guide=None, omega=0.0, rule="relative"), state={"seen_total": 0}),
        2: dict(name="generate", args=dict(guide="margin", omega=3.0, rule="score"), state={"seen_total": 5}),
        3: dict(name="freeze", args={}, state={"seen_total": 5}),
        4: dict(
            name="generate",
            args=dict(guide="entropy", omega=0.1, rule="relative", frozen=True),
            state={"seen_total": 9},
        ),
        5: dict(name="select", args=dict(score="random"), state={"seen_total": 9}),
        6: dict(name="select", args=dict(score="loss"), state={"seen_total": 9}),
        7: dict(name="generate", args=dict(guide="entropy", omega=0.0, rule="score"), state={"seen_total": 9}),
    }
    assert [known_density.aim(calls, number) for number in (1, 2, 4, 5, 6, 7)] == [
        ("entropy", 0.0, False),
        ("margin", 3.0, True),
        ("entropy", None, True),
        ("entropy", 0.0, True),
        ("loss", None, True),
        ("entropy", 0.0, True),
    ]
    assert [known_density.guiding_call(calls, number) for number in (2, 4, 6)] == [2, 3, 6]


def test_the_weights_of_a_freeze_are_kept(tmp_path):
    _, records, _ = run(tmp_path, "probe=truth", "dp.feedback=first")
    frozen = next(r["call"] for r in records if r["kind"] == "call" and r["name"] == "freeze")
    assert (
        frozen in {r["call"] for r in records if r["kind"] == "snapshot"} and frozen not in line(records)["additions"]
    )
    assert len(rows_of(line(records)["truth"], target="matched")) == 3


def test_the_map_is_the_learner_and_the_density(watched):
    data = (watched.folder / watched.line["map"]["file"]).read_bytes()
    assert digest(data) == watched.line["map"]["digest"] and len(data) < 400_000
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        drawn = dict(arrays)
    axis, cells = drawn["axis"], (drawn["axis"][1] - drawn["axis"][0]) ** 2
    np.testing.assert_allclose(np.exp(drawn["log_density"].astype(float)).sum((0, 1)) * cells, 1, atol=0.02)
    row, column = 20, 55  # y = axis[20], x = axis[55]
    point = torch.tensor([axis[column], axis[row]]).float().view(1, 1, 1, 2)
    np.testing.assert_allclose(
        drawn["log_density"][row, column], watched.bench.teacher.log_density(point)[0], rtol=1e-4
    )
    for panel, weights in enumerate(
        [*(halved(watched.weights[n]) for n in watched.line["additions"]), watched.bench.learner.frozen_copy()]
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
    mine = drawn["addition"] == 2
    assert np.array_equal(drawn["points"][mine], images.reshape(-1, 2)) and np.array_equal(
        drawn["labels"][mine], labels
    )


# ---------------------------------------------------------------------- tilts and distances


def brute_distance(x, y, w):
    """The definition, pair by pair."""
    gap = lambda a, b: float(np.linalg.norm(a - b))
    across = sum(w[j] * gap(a, b) for a in x for j, b in enumerate(y)) / len(x)
    among_x = [gap(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]
    pairs = [(w[i] * w[j], gap(y[i], y[j])) for i in range(len(y)) for j in range(len(y)) if i != j]
    among_y = sum(weight * d for weight, d in pairs) / sum(weight for weight, _ in pairs)
    return 2 * across - np.mean(among_x) - among_y, 2 * across


def test_distance_is_its_definition():
    rng = np.random.default_rng(0)
    sets = [
        (rng.normal(size=(5 + label, 3)), rng.normal(1, 1, size=(6, 3)), rng.dirichlet(np.ones(6)))
        for label in range(2)
    ]
    x, y, w = (list(column) for column in zip(*sets))
    (a, b), (c, d) = (brute_distance(*one) for one in sets)
    assert tilt.distance(x, y, tilt.within(y), w, [0.3, 0.7]) == pytest.approx(
        (0.3 * a + 0.7 * c) / (0.3 * b + 0.7 * d)
    )
    assert tilt.distance([x[0][:1], x[1]], y, tilt.within(y), w, [0.3, 0.7]) == pytest.approx(c / d)
    assert tilt.distance([x[0][:1]], y[:1], tilt.within(y[:1]), w[:1], [1.0]) is None


@pytest.mark.parametrize("dimensions", [2, 64])
def test_equal_distributions_are_at_no_distance_on_average(dimensions):
    rng, found, shifted = np.random.default_rng(1), [], []
    for _ in range(60):
        x, y = rng.normal(size=(40, dimensions)), rng.normal(size=(80, dimensions))
        flat = [np.full(80, 1 / 80)]
        found.append(tilt.distance([x], [y], tilt.within([y]), flat, [1.0]))
        shifted.append(tilt.distance([x + 3 / np.sqrt(dimensions)], [y], tilt.within([y]), flat, [1.0]))
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(60)
    assert min(found) < 0 and min(shifted) > max(found)


def test_a_gaussian_tilted_by_a_line_is_the_gaussian_moved():
    """P = N(0, 1), H(x) = x: Q = N(ω, 1), and n exp(−ω²) samples are left."""
    x = np.random.default_rng(0).normal(size=200_000)
    w = tilt.weights(x, 0.7)
    assert (
        w.sum() == pytest.approx(1)
        and w @ x == pytest.approx(0.7, abs=0.01)
        and w @ x**2 == pytest.approx(1 + 0.49, abs=0.03)
    )
    assert tilt.effective(w) / len(x) == pytest.approx(np.exp(-0.49), abs=0.02)
    assert tilt.matching([x], [x], [1.0], -0.4) == pytest.approx(-0.4, abs=0.01)
    assert tilt.matching([x[:50]], [x[:50]], [1.0], 99.0) is None
    assert np.isfinite(tilt.weights(1e3 * x, 50)).all() and np.isfinite(tilt.weights(1e3 * x, -50)).all()


def test_exact_samples_are_of_the_density(mixture):
    """By the law of total variance in every direction, and no diffusion is in it."""
    labels = torch.arange(8000) % 10
    samples = mixture.exact(labels, 3)
    assert (
        samples.shape == (8000, 1, 8, 8)
        and torch.equal(samples, mixture.exact(labels, 3))
        and not torch.equal(samples, mixture.exact(labels, 4))
    )
    z = samples.flatten(1).double() @ mixture.basis.double()
    for label in range(10):
        mine, shares, means = (
            z[labels == label],
            mixture.log_shares[label].double().exp(),
            mixture.means[label].double(),
        )
        mean = shares @ means
        variance = mixture.lam.double() + shares @ (means - mean) ** 2
        assert ((mine.mean(0) - mean).abs() / (variance / len(mine)).sqrt()).max() < 5
        np.testing.assert_allclose(mine.var(0) / variance, 1, atol=0.3)
        assert float((mine.var(0) / variance).mean()) == pytest.approx(1, abs=0.03)
