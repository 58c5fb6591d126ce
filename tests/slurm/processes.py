"""Waiting for what a cluster does in its own time."""

import json
import subprocess
import time
from pathlib import Path

from dp_common.persistence import ledger

SMALL = [
    "scale=120",
    "train.seen=7680",
    "train.batch=64",
    "sampler.steps=5",
    "mixture.components=2",
    "checkpoint_every=0",
    "data.limit=450",
    "population.images=0",
]
SLURM = ["launcher=slurm", "profile=laptop"]


def slurm(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


def wait(condition, seconds, what):
    """The first true answer of ``condition()``."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return answer


def queued():
    """{array or plain id: (state, name)} of what lives."""
    lines = slurm("squeue", "-r", "-h", "-o", "%i|%T|%j").splitlines()
    return {line.split("|")[0]: tuple(line.split("|")[1:]) for line in lines}


def job_of(root, run_id):
    """The id of a run's last job."""
    records = sorted(
        (json.loads(path.read_text()) for path in Path(root).glob(".slurm/*/*/jobs.json")),
        key=lambda record: record["time"],
    )
    return [job for record in records for job, run in record["jobs"].items() if run == run_id][-1]


def logs(root):
    return "\n".join(
        f"--- {path.name}\n{path.read_text()[-1500:]}" for path in sorted(Path(root).glob(".slurm/*/*/*log.*"))
    )


def kinds(folder):
    return [record["kind"] for record in ledger.read(folder)]


def trained_and_committed(folder):
    """In mid-run: a checkpoint is written and training has begun."""
    records = kinds(folder) if (folder / ledger.NAME).exists() else []
    return "checkpoint" in records and "close" not in records


def all_ended():
    return not queued()


def result(folder):
    """What must not depend on how often a run was interrupted."""
    summary = json.loads((folder / "summary.json").read_text())
    return {
        key: summary[key]
        for key in (
            "accuracy",
            "shifted",
            "monitor_accuracy",
            "store_digest",
            "images_generated",
            "images_seen",
            "rounds",
        )
    }
