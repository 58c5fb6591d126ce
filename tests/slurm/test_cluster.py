"""On a real SLURM of one machine: grids to the end, requeued, killed, failed; cancelled, refused; pools."""

import json
from pathlib import Path

import pytest

from dp_common.persistence import ledger
from dp_common.pool import store
from tests.processes import Command, command
from tests.slurm.processes import (
    SLURM,
    SMALL,
    all_ended,
    job_of,
    logs,
    queued,
    result,
    slurm,
    trained_and_committed,
    wait,
)

pytestmark = [pytest.mark.slurm, pytest.mark.usefixtures("free")]


GRID = """
- {strategy: dp, dp.interval: 256, dp.patience: 1, seed: 0..1}
- {strategy: static, seed: 0}
- {strategy: static, seed: 0, train.lr: 1.0e+30}
"""


@pytest.fixture(scope="module")
def grid(cluster, tmp_path_factory):
    """Four runs as an array; one fails by itself, one is requeued from outside and one killed, both in mid-run.

    Then the same command again, until nothing is left to do. Beside it the same grid by launcher=local.
    """
    folder = tmp_path_factory.mktemp("grid")
    (folder / "four.yaml").write_text(GRID)
    words, local, root = [f"grid={folder}/four.yaml", *SMALL], folder / "local", folder / "slurm"
    beside = Command("sweep", *words, f"root={local}", "workers=1")
    told = {"first": command("sweep", *words, f"root={root}", *SLURM), "names": queued()}
    assert told["first"][0] == 0, told["first"][2]
    told["early"] = wait(
        lambda: (text := command("status", root)[1]) and "2 running" in text and text, 60, "two jobs to start"
    )
    running = lambda *but: next(
        (f for f in sorted(root.glob("digits-dp-*")) if f not in but and trained_and_committed(f)), None
    )
    requeued = wait(running, 120, "a dp run in progress")
    slurm("scontrol", "requeue", job_of(root, requeued.name))
    killed = wait(lambda: running(requeued), 90, "the other dp run in progress")
    slurm("scancel", "-s", "KILL", job_of(root, killed.name))
    told["preempted"] = wait(
        lambda: (text := command("status", root)[1]) and "1 preempted" in text and "1 interrupted" in text and text,
        60,
        "both to show",
    )
    told["second"] = command("sweep", *words, f"root={root}", *SLURM)
    wait(all_ended, 400, "all jobs")
    assert beside.result()[0] == 1  # the run that fails fails there too
    return {"root": root, "local": local, "requeued": requeued, "killed": killed, "words": words, **told}


def test_an_array_is_submitted_at_once_and_its_jobs_are_called_by_their_runs(grid):
    assert "4 runs submitted as job" in grid["first"][2]
    assert {name for _, name in grid["names"].values()} == set(
        json.loads(next(grid["root"].glob("sweeps/*.json")).read_text())["runs"]
    )
    assert "2 pending" in grid["early"], grid["early"]


def test_status_tells_a_requeued_run_from_a_killed_one(grid):
    lines = {line.split()[1]: line for line in grid["preempted"].splitlines()[1:-1]}
    assert lines[grid["requeued"].name].startswith("preempted") and "requeued 1 time(s)" in lines[grid["requeued"].name]
    assert (
        lines[grid["killed"].name].startswith("interrupted")
        and f"job {job_first(grid)}: " in lines[grid["killed"].name]
    )


def job_first(grid):
    record = json.loads(sorted(grid["root"].glob(".slurm/*/*/jobs.json"))[0].read_text())
    return next(job for job, run_id in record["jobs"].items() if run_id == grid["killed"].name)


def test_one_that_fails_leaves_the_others_and_only_what_is_missing_is_submitted_again(grid):
    assert "1 runs submitted as job" in grid["second"][2] and "are queued or running already" in grid["second"][2]
    text = command("status", grid["root"])[1]
    assert text.startswith("1 failed  3 done") and "the training loss became nan" in text, text + logs(grid["root"])


def test_results_equal_those_of_runs_that_nobody_interrupted(grid):
    finished = sorted(path.parent.name for path in grid["root"].glob("*/summary.json"))
    assert len(finished) == 3 and {grid["requeued"].name, grid["killed"].name} < set(finished), logs(grid["root"])
    for name in finished:
        assert result(grid["root"] / name) == result(grid["local"] / name), name
    for interrupted in (grid["requeued"], grid["killed"]):
        assert json.loads((interrupted / "summary.json").read_text())["attempts"] == 2
    tables = [command("table", root, "figures=no", "tables=scale,versus")[1] for root in (grid["root"], grid["local"])]
    assert tables[0] == tables[1] and "dp" in tables[0]


def test_hours_are_right_over_requeues_and_beside_those_allocated(grid):
    """The phases of all attempts make up their wall time; SLURM allocated at least that."""
    for folder in (grid["requeued"], grid["killed"]):
        records = ledger.read(folder)
        for attempt in {record["attempt"] for record in records}:
            mine = [record for record in records if record["attempt"] == attempt]
            if mine[-1]["kind"] == "close":
                phases = sum(ledger.totals(mine)[0].values())
                assert abs(phases - mine[-1]["wall"]) < 0.02 * mine[-1]["wall"]
    text = command("status", grid["root"])[1].splitlines()[-1]
    spent, allocated = float(text.split()[0]), float(text.split("; ")[-1].split()[0])
    assert "allocated by SLURM" in text and allocated > spent > 0


