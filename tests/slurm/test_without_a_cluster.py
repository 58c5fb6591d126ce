"""What needs no SLURM: profiles, the snapshot, limits and end states against commands that play a cluster."""

import json
import os
import signal
import stat
from pathlib import Path

import pytest

from benchmarks import status
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput, Problem
from slurm import jobs, launch, profiles, snapshot, state
from tests.processes import ROOT, command
from tests.slurm.processes import SMALL

SBATCH = r'''n=$(sed -n 's/^#SBATCH --array=0-\([0-9]*\)%.*/\1/p' "$1")
n=$((${n:-0} + 1)); had=$(cat "$HERE/count" 2>/dev/null || echo 0)
if [ $((had + n)) -gt "$LIMIT" ]; then
  echo "sbatch: error: AssocMaxSubmitJobLimit" >&2
  why="Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
  echo "sbatch: error: Batch job submission failed: $why" >&2
  exit 1
fi
echo $((had + n)) >"$HERE/count"; echo "$n" >>"$HERE/arrays"; echo "Submitted batch job $((100 + had))"'''


SACCT = """if [ -e "$HERE/ended" ]; then cat "$HERE/ended"; exit; fi
echo "Slurm accounting storage is disabled" >&2; exit 1"""


FAKES = {
    "sbatch": SBATCH,
    "srun": "exit 1",
    "sinfo": "echo test",
    "squeue": 'cat "$HERE/queue" 2>/dev/null || true',
    "sacct": SACCT,
    "scontrol": 'echo "MaxArraySize            = 5"',
    "scancel": 'echo "$@" >>"$HERE/cancelled"',
}


