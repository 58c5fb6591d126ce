"""Figures of known truth and of the plane, from fabricated ledgers: the numbers in them, the controls, and what is left
unsaid.
"""

import io
import re

import numpy as np
import pandas as pd
import pytest

from dp_common.errors import Damaged
from dp_common.files import digest
from dp_common.persistence import ledger
from results.analysis.study import load
from results.figures import plane, truth
from results.reading import history
from tests.results.fabricate import run as make_run
from tests.results.fabricate import write_ledger
from tests.results.figures.histories import csv_of

COLUMNS = (
    "addition",
    "target",
    "omega",
    "effective",
    "images",
    "score",
    "score_added",
    "score_plain",
    "true_label",
    "log_density",
    "distance",
    "distance_plain",
)
RIGHT = {0: 0.97, 0.05: 0.95, 0.2: 0.75, 2.0: 0.6}  # true labels by ω


def probed(root, words, omega=0.0, rule="relative", additions=3, silent=(), seed=0, drawn=True):
    """A run whose additions k = 0, 1, ... are at distance 0.01·k from their target, plain images at 0.03·k from it and
    0.002 from P.
    """
    folder = make_run(
        root, f"task=plane scale=1k probe=truth seed={seed} {words}", summary={"probe_hours": 0.001}, flags=False
    )
    opened, *rest = [
        {key: value for key, value in record.items() if key not in ("n", "t")} for record in ledger.read(folder)
    ]
    calls, rows = [], {name: [] for name in COLUMNS}
    for k in range(additions):
        calls.append(
            {
                "kind": "call",
                "call": 1 + 2 * k,
                "name": "generate",
                "args": {"n": 250, "omega": omega if k else 0.0, "rule": rule},
                "answer": 250,
                "state": {"size": 250 * (1 + k), "seen": 1000 * k, "seen_total": 1000 * k, "iterations": 10 * k},
                "added": [],
                "used": [],
                "measured": {"true_label": (RIGHT[omega] if k else 0.97) + 0.001 * seed, "log_density": 1 - omega * k},
            }
        )
        targets = {"teacher": (0.0, 0.002)}
        targets |= {"rule": (omega, 0.03 * k)} if k and omega and rule == "score" else {}
        targets |= {"matched": (10 * omega, 0.03 * k if rule != "score" else 0.5)} if k and omega else {}
        for target, (at, far) in targets.items():
            known = (k, target) not in silent
            for name, value in zip(
                COLUMNS,
                (
                    k,
                    target,
                    at,
                    400.0 if known else 20.0,
                    250,
                    0.3,
                    0.3,
                    0.1,
                    0.95,
                    0.8,
                    0.01 * k if target != "teacher" else 0.05 * k,
                    far,
                ),
            ):
                rows[name].append(value if known or name in COLUMNS[:5] else None)
    line = {
        "kind": "probe",
        "call": 9,
        "additions": [call["call"] for call in calls],
        "truth": rows,
        "plain": {"images": 2048, "true_label": 0.98, "log_density": 1.1},
    }
    if drawn:
        (folder / "map-000009.npz").write_bytes(data := drawing(additions))
        line["map"] = {"file": "map-000009.npz", "digest": digest(data)}
    write_ledger(folder, [opened, *calls, line, *rest])
    return folder


