"""Ask learners of other seeds about the images that runs added: is an addition hard, or hard for one learner?

    python -m benchmarks.cross_probe results/runs         finished runs with probe=hardness, each beside the next seed

Of each run the images of every addition are shown to the guiding learners that were kept in the run of the next seed
that is the same but for its seed (the last one's next is the first), at the same addition and at the following one.
Written is ``<root>/cross_probe.jsonl``, which claim C6 reads; pairs that are in it are not asked again, and those that
are none any more, since seeds came between, are dropped. Nothing is trained, and no run is changed.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import cli
from dp_common.config.options import option
from dp_common.config.specification import Runtime
from dp_common.errors import BadInput


@dataclass
class Options:
    """Keys of this application."""

    root: str = option(Runtime.root, "folder of runs, at any depth", positional=True, place=True)


def main(argv: Sequence[str]) -> int:
    """Ask, and write what was answered; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    from dp_common.files import write_atomic
    from results.reading import cross_probe

    root = Path(options.root)
    couples = couples_under(root)
    file = root / cross_probe.NAME
    known = map(json.loads, file.read_text().splitlines() if file.exists() else [])
    wanted = {(run.name, other.name) for run, other in couples}
    lines = {pair: line for line in known if (pair := (line["run_id"], line["other"])) in wanted}

    def write() -> None:
        write_atomic(file, "".join(f"{json.dumps(line)}\n" for line in lines.values()).encode())

    for run, other in couples:
        if (run.name, other.name) not in lines:
            lines[run.name, other.name] = {"run_id": run.name, "other": other.name, **answers(run, other)}
            write()
            print(f"{run.name} asked of {other.name}", file=sys.stderr)
    write()
    print(f"{len(couples)} pairs of runs in {file}", file=sys.stderr)
    return 0


def couples_under(root: Path) -> list[tuple[Path, Path]]:
    """(a run, the run of the next seed) of finished runs with the probe. Raises BadInput where there is no couple."""
    from results.reading.runs import read_runs

    frame, _ = read_runs([root])
    probed = frame["values"].map(lambda values: values.get("probe") in ("hardness", "truth")).astype(bool)
    done = frame[(frame["state"] == "done") & probed & (frame["strategy"] != "real")]
    alike: dict[str, list[tuple[int, Path]]] = {}
    for values, seed, folder in zip(done["values"], done["seed"], done["folder"]):
        shared = {key: value for key, value in values.items() if key not in ("seed", "data.split")}
        alike.setdefault(json.dumps(shared, sort_keys=True), []).append((int(seed), Path(folder)))
    groups = [[folder for _, folder in sorted(group)] for group in alike.values() if len(group) > 1]
    if not groups:
        raise BadInput("root", root, "holds no two finished runs with probe=hardness that differ in their seed alone")
    return [(run, other) for group in groups for run, other in zip(group, [*group[1:], group[0]])]


def answers(run: Path, other: Path) -> dict[str, list[Any]]:
    """The columns of one line: the images of ``run`` as its learners, and those of ``other``, see them."""
    from dp_common.probes.hardness import answers_of, probed_images, restored

    calls, snapshots, learner = kept(run)
    _, others, _ = kept(other)
    additions = [image for number in sorted(snapshots) if (image := probed_images(run, calls[number])) is not None]
    own_at, other_at = (sorted(found) for found in (snapshots, others))
    rows = []
    for at in range(min(len(own_at), len(other_at))):
        looked = additions[max(0, at - 1) : at + 1]
        mine = answers_of(learner, restored(run, learner, snapshots[own_at[at]]), looked)
        theirs = answers_of(learner, restored(other, learner, others[other_at[at]]), looked)
        for number, (one, two) in enumerate(zip(mine, theirs), max(0, at - 1)):
            rows.append((number, at, len(one.wrong), float(one.wrong.mean()), float(two.wrong.mean())))
    names = ("addition", "at", "images", "own", "others")
    return dict(zip(names, map(list, zip(*rows)))) if rows else {name: [] for name in names}


def kept(folder: Path) -> tuple[Mapping[int, Any], Mapping[int, Any], Any]:
    """({call: its line}, {call: its snapshot}, a learner of its network) of a finished run."""
    from dp_common.config.resolve import resolve
    from dp_common.learner.classifier import Learner
    from dp_common.persistence import ledger

    records = ledger.read(folder)
    opened: Any = next(record for record in records if record["kind"] == "open")
    resolved = resolve(opened["words"])
    lines = ledger.surviving(records)
    calls = {record["call"]: record for record in lines if record["kind"] == "call"}
    snapshots = {record["call"]: record for record in lines if record["kind"] == "snapshot"}
    return calls, snapshots, Learner(resolved.spec, resolved.task, "cpu")


if __name__ == "__main__":
    cli.guarded(main)