@pytest.fixture
def fakes(tmp_path, monkeypatch):
    """A folder of commands that play a cluster with arrays of at most 4 and room for ``LIMIT`` jobs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in FAKES.items():
        (folder / name).write_text(f"#!/bin/bash\nHERE={folder}\n{text}\n")
        (folder / name).chmod(0o755 | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("LIMIT", "100")
    return folder


def test_arrays_stay_below_the_clusters_size_and_runs_of_other_resources_stand_apart(fakes, tmp_path):
    words = ["strategy=static", "seed=0..8", *SMALL, f"root={tmp_path / 'runs'}", "launcher=slurm", "profile=laptop"]
    code, _, err = command("sweep", *words)
    assert code == 0 and (fakes / "arrays").read_text().split() == ["4", "4", "1"], err
    runs = [resolve(["strategy=static", f"seed={seed}", f"threads={threads}"]) for seed in (0, 1) for threads in (1, 2)]
    assert [(cpus, len(part)) for cpus, part in launch.chunks(runs, profiles.load("laptop"))] == [(1, 2), (2, 2)]


def test_what_a_limit_of_jobs_refuses_is_left_and_said(fakes, tmp_path, monkeypatch):
    monkeypatch.setenv("LIMIT", "7")
    words = ["strategy=static", "seed=0..8", *SMALL, f"root={tmp_path / 'runs'}", "launcher=slurm", "profile=laptop"]
    code, _, err = command("sweep", *words)
    assert code == 0 and "7 runs submitted; 2 are left" in err, err
    assert (fakes / "arrays").read_text().split() == ["4", "2", "1"]
    assert len(state.submissions(tmp_path / "runs")) == 3  # nothing of what was refused


def queue_line(**fields):
    return "".join(str(fields.get(name, "")).ljust(width) for name, width in state.FIELDS.items()) + "\n"


@pytest.fixture
def submitted(fakes, tmp_path):
    """Two runs submitted as 100_0 and 100_1: (root, run ids, the comment of their jobs)."""
    root = tmp_path / "runs"
    assert (
        command("sweep", "strategy=static", "seed=0..1", *SMALL, f"root={root}", "launcher=slurm", "profile=laptop")[0]
        == 0
    )
    record = state.submissions(root)[0]
    return root, list(record["jobs"].values()), state.tag(root, record["sweep"])


def test_a_node_failure_of_a_requeued_job_is_not_its_end(submitted, fakes):
    root, runs, comment = submitted
    (fakes / "ended").write_text("".join(f"100_{n}|NODE_FAIL|0:0|60|cpu=1|{run}\n" for n, run in enumerate(runs)))
    (fakes / "queue").write_text(
        queue_line(
            JobArrayID="100_0",
            JobID=100,
            State="PENDING",
            Reason="BeginTime",
            RestartCnt=1,
            Name=runs[0],
            Comment=comment,
        )
    )
    text = command("status", root)[1]
    assert text.startswith("1 preempted  1 failed"), text
    assert "100_0 PENDING (BeginTime), requeued 1 time(s)" in text and "100_1: NODE_FAIL" in text
    code, _, err = command(
        "sweep", "strategy=static", "seed=0..1", *SMALL, f"root={root}", "launcher=slurm", "profile=laptop"
    )
    assert "1 of them are queued or running already" in err and "1 runs submitted" in err


def test_without_accounting_a_job_that_is_gone_has_ended(submitted, fakes):
    root, runs, comment = submitted
    assert command("status", root)[1].startswith("2 missing") and "SLURM knows it no more" in command("status", root)[1]
    (fakes / "queue").write_text(
        queue_line(JobArrayID="100_0", JobID=100, State="RUNNING", RestartCnt=0, Name=runs[0], Comment=comment)
    )
    assert command("status", root)[1].startswith("1 running  1 missing")


def test_another_job_of_the_same_id_is_none_of_ours(submitted, fakes):
    root, runs, _ = submitted
    (fakes / "queue").write_text(
        queue_line(JobArrayID="100_0", JobID=100, State="RUNNING", RestartCnt=0, Name="others", Comment="theirs")
    )
    (fakes / "ended").write_text("100_1|COMPLETED|0:0|60|cpu=1|others\n")
    assert command("status", root)[1].startswith("2 missing")
    (fakes / "queue").write_text(
        (fakes / "queue").read_text()
        + queue_line(JobArrayID="7", JobID=7, State="PENDING", Name=runs[1], Comment=submitted[2])
    )
    assert command("status", root)[1].startswith("1 pending  1 missing")  # submitted, but its record was never written
    assert "1 jobs" in command("cancel", f"root={root}")[2] and (fakes / "cancelled").read_text() == "7\n"
    (fakes / "queue").write_text("")
    (fakes / "cancelled").unlink()
    assert "no jobs to cancel" in command("cancel", f"root={root}")[2] and not (fakes / "cancelled").exists()


def test_a_silent_slurm_is_said_and_nothing_is_submitted_twice(submitted, fakes):
    root, *_ = submitted
    (fakes / "squeue").write_text(
        "#!/bin/bash\necho 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1\n"
    )
    code, out, err = command("status", root)
    assert code == 0 and "Unable to contact slurm controller" in err and out.startswith("2 unknown")
    code, _, err = command(
        "sweep", "strategy=static", "seed=0..1", *SMALL, f"root={root}", "launcher=slurm", "profile=laptop"
    )
    assert code == 1 and "Unable to contact" in err and (fakes / "arrays").read_text().split() == ["2"]


def test_what_sbatch_says_names_the_key():
    profile = profiles.Profile(account="lab")
    said = lambda text: launch.refusal(f"sbatch: error: {text}", profile)
    assert str(
        said("Batch job submission failed: Invalid account or account/partition combination specified")
    ).startswith("slurm.account=lab: the cluster says")
    assert isinstance(said("AssocMaxSubmitJobLimit"), launch.Full) and isinstance(
        said("QOSMaxSubmitJobPerUserLimit"), launch.Full
    )
    assert isinstance(said("Invalid qos specification"), BadInput) and type(said("Socket timed out")) is Problem


@pytest.mark.parametrize(
    "text, said",
    [
        ("partitoin: gpu", "Did you mean partition?"),
        ("gpus: many", "gpus=many: expected a number"),
        ("nodes: 0", "at least 1"),
        ("setup: module load cuda\n", "expected a list of lines"),
        ("time: soon", "minutes, or such as 90m, 4h, 2d"),
        ("time: 4:00:00", "time=4:00:00: minutes"),
        ("time: 2", "at least 4 minutes with signal=120"),
        ("signal: 60\ngrace: 60", "less than signal, 60"),
        ("- gpu", "a YAML mapping"),
        ("a: [", "not YAML"),
    ],
)
def test_a_wrong_profile_names_the_key(tmp_path, text, said):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(BadInput, match=said.replace("?", r"\?").replace("(", r"\(")) as caught:
        profiles.load(str(tmp_path / "mine.yaml"))
    assert "\n" not in str(caught.value)


def test_the_profiles_that_are_here_load():
    for name in profiles.names():
        profiles.load(name)
    one = profiles.load("h100", {"time": "2d"})
    assert (one.devices, one.tasks_per_node, one.minutes) == (1, 1, 2880)
    asked = profiles.parameters(one, 12)
    assert (asked["gpus_per_node"], asked["ntasks_per_node"], asked["mem"]) == (1, 1, "122880MB") and "qos" not in asked
    assert profiles.load("cpu").devices == profiles.load("laptop").devices == 1


def test_launchers_do_not_take_each_others_keys():
    for words, said in (
        (["profile=cpu"], "only with launcher=slurm"),
        (["slurm.time=5"], "only with launcher=slurm"),
        (["launcher=slurm"], "needs one of cpu, h100, h100-node, laptop"),
        (["launcher=slurm", "profile=cpu", "workers=2"], "only with launcher=local"),
    ):
        code, _, err = command("sweep", "strategy=static", *words)
        assert code == 2 and said in err and err.count("\n") == 1, err


def test_the_snapshot_is_the_code_as_it_is_and_plugins_and_presets_by_path_are_in_it(tmp_path):
    code = snapshot.take(tmp_path)
    assert snapshot.take(tmp_path) == code and code.parent == tmp_path.resolve() / ".snapshots"
    for name in (
        "dp_common/lab/runner.py",
        "slurm/jobs.py",
        "strategies/dp.py",
        "benchmarks/presets/paper/imagenet100-640k.yaml",
        "dp_common/config/frozen/recipe_1.yaml",
    ):
        assert (code / name).read_bytes() == (ROOT / name).read_bytes()
    assert not list(code.rglob("__pycache__")) and not (code / "results" / "measured").exists()
    (tmp_path / "base.yaml").write_text("scale: 200\n")
    (tmp_path / "mine.yaml").write_text(f"base: {tmp_path}/base.yaml\nseed: 3\n")
    plugin = tmp_path / "idea.py"
    plugin.write_text((ROOT / "tests" / "plugins" / "idea.py").read_text())
    run = resolve([f"strategy={plugin}:Idea", f"preset={tmp_path}/mine.yaml", "root=here"])
    words, plugins = snapshot.pin(run, tmp_path)
    assert list(plugins) == [f"{plugin}:Idea"] and f"root={tmp_path.resolve()}" in words and "root=here" not in words
    (tmp_path / "base.yaml").write_text("scale: 300\n")
    plugin.write_text("changed")
    copy = plugins[f"{plugin}:Idea"]
    again = resolve([word.replace(f"{plugin}:Idea", copy) for word in words])
    assert again.run_id == run.run_id and again.spec.scale == 200


def test_signals_are_noted_once_and_only_by_the_process_they_are_for(monkeypatch):
    kept = {number: signal.getsignal(number) for number in (signal.SIGUSR2, signal.SIGTERM, signal.SIGALRM)}
    requeued = []
    try:
        signal.signal(signal.SIGUSR2, lambda *_: requeued.append(1))  # as submitit has done
        signals = jobs.Signals(0.2)
        assert not signals.received()
        child = os.fork()
        if not child:
            os.kill(os.getpid(), signal.SIGUSR2)
            os._exit(1 if signals.received() else 0)
        assert os.waitpid(child, 0)[1] == 0
        os.kill(os.getpid(), signal.SIGUSR2)
        assert signals.received() and not requeued
        signal.sigtimedwait([], 0.5)  # no mark within the grace: requeued as it is
        assert requeued == [1]
        signals.end()
        assert requeued == [1, 1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in kept.items():
            signal.signal(number, handler)


def test_a_stale_temporary_file_of_a_killed_process_is_dropped(tmp_path):
    from submitit.core.utils import JobPaths, temporary_save_path

    paths = JobPaths(tmp_path, "5_0")
    for path in (paths.submitted_pickle, paths.result_pickle):
        Path(f"{path}.save_tmp").touch()
    jobs.drop_stale(paths)
    with temporary_save_path(paths.submitted_pickle) as place:
        place.touch()


def test_a_run_in_progress_tells_what_the_rest_will_cost():
    rows = [
        {"run_id": "digits-dp-1k-s0-aaaa", "state": "done", "hours": 2.0, "whole": 2.0, "words": []},
        {"run_id": "digits-dp-1k-s1-bbbb", "state": "running", "hours": 0.5, "whole": 2.0, "words": []},
        {"run_id": "digits-static-1k-s0-cccc", "state": "missing", "hours": 0.0, "whole": None, "words": []},
    ]
    assert status.hours_line(rows, []) == "2.50 device hours spent; about 3.50 to go"
    assert "no estimate" in status.hours_line([rows[2]], [])
    assert json.dumps(rows)
