"""What is done, running, interrupted, failed (with its reason) or missing under a root.

    python -m benchmarks.status [root] [--all]

``--all`` lists done runs too. Missing runs are those of a remembered sweep that never started. Reads ledgers and leases
only; a run whose process died without a word counts as interrupted: the same command resumes it.
"""

import json
from collections import Counter
from pathlib import Path

from benchmarks.cli import guarded
from dp_common import lease, ledger
from dp_common.errors import BadInput, Damaged
from dp_common.summary import hours

ORDER = ("running", "failed", "damaged", "interrupted", "missing", "done")


def main(words):
    if {"--help", "-h"} & set(words):
        print(__doc__)
        return 0
    every = "--all" in words
    roots = [word.removeprefix("root=") for word in words if word != "--all"]
    if len(roots) > 1:
        raise BadInput("root", " ".join(roots), "one folder")
    root = Path(roots[0] if roots else "results/runs")
    if not root.is_dir():
        raise BadInput("root", root, "no such folder")
    rows = survey(root)
    counts = Counter(row["state"] for row in rows)
    print("  ".join(f"{counts[state]} {state}" for state in ORDER if counts[state]) or "no runs")
    for row in sorted(rows, key=lambda row: (ORDER.index(row["state"]), row["run_id"])):
        if row["state"] != "done" or every:
            print(f"{row['state']:12} {row['run_id']}  {row['detail']}")
    print(f"{sum(row['hours'] for row in rows):.2f} device hours spent")
    return 0


def survey(root):
    """One row per run: {run_id, state, detail, hours}."""
    rows = {folder.name: look(folder) for folder in sorted(root.iterdir()) if (folder / ledger.NAME).exists()}
    for file in sorted((root / "sweeps").glob("*.json")):
        for run_id, words in json.loads(file.read_text())["runs"].items():
            if run_id not in rows:
                crashed = last_line(root / run_id / "log.txt")
                rows[run_id] = {"run_id": run_id, "state": "failed" if crashed else "missing", "detail": crashed or " ".join(words), "hours": 0.0}
    return list(rows.values())


def look(folder):
    try:
        records = ledger.read(folder)
    except Damaged as damage:
        return {"run_id": folder.name, "state": "damaged", "detail": str(damage), "hours": 0.0}
    spent = hours(records)[1]
    calls = [r for r in records if r["kind"] == "call"]
    at = f"seen {calls[-1]['state']['seen']:,}, set {calls[-1]['state']['size']:,}" if calls else "nothing done yet"
    last = records[-1]
    if (folder / "summary.json").exists():
        summary = json.loads((folder / "summary.json").read_text())
        return {"run_id": folder.name, "state": "done", "detail": f"accuracy {100 * summary['accuracy']:.2f} %", "hours": spent}
    if lease.alive(folder):
        state, detail = "running", at
    elif last["kind"] == "close" and last["state"] == "failed":
        state, detail = "failed", last["why"]
    else:
        state, detail = "interrupted", at
    return {"run_id": folder.name, "state": state, "detail": detail, "hours": spent}


def last_line(path):
    """The reason a run gave before it had a ledger."""
    lines = path.read_text().strip().splitlines() if path.exists() else []
    return lines[-1] if lines else ""


if __name__ == "__main__":
    guarded(main)
