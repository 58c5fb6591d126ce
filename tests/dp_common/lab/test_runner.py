"""From a resolved run to its summary: bad input is found before anything is written, what is done is not done again."""

import json
import time
from pathlib import Path

import pytest

from dp_common.config.resolve import resolve
from dp_common.diffusion.image_sampler import ImageSampler
from dp_common.distributed.process_group import SingleProcess
from dp_common.errors import BadInput, Interrupted, LeaseLost
from dp_common.lab import attempt, runner
from dp_common.lab.context import CheckpointTimer
from dp_common.lab.state import BudgetUnspent
from dp_common.persistence import ledger
from dp_common.persistence.lease import Lease

BLOBS = Path(__file__).parents[2] / "plugins" / "blobs.py:Blobs"
CHEATS = Path(__file__).parents[2] / "plugins" / "cheats.py"


def test_a_run_that_is_done_is_not_done_again(small, monkeypatch):
    resolved = small("strategy=static")
    assert runner.finished(runner.folder_of(resolved)) is None
    summary = runner.execute(resolved, quiet=True)
    assert summary["state"] == "done" and summary == runner.finished(runner.folder_of(resolved))
    monkeypatch.setattr(runner, "preflight", None)
    assert runner.execute(resolved, quiet=True) == summary


def test_its_folder_holds_what_it_says(small):
    resolved = small("strategy=static")
    summary = runner.execute(resolved, quiet=True)
    folder = runner.folder_of(resolved)
    records = ledger.read(folder, resolved.run_id)
    assert records[0]["kind"] == "open" and records[0]["values"] == resolved.values
    assert records[-1]["kind"] == "close" and records[-1]["state"] == "done"
    assert summary["iterations"] == 2560 // 64 and summary["images_generated"] == 120
    assert {path.suffix for path in folder.iterdir()} >= {".jsonl", ".json", ".parquet", ".safetensors", ".yaml"}


@pytest.mark.parametrize("name, seen", [("Short", 256), ("Untrained", 0)])
def test_a_strategy_that_does_not_spend_the_budget_is_never_done(small, name, seen):
    resolved = small(f"strategy={CHEATS}:{name}")
    for _ in range(2):  # and not when the same command is given again
        with pytest.raises(BudgetUnspent) as caught:
            runner.execute(resolved, quiet=True)
        assert str(caught.value).endswith(f"saw {seen:,} of 2,560 images: call lab.cooldown() last")
        folder = runner.folder_of(resolved)
        assert ledger.read(folder, resolved.run_id)[-1]["state"] == "failed" and runner.finished(folder) is None


def test_it_runs_in_one_process_by_default(small):
    default = runner.execute(small("strategy=static"), quiet=True)
    given = small("strategy=static", f"root={small().runtime.root}-given")
    assert runner.execute(given, quiet=True, group=SingleProcess())["store_digest"] == default["store_digest"]


@pytest.mark.parametrize(
    "words, named",
    [
        (["dp.score=random"], "dp.score=random: a score that looks at the learner"),
        (["learner=resnet18.nothing"], "learner=resnet18.nothing"),
        (["probe=truth", f"teacher={BLOBS}"], "probe=truth: .*whose density is known"),
    ],
)
def test_bad_input_is_found_before_anything_is_written(tmp_path, words, named):
    with pytest.raises(BadInput, match=named) as caught:
        runner.execute(resolve([*words, "data.split=0", f"root={tmp_path / 'runs'}"]), quiet=True)
    assert caught.value.code == 2 and not (tmp_path / "runs").exists()


def test_a_batch_that_leaves_a_rank_without_images_is_refused(small):
    group = SingleProcess()
    group.size = 65
    with pytest.raises(BadInput, match="train.batch=64: large enough for 65 ranks"):
        runner.preflight(small("strategy=static"), group)


def test_a_root_that_cannot_be_written_is_named(small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=f"root={tmp_path}/file: cannot write there"):
        runner.execute(small("strategy=static", f"root={tmp_path}/file"), quiet=True)


def test_asked_to_stop_it_says_so_in_the_ledger_and_goes_on(small):
    resolved = small("strategy=static")
    with pytest.raises(Interrupted, match="the same command goes on"):
        runner.execute(resolved, quiet=True, stop=iter([False, False, True]).__next__)
    last = ledger.read(runner.folder_of(resolved))[-1]
    assert (last["kind"], last["state"]) == ("close", "interrupted") and "Interrupted" in last["why"]
    assert runner.execute(resolved, quiet=True)["attempts"] == 2


