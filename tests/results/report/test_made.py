"""How it was made: commits, versions, machines, commands without their place."""

import json

from results.analysis.study import load
from results.report import caveats, made
from results.tables.render import texts


def test_dirty_commits_and_mixed_versions_are_told(make):
    for seed, (commit, torch) in enumerate((("a" * 40, "2.14.1"), ("b" * 40, "2.13.0"))):
        folder = make(f"strategy=static scale=1k seed={seed}")
        summary = json.loads((folder / "summary.json").read_text())
        (folder / "summary.json").write_text(
            json.dumps(summary | {"git": {"commit": commit, "dirty": seed == 1}, "versions": {"torch": torch}})
        )
    runs = load(make.root).runs
    assert caveats.of_code(runs) == [
        "The runs come from 2 commits.",
        "1 of 2 finished runs were made with uncommitted changes.",
        "Runs used torch 2.13.0 and 2.14.1; bit-equality is promised for one version only.",
    ]
    by_title = {table.title: table for table in made.tables(runs)}
    assert texts(by_title["Commits"]) == [["`aaaaaaaaaaaa`", "no", "1"], ["`bbbbbbbbbbbb`", "yes", "1"]]
    assert texts(by_title["Software of the runs"]) == [["torch", "2.13.0 (1 runs), 2.14.1 (1 runs)"]]
    assert texts(by_title["Machines"]) == [["cpu", "Abacus 3000", "1", "1", "2"]]


def test_commands_are_those_remembered_without_their_place(make):
    planned = make("strategy=static scale=1k seed=0")
    make("strategy=static scale=1k seed=1", state="open")
    alone = make("strategy=real scale=500")
    (make.root / "sweeps").mkdir()
    content = {
        "words": ["strategy=static", "seed=0..1", "root=/home/me/runs", "data.root=/data/images net"],
        "runs": {planned.name: [], next(name.name for name in make.root.iterdir() if "s1" in name.name): []},
    }
    (make.root / "sweeps" / "x.json").write_text(json.dumps(content))
    sweeps, singles = made.commands(load(make.root).runs, make.root)
    assert sweeps == [("python -m benchmarks.sweep strategy=static seed=0..1 'data.root=…/images net'", 2, 1)]
    assert len(singles) == 1 and singles[0].startswith("python -m benchmarks.run") and alone.name