def drawing(additions):
    """Class 0 left of x = 0, 1 right of it, at every moment but the first, when nothing is known; Gaussian density."""
    axis = np.linspace(-1, 1, 41)
    x, y = np.meshgrid(axis, axis)
    left = 1 / (1 + np.exp(20 * x))
    probabilities = np.stack([np.full((41, 41, 2), 0.5), *[np.stack([left, 1 - left], -1)] * additions])
    buffer, points = io.BytesIO(), np.random.default_rng(0).integers(60, 200, size=(additions, 600, 2))
    np.savez_compressed(
        buffer,
        axis=axis,
        log_density=np.repeat((-(x**2 + y**2) / 0.1)[..., None], 2, -1),
        probabilities=probabilities,
        seen=1000 * np.arange(additions + 1),
        points=points.reshape(-1, 2).astype(np.uint8),
        labels=(points[..., 0] > 127).ravel().astype(np.int16),
        addition=np.repeat(np.arange(additions), 600).astype(np.int16),
        plain=points[0].astype(np.uint8),
        plain_labels=(points[0, :, 0] > 127).astype(np.int16),
    )
    return buffer.getvalue()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """ω of the relative rule, one of rule=score, growing without guidance, static; three seeds, in one of which an
    addition says nothing.
    """
    root = tmp_path_factory.mktemp("world")
    for seed in range(3):
        probed(root, "strategy=static", additions=1, seed=seed)
        probed(root, "strategy=dp dp.omega=0", seed=seed)
        probed(root, "strategy=dp", 0.05, seed=seed)
        probed(root, "strategy=dp dp.omega=0.2", 0.2, seed=seed, silent={(2, "matched")} if seed == 1 else ())
        probed(root, "strategy=dp dp.omega=2 dp.rule=score", 2.0, "score", seed=seed)
    return root


def drawn(root, module, folder):
    return module.draw(load(root).single(), folder)


