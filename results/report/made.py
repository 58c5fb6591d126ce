"""How it was made: the commands, machines, software and commits behind the runs, as far as ledgers tell. No dates, no folders of this machine."""

import json
import shlex
from pathlib import Path

from dp_common.persistence import ledger
from results.tables.table import Table

OWN = ("matplotlib", "seaborn", "pandas", "numpy", "scipy")  # what tables and figures are made with


def commands(frame, root):
    """[(command, runs of it in the frame, how many of them are done)] of the sweeps remembered under ``root``; and [command] of the
    runs that none of them planned.
    """
    left, sweeps = dict(zip(frame["run_id"], frame["state"])), []
    every = dict(left)
    for file in sorted(Path(root).rglob("sweeps/*.json")):
        remembered = json.loads(file.read_bytes())
        mine = [run_id for run_id in remembered["runs"] if run_id in every]
        if mine:
            words = remembered.get("words", [])
            sweeps.append((typed("sweep", words), len(mine), sum(every[run_id] == "done" for run_id in mine)))
            left = {run_id: state for run_id, state in left.items() if run_id not in mine}
    alone = frame[frame["run_id"].isin(left) & frame["folder"].notna()]
    return sorted(sweeps), [typed("run", opened(folder).get("words", [])) for folder in alone["folder"]]


def opened(folder):
    """The last ``open`` line of a run; {} where it has none."""
    lines = [record for record in ledger.read(folder) if record["kind"] == "open"]
    return lines[-1] if lines else {}


def typed(name, words):
    """A command as one would type it, without where its runs lie."""
    return shlex.join(
        [
            "python",
            "-m",
            f"benchmarks.{name}",
            *map(nameless, (word for word in words if not word.startswith(("root=", "out=")))),
        ]
    )


def nameless(word):
    """``data.root=/home/me/imagenet`` -> ``data.root=…/imagenet``: what a place is called, not where this machine has it."""
    key, equals, value = word.partition("=")
    return f"{key}=…/{Path(value).name}" if equals and value.startswith(("/", "~")) else word


def tables(frame):
    """[Table] of machines, software and commits; counts are of finished runs."""
    done = frame[frame["state"] == "done"]
    return [table for table in (machines(done), software(done), commits(done)) if table.rows]


def machines(done):
    rows = counted(
        done,
        lambda run: (
            run["device"],
            "; ".join(run["cpus"]) or "not recorded",
            *(number(run.get(key)) for key in ("devices", "threads")),
        ),
    )
    return Table(
        "Machines",
        "Finished runs by device, CPU model, devices and threads of a run, as their ledgers recorded them.",
        ["device", "CPU", "devices", "threads", "runs"],
        rows,
        "llrrr",
    )


def software(done):
    packages = sorted(column.removeprefix("versions.") for column in done if column.startswith("versions."))
    rows = [
        [package, ", ".join(f"{version} ({count} runs)" if len(rest) > 1 else str(version) for version, count in rest)]
        for package in packages
        if (rest := sorted(done[f"versions.{package}"].dropna().value_counts().items()))
    ]
    return Table(
        "Software of the runs", "Versions in the last attempt of each finished run.", ["package", "version"], rows, "ll"
    )


def commits(done):
    if "git.commit" not in done:
        return Table("Commits", "", ["commit"], [], "l")
    rows = counted(
        done,
        lambda run: (
            text(run["git.commit"])[:12] or "unknown",
            {True: "yes", False: "no"}.get(run.get("git.dirty"), "unknown"),
        ),
    )
    return Table(
        "Commits",
        "Finished runs by the commit of the code in their last attempt; dirty: with uncommitted changes, so that the commit "
        "alone does not give the code again.",
        ["commit", "dirty", "runs"],
        [[f"`{row[0]}`", *row[1:]] for row in rows],
        "llr",
    )


def counted(done, key):
    """[[*key, number of runs]] in the order of the keys."""
    met = {}
    for run in done.to_dict("records"):
        met[key(run)] = met.get(key(run), 0) + 1
    return [[*found, str(count)] for found, count in sorted(met.items())]


def text(value):
    return value if isinstance(value, str) else ""


def number(value):
    return str(int(value)) if value is not None and value == value else "—"


def own_versions():
    """The sentence about what tables and figures were made with."""
    from importlib.metadata import version

    return f"Tables and figures were made with {', '.join(f'{package} {version(package)}' for package in OWN)}."
