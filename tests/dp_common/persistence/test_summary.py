"""The summary is a function of the ledger: what survived is priced, what was lost is spent, the last answer counts."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from dp_common.errors import Damaged
from dp_common.persistence import ledger
from dp_common.persistence.finished import finished
from dp_common.persistence.records import accuracies
from dp_common.persistence.summary import (
    accuracy_of,
    additions,
    hours,
    probe_hours,
    results_of,
    summarise,
    wilson,
)


def spent(counts=None, **phases):
    return {"phases": {phase: 3600.0 * hours for phase, hours in phases.items()}, "counts": counts or {}}


def opened(attempt, lost=0.0, devices=1, device="cpu"):
    return {
        "kind": "open",
        "attempt": attempt,
        "lost": lost,
        "devices": devices,
        "device": device,
        "versions": {"python": "3"},
        "git": {"commit": "c", "dirty": False},
        "spent": spent(startup=0.5),
    }


def call(number, name="train", attempt=1, used=(), cost=None, **more):
    state = {"size": 40, "seen": 640, "seen_total": 640, "iterations": 10, "generated": 60, "rounds": 3}
    return {
        "kind": "call",
        "call": number,
        "name": name,
        "attempt": attempt,
        "args": {},
        "answer": 8,
        "state": state,
        "used": list(used),
        "measured": {},
        "spent": cost or spent(),
        **more,
    }


def shard(file, number, cost, attempt=1):
    return {"kind": "shard", "file": file, "call": number, "rows": 8, "attempt": attempt, "spent": cost}


def evaluated(number, hits, **sets):
    values = {name: accuracy_of(np.arange(10) < count) for name, count in {"test": hits, "monitor": 9, **sets}.items()}
    return {"kind": "evaluate", "call": number, "attempt": 1, "n": 7, "t": 1.0, "spent": spent(evaluate=1.0)} | values


def test_wilson_is_the_textbooks():
    """Wilson 1927 for 8 of 10."""
    assert wilson(8, 10) == pytest.approx([0.4901625, 0.9433178], abs=1e-6)
    assert wilson(0, 10)[0] == 0 and wilson(10, 10)[1] == 1


def test_accuracy_counts_what_was_right():
    assert accuracy_of(np.array([True, False, True, True])) == {"accuracy": 0.75, "n": 4, "interval": wilson(3, 4)}


def test_lost_work_is_spent_and_not_priced():
    records = [
        opened(1, devices=2),
        shard("a", 1, spent({"gradients": 5}, generate=1.0)),
        call(1, "generate", used=["a"], cost=spent(score=0.25)),
        call(2, cost=spent({"gradients": 7}, train=4.0)),
        opened(2, lost=1800.0),
        {"kind": "resume", "call": 1, "position": 0, "attempt": 2, "spent": spent(idle=0.125)},
        call(2, attempt=2, cost=spent({"gradients": 7}, train=3.0, write=0.5)),
    ]
    by_phase, everything, counts = hours(records)
    assert (by_phase["generate"], by_phase["score"], by_phase["train"], by_phase["total"]) == (1.0, 0.25, 3.0, 4.25)
    assert (by_phase["startup"], by_phase["write"], by_phase["idle"]) == (1.0, 0.5, 0.125)
    assert everything == 1.0 + 0.25 + 4.0 + 3.0 + 2 * 0.5, (
        "what was lost, times the devices of the attempt that lost it"
    )
    assert counts == {"gradients": 12}


def test_probes_are_in_no_price():
    records = [
        opened(1),
        {"kind": "snapshot", "call": 1, "attempt": 1, "spent": spent(write=1.0)},
        {"kind": "probe", "call": 1, "attempt": 1, "spent": spent(evaluate=2.0)},
    ]
    assert probe_hours(records) == 3.0 and hours(records)[0]["total"] == 0


def test_additions_are_the_calls_that_made_images():
    calls = [
        call(1, "generate", args={"omega": 0.5}, measured={"score_at_birth": 1.25}),
        call(2),
        call(3, "select"),
    ]
    common = {"images": 8, "size": 40, "seen": 640}
    assert additions(calls) == [
        {"call": "generate", **common, "omega": 0.5, "score_at_birth": 1.25},
        {"call": "select", **common, "omega": 0.0},
    ]


CHOSEN = {"scale": {"value": 40, "source": "command line"}}


def run():
    spec = SimpleNamespace(
        strategy="dp", task="digits", teacher="mixture", learner="vit", scale=40, seed=3, threads=1,
        data=SimpleNamespace(monitor="disjoint"),
    )  # fmt: skip
    return SimpleNamespace(
        spec=spec, run_id="digits-dp-40-s3-x", values={"scale": 40}, chosen=CHOSEN, fingerprints={"data": "d"}
    )


def test_the_last_evaluation_and_the_last_call_are_the_result():
    records = [opened(1), call(1), evaluated(1, 4, noise=2), call(2), evaluated(2, 8, noise=5, blur=1)]
    summary = summarise(records, run(), {"store_digest": "s"})
    assert (summary["accuracy"], summary["accuracy_interval"]) == (0.8, wilson(8, 10))
    assert summary["monitor_accuracy"] == 0.9 and summary["shifted"] == {"noise": 0.5, "blur": 0.1}
    assert (summary["images_generated"], summary["images_kept"], summary["rounds"]) == (60, 40, 2)
    assert summary["scale_reached"] and summary["store_digest"] == "s" and summary["attempts"] == 1
    assert summary["gpu_hours"]["evaluate"] == 2.0 and summary["chosen"] == CHOSEN


def test_mixed_devices_have_no_total():
    records = [opened(1), call(1, cost=spent(train=1.0)), opened(2, device="H100"), evaluated(1, 8)]
    summary = summarise(records, run(), {})
    assert summary["device"] == "mixed" and summary["gpu_hours"]["total"] is None
    assert summary["gpu_hours"]["train"] == 1.0


def finished_folder(folder):
    """A run's folder with a ledger of two lines and the summary that fits it."""
    final = evaluated(1, 8, noise=5)
    final = {key: value for key, value in final.items() if key != "n"}
    lines = [{"n": 0, "kind": "open", "run_id": "r"}, {"n": 1, **final}]
    (folder / "ledger.jsonl").write_bytes(b"".join(ledger.encode(line) for line in lines))
    summary = {"run_id": "r", "state": "done", **results_of(accuracies(final))}
    (folder / "summary.json").write_text(json.dumps(summary))
    return summary


@pytest.mark.parametrize(
    ("key", "value"), [("accuracy", 0.999), ("monitor_accuracy", 0.0), ("shifted", {"noise": 0.6}), ("population", 0.5)]
)
def test_a_summary_that_was_edited_is_damaged(tmp_path, key, value):
    summary = finished_folder(tmp_path)
    assert finished(tmp_path) == summary
    (tmp_path / "summary.json").write_text(json.dumps(summary | {key: value}))
    with pytest.raises(Damaged, match=f"summary.json: says {key}=.*, the ledger .*; delete it"):
        finished(tmp_path)


def test_a_summary_without_a_ledger_is_damaged(tmp_path):
    finished_folder(tmp_path)
    (tmp_path / "ledger.jsonl").write_bytes(b"")
    with pytest.raises(Damaged, match="ledger.jsonl: is missing or empty"):
        finished(tmp_path)
