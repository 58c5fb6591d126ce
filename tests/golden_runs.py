"""Are the numbers still the same? Some whole runs, recorded before a refactoring and held against it afterwards.

    python tests/golden_runs.py record golden.json      on the old code
    python tests/golden_runs.py compare golden.json     on the new code: exit 1 where a bit differs

Every run goes through the command line, so that nothing here depends on how the inside is built. What is compared is
a run's stored images (``store_digest``), its accuracies and its counts; bits are the same on one machine only, so the
file is not kept.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SMALL = ["task=digits-1797", "scale=500", "train.seen=16k", "data.split=0", "threads=1"]
# As before deadlines came. Code from before (up to 2026-11-26) knows no such key: to record there, take both words out.
DP, PRUNE = ["strategy=dp", "dp.deadline=none"], ["strategy=prune", "prune.deadline=none"]
RUNS = {
    "static": ["strategy=static", *SMALL],
    "prune": [*PRUNE, *SMALL],
    "prune-plain": [*PRUNE, "prune.initial=0", *SMALL],
    "prune-random": [*PRUNE, "prune.score=random", *SMALL],
    "dp": [*DP, *SMALL],
    "dp-omega-0": [*DP, "dp.omega=0", *SMALL],
    "dp-first-score": [*DP, "dp.feedback=first", "dp.rule=score", "dp.omega=3", "dp.through=decoder", *SMALL],
    "dp-probed": [*DP, "probe=hardness", *SMALL],
    "dp-block-jpeg": [
        *DP,
        "train.order=block",
        "images.format=jpeg",
        "train.ema=0.99",
        "train.mixup=0.5",
        *SMALL,
    ],
    "real": ["strategy=real", *SMALL],
    "unet-dp": [*DP, "teacher=unet", "task=digits-1797", "scale=200", "train.seen=8k", "threads=1"],
    "unet-static": ["strategy=static", "teacher=unet", "task=digits-1797", "scale=200", "train.seen=8k", "threads=1"],
    "plane-dp": ["task=plane", *DP, "scale=256", "train.seen=16k", "probe=truth", "threads=1"],
    "dp-two-ranks": [*DP, "seed=1", *SMALL],
    "dp-killed": [*DP, "checkpoint_every=0", *SMALL],
}
KEPT = (
    "store_digest",
    "accuracy",
    "monitor_accuracy",
    "shifted",
    "images_generated",
    "images_kept",
    "images_seen",
    "iterations",
    "network_evaluations",
    "gradients",
    "additions",
)


def command(name, root):
    words = [*RUNS[name], f"root={root}", "--quiet", "--json"]
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "-m"] if name.endswith("two-ranks") else ["-m"]
    return [sys.executable, *launch, "benchmarks.run", *words]


def measure(name):
    """Run one of ``RUNS`` in a folder of its own; returns what of its summary is compared."""
    with tempfile.TemporaryDirectory() as root:
        environment = os.environ | {"PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1"}
        if name.endswith("killed"):
            interrupt(command(name, root), environment, Path(root))
        done = subprocess.run(command(name, root), env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name}: exit {done.returncode}\n{done.stderr[-2000:]}")
        summary = json.loads(next(Path(root).glob("*/summary.json")).read_text())
        return {key: summary[key] for key in KEPT}


def interrupt(words, environment, root):
    """Start it and kill it as soon as its ledger has six calls."""
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        ledgers = list(root.glob("*/ledger.jsonl"))
        if ledgers and ledgers[0].read_text().count('"kind":"call"') >= 6:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.05)
    process.wait()


def main(verb, path, *names):
    found = {}
    for name in names or RUNS:
        found[name] = measure(name)
        print(f"{name:16} {found[name]['accuracy']:.4f}  {found[name]['store_digest']}", flush=True)
    if verb == "record":
        Path(path).write_text(json.dumps(found, indent=1))
        return 0
    known, wrong = json.loads(Path(path).read_text()), 0
    for name, result in found.items():
        for key in KEPT:
            if result[key] != known[name][key]:
                wrong += 1
                print(f"DIFFERS  {name}.{key}: {known[name][key]} was, {result[key]} is")
    print("the same, bit for bit" if not wrong else f"{wrong} differences")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
