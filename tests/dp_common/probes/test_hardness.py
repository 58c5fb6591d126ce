"""What the probes say is what one finds by looking, costs nothing of the price and changes nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dp_common.errors import BadInput, Interrupted
from dp_common.files import digest
from dp_common.persistence import ledger
from dp_common.persistence.meter import PRICED
from dp_common.persistence.summary import UNITS
from dp_common.probes import hardness
from tests.dp_common.probes.probed import halved, images_of, model_of, probe_line, run


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run(tmp_path_factory.mktemp("plain"), "probe=none")


def test_hardness_is_what_a_direct_look_finds(watched):
    line, additions = watched.line, watched.line["additions"]
    assert additions == sorted(watched.weights) and len(additions) == 4
    models = [model_of(halved(watched.weights[number])) for number in additions] + [watched.learner.guiding]
    rows = {(a, at): row_number for row_number, (a, at) in enumerate(zip(line["addition"], line["at"]))}
    assert sorted(rows) == [(a, at) for a in range(4) for at in range(5)]
    for (a, at), row_number in rows.items():
        images, labels = images_of(watched.folder, watched.calls[additions[a]])
        with torch.no_grad():
            wrong = [
                model(torch.from_numpy(images) / 127.5 - 1).softmax(1).numpy() for model in (models[at], models[a])
            ]
        (p, at_birth), hit = wrong, np.arange(len(labels))
        missed = at_birth.argmax(1) != labels
        assert line["images"][row_number] == len(labels) == 60 and line["missed"][row_number] == missed.sum()
        assert line["error"][row_number] == pytest.approx((p.argmax(1) != labels).mean())
        assert line["loss"][row_number] == pytest.approx(-np.log(p[hit, labels]).mean(), rel=1e-4)
        assert line["entropy"][row_number] == pytest.approx(-(p * np.log(p)).sum(1).mean(), rel=1e-4)
        assert line["error_missed"][row_number] == pytest.approx((p.argmax(1) != labels)[missed].mean())
        assert line["error_missed"][row_number] == 1 or a != at
    assert 0 < line["error"][rows[1, 1]] < 1  # else the check above is of trivial numbers


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
    assert set(probe_line(records)) < set(watched.line)
    assert {key: watched.line[key] for key in probe_line(records) if key != "kind"} == {
        key: value for key, value in probe_line(records).items() if key != "kind"
    }


class Killed(BaseException):
    """As a kill is: nothing is written any more."""


@pytest.mark.parametrize("stage", ["before", "after", "stopped"])
def test_a_resumed_run_says_the_same(watched, tmp_path, stage, monkeypatch):
    """Ended before or after the probe's line was written, or politely in the middle of the training."""
    measure, asked = hardness.measure, []

    def dying(*args):
        if stage == "after":
            measure(*args)
        raise Killed

    with monkeypatch.context() as patch:
        if stage == "stopped":
            with pytest.raises(Interrupted):
                run(tmp_path, "probe=truth", stop=lambda: asked.append(1) or len(asked) > 120)
        else:
            patch.setattr(hardness, "measure", dying)
            with pytest.raises(Killed):
                run(tmp_path, "probe=truth")
    summary, records, folder = run(tmp_path, "probe=truth")
    assert (
        summary["attempts"] == 2
        and summary["accuracy"] == watched.summary["accuracy"]
        and summary["store_digest"] == watched.summary["store_digest"]
    )
    assert probe_line(records) == watched.line
    assert digest((folder / watched.line["map"]["file"]).read_bytes()) == watched.line["map"]["digest"]


def test_truth_is_refused_where_no_density_is_known(tmp_path):
    blobs = Path(__file__).parents[2] / "plugins/blobs.py"
    with pytest.raises(BadInput, match="probe=truth: .*whose density is known"):
        run(tmp_path, "task=digits", f"teacher={blobs}:Blobs", "probe=truth")
    assert not list(tmp_path.iterdir())
