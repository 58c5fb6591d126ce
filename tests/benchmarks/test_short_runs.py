"""What is said of runs that ended below their scale."""

import pytest

from benchmarks.run import result_text
from benchmarks.short_runs import short_line, why_short
from dp_common.config.resolve import resolve
from dp_common.lab import runner

TINY = "task=plane scale=200 train.seen=2560 train.batch=64 sampler.steps=5 sampler.block=64".split()


def summary(strategy, reached=False, run_id="x", **keys):
    values = {"strategy": strategy, **{f"{strategy}.{key}": value for key, value in keys.items()}}
    return {"run_id": run_id, "images_kept": 750, "scale": 1000, "scale_reached": reached, "values": values}


@pytest.mark.parametrize(
    "short, said",
    [
        (
            summary("dp", patience=3, schedule="patience", deadline="none", at=0.0),
            "no further plateau came in time; dp.deadline=even, dp.schedule=even, a longer train.seen or a smaller "
            "dp.patience gets there; tables count this run as short, and in no mean",
        ),
        (summary("old", patience=3), "no further plateau came in time; a longer train.seen or a smaller old.patience"),
        (summary("prune", patience=3, at=0.8), "a smaller prune.at or prune.interval gets there; tables"),
        (summary("real"), "the task has no more real training images"),
        (summary("mine"), "the strategy added no more"),
    ],
)
def test_it_is_said_why_and_what_helps(short, said):
    text = why_short(short)
    assert text.startswith("750 of 1,000 images: ") and said in text and "\n" not in text
    assert ("tables" in text) == (short["values"]["strategy"] != "real")
    assert why_short(short | {"scale_reached": True}) == ""


def test_a_sweep_counts_those_that_are_short():
    keys = dict(patience=3, schedule="patience", deadline="none", at=0.0)
    runs = [summary("dp", run_id="a", **keys), summary("dp", True), summary("real"), summary("dp", run_id="b", **keys)]
    assert short_line(runs).startswith("2 of 4 finished runs ended below their scale, such as a: 750 of 1,000")
    assert short_line([summary("dp", True), summary("real")]) == short_line([]) == ""


@pytest.mark.parametrize("strategy", ["dp", "prune"])
def test_what_is_said_to_help_helps(tmp_path, strategy):
    """With a patience that no plateau satisfies."""
    words = [*TINY, f"strategy={strategy}", f"{strategy}.patience=14", f"{strategy}.interval=128", f"root={tmp_path}"]
    few = {"dp": "dp.per_round=150", "prune": "prune.rounds=1"}[strategy]
    alone = resolve([*words, f"{strategy}.deadline=none", few])
    short = runner.execute(alone, quiet=True)
    if not short["scale_reached"]:  # what plateaus come is up to the bits of the machine
        assert result_text(short, tmp_path).splitlines()[-1].startswith("short           50 of 200 images: no further")
    for helped in ([], [f"{strategy}.deadline=even"], [f"{strategy}.deadline=none", f"{strategy}.schedule=even"]):
        done = runner.execute(resolve([*words, few, *helped]), quiet=True)
        assert done["scale_reached"] and done["images_kept"] == 200
        assert "short" not in result_text(done, tmp_path)