def test_jobs_write_only_under_root_and_run_the_code_as_it_was(grid):
    root = grid["root"]
    code = json.loads(next(root.glob(".slurm/*/*/jobs.json")).read_text())["code"]
    assert (
        Path(code).parent == root.resolve() / ".snapshots" and (Path(code) / "dp_common" / "lab" / "runner.py").exists()
    )
    opened = json.loads((grid["requeued"] / "ledger.jsonl").read_text().splitlines()[0])
    assert opened["kind"] == "open" and any(word.startswith(f"root={root}") for word in opened["words"])


def test_cancel_ends_the_jobs_of_a_sweep_and_only_those(tmp_path):
    held = ["slurm.options={begin: now+1hour}", f"root={tmp_path}", *SLURM]
    one, other = ["strategy=static", "seed=0..2", *SMALL], ["strategy=static", "seed=3", *SMALL]
    for words in (one, other):
        assert command("sweep", *words, *held)[0] == 0
    assert command("status", tmp_path)[1].startswith("4 pending")
    code, _, err = command("sweep", *one, *held)
    assert code == 0 and "3 of them are queued or running already" in err and "submitted" not in err
    code, _, err = command("cancel", f"root={tmp_path}")
    assert code == 2 and "all have jobs" in err
    code, _, err = command("cancel", *reversed(one), f"root={tmp_path}")
    assert code == 0 and "3 jobs" in err, err
    assert [name for _, name in queued().values()] == [job_run(tmp_path, 3)]
    assert command("status", tmp_path)[1].splitlines()[0] == "1 pending  3 missing"
    assert "1 jobs" in command("cancel", f"root={tmp_path}")[2] and not queued()


def job_run(root, seed):
    runs = {}
    for path in root.glob("sweeps/*.json"):
        runs |= json.loads(path.read_text())["runs"]
    return next(run_id for run_id, words in runs.items() if f"seed={seed}" in words)


@pytest.mark.parametrize(
    "word, said",
    [
        ("slurm.partition=gpus", "slurm.partition=gpus: this cluster has test, urgent"),
        (
            "slurm.options={gres: 'gpu:3'}",
            "the cluster says: Batch job submission failed: Requested node configuration is not available",
        ),
        (
            "slurm.options={reservation: spring}",
            "slurm.options={'reservation': 'spring'}: the cluster says: Batch job submission failed: "
            "Requested reservation is invalid",
        ),
        ("slurm.partitoin=x", "no such key"),
        ("profile=laptopp", "Did you mean laptop?"),
        ("slurm.gpus=2 slurm.tasks=1", "slurm.tasks=1: one process per GPU: 0 or 2"),
        ("slurm.tasks=99", "train.batch=64: large enough for the 99 processes"),
    ],
)
def test_a_wrong_profile_is_one_line_and_leaves_no_job(tmp_path, word, said):
    words = [w for w in SLURM if w.partition("=")[0] != word.partition("=")[0]]
    code, out, err = command(
        "sweep",
        "strategy=static",
        f"root={tmp_path}",
        *SMALL,
        *words,
        *(word.split() if "options" not in word else [word]),
    )
    assert code == 2 and out == "" and said in err.splitlines()[-1] and err.splitlines()[-1].startswith("error: "), err
    assert not queued() and not list(tmp_path.glob(".slurm/*/*")) and not list(tmp_path.glob("sweeps/*"))


def test_a_pool_is_filled_by_an_array_of_which_one_is_requeued_and_one_killed(tmp_path):
    words = ["n=1536", "task=digits-1797", "teacher=unet", "sampler.block=64", f"root={tmp_path}"]
    submit = ["fill", *words, *SLURM, "jobs=2"]
    code, _, err = command("pool", *submit)
    assert code == 0 and "2 jobs submitted" in err, err
    name = next(word for word in err.split() if word.startswith("sweep=fill-")).removeprefix("sweep=")
    assert "queued or running already" in command("pool", *submit)[2] and name in command("pool", tmp_path)[1]
    made = lambda: sorted(tmp_path.glob("pool/*/*/*.parquet"))
    wait(made, 120, "its first images")
    first, second = sorted(queued())
    slurm("scontrol", "requeue", first)
    slurm("scancel", "-s", "KILL", second)
    wait(all_ended, 200, "the jobs")
    blocks = [
        (record["start"], record["stop"]) for path in made() for record in store.records_of(path, path.parents[1].name)
    ]
    assert sorted(blocks) == [(start, start + 64) for start in range(0, 1536, 64)], logs(tmp_path)
    code, _, err = command("pool", "fill", *words)
    assert code == 0 and "0 made here" in err, err


def test_jobs_that_fill_a_pool_are_cancelled_by_their_name(tmp_path):
    words = ["n=64", "teacher=mixture", f"root={tmp_path}", *SLURM, "slurm.options={begin: now+1hour}"]
    name = command("pool", "fill", *words)[2].split("sweep=")[1].split()[0]
    code, _, err = command("cancel", f"sweep={name}", f"root={tmp_path}")
    assert code == 0 and "1 jobs" in err and not queued(), err