def test_an_error_of_the_strategy_is_in_the_ledger(small, monkeypatch):
    def failing(self, lab):
        lab.generate(10)
        yield "generated"
        raise RuntimeError("a bad day")

    monkeypatch.setattr("strategies.static.Static.run", failing)
    resolved = small("strategy=static")
    with pytest.raises(RuntimeError, match="a bad day"):
        runner.execute(resolved, quiet=True)
    last = ledger.read(runner.folder_of(resolved))[-1]
    assert (last["state"], last["why"]) == ("failed", "RuntimeError: a bad day")


def test_correctness_by_image_is_the_accuracy(small):
    import pandas

    resolved = small("strategy=static")
    summary = runner.execute(resolved, quiet=True)
    frame = pandas.read_parquet(runner.folder_of(resolved) / "correct.parquet")
    by_set = frame.groupby("set")["correct"].mean()
    assert by_set["test"] == summary["accuracy"] and by_set["monitor"] == summary["monitor_accuracy"]
    assert {name: by_set[name] for name in summary["shifted"]} == summary["shifted"]
    assert (frame.groupby("set")["image"].max() + 1 == frame.groupby("set").size()).all()


def test_the_timer_is_due_once_an_interval(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("dp_common.lab.context.time.monotonic", lambda: now[0])
    timer = CheckpointTimer(10)
    now[0] = 109.9
    assert not timer.due()
    now[0] = 110.0
    assert timer.due() and not timer.due()
    assert CheckpointTimer(0).due()


def test_the_last_line_of_a_hanging_attempt_waits_for_no_device(tmp_path):
    from dp_common.persistence.meter import Meter

    def hangs():
        raise AssertionError("the device was waited for")

    meter = Meter()
    book = ledger.Ledger(tmp_path, "id", lambda: None, meter.snapshot_and_reset)
    meter.synchronise = hangs
    attempt.cut_off(book, meter, RuntimeError("rank 1 is gone"))
    last = json.loads((tmp_path / ledger.NAME).read_text().splitlines()[-1])
    assert (last["state"], last["why"]) == ("failed", "RuntimeError: rank 1 is gone")


def test_who_lost_the_lease_while_sampling_writes_no_shard(small, monkeypatch):
    """Its file would replace that of the new holder, which on another device has other bits and another digest."""
    lost, sample, check = [], ImageSampler.sample, Lease.check

    def checked(self):
        check(self)
        if lost:
            raise LeaseLost("taken over")

    monkeypatch.setattr(ImageSampler, "sample", lambda self, *args: lost.append(True) or sample(self, *args))
    monkeypatch.setattr(Lease, "check", checked)
    resolved = small("strategy=static")
    with pytest.raises(LeaseLost):
        runner.execute(resolved, quiet=True)
    assert lost and list(runner.folder_of(resolved).glob("*.parquet")) == []


def test_a_limit_ends_the_attempt_and_the_next_one_goes_on(small):
    def run(root, **keywords):
        return small("strategy=static", "limit=1h", f"root={small().runtime.root}-{root}"), keywords

    resolved, keywords = run("limited", started=time.perf_counter() - 3601)
    with pytest.raises(Interrupted):
        runner.execute(resolved, quiet=True, **keywords)
    (closed,) = (r for r in ledger.read(runner.folder_of(resolved)) if r["kind"] == "close")
    assert closed["state"] == "interrupted"
    summary = runner.execute(run("limited")[0], quiet=True, started=time.perf_counter() - 600)
    assert (summary["state"], summary["attempts"]) == ("done", 2)
    whole = runner.execute(run("whole")[0], quiet=True)
    assert (whole["store_digest"], whole["accuracy"]) == (summary["store_digest"], summary["accuracy"])


def test_a_limit_is_reached_by_the_clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(runner.time, "perf_counter", lambda: now[0])
    stop = runner.within(30.0, runner.never, begun=90.0)
    assert not stop()
    now[0] = 119.9
    assert not stop()
    now[0] = 120.0
    assert stop()
    assert runner.within(None, runner.never, 0.0) is runner.never and runner.within(30.0, lambda: True, 119.0)()
