"""On a real SLURM of one machine: the tasks and devices of a job, on fake GPUs, and a run of two of them."""

import json
import sys

import pytest

from dp_common.persistence import ledger
from tests.processes import ROOT, command, start_ranks
from tests.slurm.processes import (
    SLURM,
    SMALL,
    all_ended,
    job_of,
    logs,
    result,
    slurm,
    trained_and_committed,
    wait,
)

pytestmark = [pytest.mark.slurm, pytest.mark.usefixtures("free")]


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
