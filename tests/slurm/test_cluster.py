"""On a real SLURM of one machine: grids to the end, requeued, killed, failed, on fake GPUs; cancelled, refused."""

import json
import sys
from pathlib import Path

import pytest

from dp_common.persistence import ledger
from dp_common.pool import store
from tests.processes import ROOT, Command, command, start_ranks
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


SPY = '''
import json, os, pathlib, time
if "SLURM_JOB_ID" in os.environ:
    names = "CUDA_VISIBLE_DEVICES RANK WORLD_SIZE LOCAL_RANK MASTER_ADDR MASTER_PORT".split()
    seen = {name: os.environ.get(name) for name in names} | {"file": __file__}
    task = os.environ["SLURM_JOB_ID"] + "-" + os.environ["SLURM_PROCID"]
    pathlib.Path("FOLDER", task).write_text(json.dumps(seen))
    time.sleep(4)
    raise RuntimeError("seen enough")


class Spy:
    """tells what a job finds"""

    def run(self, lab):
        yield "never"
'''


def spies(tmp_path, *words):
    """What each task of two runs of a plugin finds in its environment; the plugin has changed when they start."""
    (tmp_path / "seen").mkdir()
    plugin = tmp_path / "spy.py"
    plugin.write_text(SPY.replace("FOLDER", str(tmp_path / "seen")))
    code, _, err = command(
        "sweep",
        f"strategy={plugin}:Spy",
        "seed=0..1",
        "slurm.options={begin: now+2}",
        f"root={tmp_path / 'runs'}",
        *SLURM,
        *words,
        *SMALL,
    )
    assert code == 0, err
    plugin.write_text("this is no Python any more")
    wait(all_ended, 60, "the spies")
    seen = [json.loads(path.read_text()) for path in sorted((tmp_path / "seen").iterdir())]
    assert all(".snapshots" in one.pop("file") for one in seen)
    text = command("status", tmp_path / "runs")[1]
    assert text.startswith("2 failed") and "does not import: RuntimeError: seen enough" in text, text + logs(
        tmp_path / "runs"
    )
    return seen


def test_two_one_gpu_jobs_on_a_node_keep_the_device_slurm_gave_each(tmp_path):
    seen = spies(tmp_path, "slurm.gpus=1")
    assert sorted(one["CUDA_VISIBLE_DEVICES"] for one in seen) == ["0", "1"] and {one["RANK"] for one in seen} == {None}


def test_two_tasks_are_one_run_and_survive_a_requeue(tmp_path):
    """Requeued in mid-run it ends at the bits of two processes that nobody interrupted; hours count both."""
    words = [f"strategy={ROOT / 'tests' / 'slurm' / 'unhurried.py'}:Unhurried", "seed=0", *SMALL, "sampler.block=16"]
    code, _, err = command(
        "sweep", *words, f"root={tmp_path / 'slurm'}", *SLURM, "slurm.tasks=2", env={"DP_TEST_PAUSE": "0.4"}
    )
    assert code == 0, err
    folder = wait(lambda: next(iter((tmp_path / "slurm").glob("digits-*")), None), 120, "the run")
    wait(lambda: trained_and_committed(folder), 90, "its checkpoint")
    slurm("scontrol", "requeue", job_of(tmp_path / "slurm", folder.name))
    undisturbed = start_ranks(2, [*words, f"root={tmp_path / 'ranks'}"], tmp_path / "said")
    for process in undisturbed:
        process.join(120)
    wait(all_ended, 200, "the job")
    assert (folder / "summary.json").exists(), command("status", folder.parent)[1] + logs(folder.parent)
    assert result(folder) == result(tmp_path / "ranks" / folder.name)
    summary, records = json.loads((folder / "summary.json").read_text()), ledger.read(folder)
    assert (summary["devices"], summary["attempts"]) == (2, 2)
    last = [record for record in records if record["attempt"] == 2]
    assert abs(sum(ledger.totals(last)[0].values()) - 2 * last[-1]["wall"]) < 0.02 * 2 * last[-1]["wall"]
    spent, allocated = (
        float(part.split()[0]) for part in command("status", folder.parent)[1].splitlines()[-1].split("; ")
    )
    assert allocated > spent > 0


@pytest.mark.slow
def test_a_failing_task_ends_the_job_and_its_own_error_is_the_reason(tmp_path):
    words = [
        f"strategy={ROOT / 'tests' / 'plugins' / 'ranked.py'}:Ranked",
        "ranked.fails=training:error",
        *SMALL,
        "sampler.block=16",
        "rank_timeout=10",
    ]
    code, _, err = command("sweep", *words, f"root={tmp_path}", *SLURM, "slurm.tasks=2", env={"RANK_FAILS": "1"})
    assert code == 0, err
    wait(all_ended, 120, "the job")
    text = command("status", tmp_path)[1]
    assert text.startswith("1 failed") and "rank 1: RuntimeError: a bad day" in text, text + logs(tmp_path)


@pytest.mark.slow
def test_a_step_of_two_tasks_started_by_hand_is_one_run(tmp_path):
    words = ["strategy=static", "seed=0", *SMALL, "sampler.block=16"]
    said = slurm(
        "srun",
        "-n",
        "2",
        "-c",
        "1",
        "--mem=4G",
        f"--chdir={ROOT}",
        sys.executable,
        "-m",
        "benchmarks.run",
        *words,
        f"root={tmp_path / 'step'}",
    )
    code, _, err = command("run", *words, f"root={tmp_path / 'alone'}")
    assert code == 0, err
    one, two = (json.loads(next((tmp_path / root).glob("*/summary.json")).read_text()) for root in ("alone", "step"))
    assert (one["devices"], two["devices"]) == (1, 2) and one["store_digest"] == two["store_digest"]
    assert said.count("test accuracy") == 1, "told once"


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