def at(frame, **wanted):
    rows = frame[(frame[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    assert len(rows) == 1, rows
    return rows.iloc[0]


def test_history_reads_what_was_measured(make):
    folder = probed(make.root, "strategy=dp", 0.05)
    frame = history.truth(folder)
    assert len(frame) == 5 and frame["call"].tolist() == [1, 3, 3, 5, 5]
    row = at(frame, addition=2, target="matched")
    assert (row["omega"], row["distance"], row["plain_true_label"]) == (0.5, 0.02, 0.98)
    assert (
        history.truth(make("task=plane scale=1k seed=9")).empty
        and history.plane(make("task=plane scale=1k seed=8")) is None
    )


def test_a_map_that_is_not_the_ledgers_is_refused(make):
    folder = probed(make.root, "strategy=dp", 0.05)
    assert history.plane(folder)["seen"].tolist() == [0, 1000, 2000, 3000]
    (folder / "map-000009.npz").write_bytes(drawing(2))
    with pytest.raises(Damaged, match="map-000009.npz"):
        history.plane(folder)
    (folder / "map-000009.npz").unlink()
    with pytest.raises(Damaged, match="missing"):
        history.plane(folder)


def test_by_round(world, tmp_path):
    frame = csv_of(drawn(world, truth, tmp_path / "out")[0])
    for arm, addition, right in (
        ("static", 0, 97.1),
        ("dp", 2, 95.1),
        ("dp omega=0.2", 1, 75.1),
        ("dp rule=score omega=2", 1, 60.1),
    ):
        arm = next(name for name in frame["arm"].unique() if set(name.split()) == set(arm.split()))
        row = at(frame, arm=arm, addition=addition, what="true_label")
        assert (row["mean"], row["n"]) == (pytest.approx(right), 3) and np.isnan(row["low"])  # of three seeds
    assert at(frame, arm="dp", addition=2, what="log_density")["mean"] == pytest.approx(0.9)
    assert at(frame, arm="dp", addition=2, what="distance")["mean"] == pytest.approx(2) and at(
        frame, arm="dp", addition=2, what="distance_plain"
    )["mean"] == pytest.approx(6)
    assert at(frame, arm="dp omega=0", addition=2, what="distance")["mean"] == pytest.approx(
        10
    )  # nothing steers it: held against P
    assert at(frame, arm="dp omega=0", addition=2, what="tilt")["mean"] == 0
    assert at(frame, arm="control", what="floor")["mean"] == pytest.approx(0.2) and at(
        frame, arm="control", what="plain_true_label"
    )["mean"] == pytest.approx(98)
    assert at(frame, arm="control", what="exact_log_density")["mean"] == pytest.approx(0.8)


def test_a_rule_with_an_omega_of_its_own_is_held_against_it(world, tmp_path):
    frame = csv_of(drawn(world, truth, tmp_path / "out")[0])
    arm = next(name for name in frame["arm"].unique() if "rule=score" in name)
    assert at(frame, arm=arm, addition=1, what="distance_plain")["mean"] == pytest.approx(3)  # 50 of the matched one
    assert at(frame, arm=arm, addition=1, what="tilt")["mean"] == pytest.approx(20)


def test_what_says_nothing_is_counted_and_not_drawn(world, tmp_path):
    by_round, by_omega, *_ = drawn(world, truth, tmp_path / "out")
    assert at(csv_of(by_round), arm="dp omega=0.2", addition=2, what="distance")["n"] == 2
    assert at(csv_of(by_round), arm="dp omega=0.2", addition=2, what="true_label")["n"] == 3
    assert "of 24 additions 1 say nothing" in by_round.caption and "2 to 3 seeds a point" in by_round.caption


def test_by_omega(world, tmp_path):
    figure = drawn(world, truth, tmp_path / "out")[1]
    frame = csv_of(figure)
    right = frame[(frame["series"] == "dp") & (frame["what"] == "true_label")].sort_values("value")
    assert right["value"].tolist() == [0, 0.05, 0.2] and right["mean"].tolist() == pytest.approx([97.1, 95.1, 75.1])
    score = frame[frame["series"].astype(str).str.contains("rule=score") & (frame["what"] == "distance")]
    assert score.sort_values("value")["value"].tolist() == [0, 2]  # growing without guidance is where every rule starts
    assert at(frame, series="dp", value=0.05, what="tilt")["mean"] == pytest.approx(0.5)


def test_one_omega_is_no_curve_and_no_probe_no_figure(make, tmp_path):
    make("task=plane scale=1k strategy=static")
    assert drawn(make.root, truth, tmp_path / "none") == drawn(make.root, plane, tmp_path / "no") == []
    probed(make.root, "strategy=dp", 0.05, drawn=False)
    assert [figure.name.split("-")[1] for figure in drawn(make.root, truth, tmp_path / "one")] == ["round"]
    assert drawn(make.root, plane, tmp_path / "two") == []


def test_the_strip_shows_the_boundary_where_it_is(world, tmp_path):
    (figure,) = drawn(world, plane, tmp_path / "out")
    frame = csv_of(figure)
    boundary = frame[frame["what"] == "boundary"]
    assert boundary["x"].abs().max() < 0.01 and boundary["y"].min() == -1 and boundary["y"].max() == 1
    assert set(boundary.loc[boundary["arm"] == "dp", "panel"]) == {"1", "2", "end"}  # at 0 the learner knows nothing
    points = frame[frame["what"] == "point"]
    assert points.groupby(["arm", "panel"]).size().max() == plane.POINTS
    assert ((points["x"] > 0) == (points["label"] == 1)).all()
    assert set(points.loc[points["arm"] == "dp", "panel"]) == {"0", "1", "2", "later"} and set(
        points.loc[points["arm"] == "static", "panel"]
    ) == {"0", "plain"}
    assert "seed 0" in figure.caption


def test_of_arms_that_differ_in_omega_only_the_farthest_is_drawn(make, tmp_path):
    for words, omega in (
        ("static", 0),
        ("dp", 0.05),
        ("dp dp.omega=0.2", 0.2),
        ("dp dp.omega=2", 2.0),
        ("dp dp.new_weight=2", 0.05),
        ("dp dp.omega=0.2 dp.new_weight=2", 0.2),
    ):
        probed(make.root, f"strategy={words}", omega)
    (figure,) = drawn(make.root, plane, tmp_path / "out")
    assert set(csv_of(figure)["arm"]) == {"static", "dp", "dp omega=2", "dp omega=0.2 new_weight=2"}
    assert "Not drawn: dp new_weight=2, dp omega=0.2." in figure.caption


def test_the_same_ledgers_give_the_same_bytes(make, tmp_path):
    for omega in (0, 0.05):
        probed(make.root, f"strategy=dp dp.omega={omega}", omega, additions=2)
    for module in (truth, plane):
        one, two = (drawn(make.root, module, tmp_path / f"{module.__name__}{n}") for n in (1, 2))
        for a, b in zip(one, two):
            assert [path.read_bytes() for path in a.paths] == [path.read_bytes() for path in b.paths]
            assert re.fullmatch(r"[\w.=-]+", a.name) and a.caption and a.title
