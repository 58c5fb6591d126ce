"""A study is archived with what was printed of it, and everything printed is made again from it; a number that somebody
changed is named.
"""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from benchmarks import archive, claims, recompute, table
from dp_common.errors import BadInput
from results.reading import archived
from tests.processes import ROOT
from tests.results import fabricate


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """(root of runs, archive of it with its tables and claims)."""
    root, out = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("archive") / "kept"
    for seed in range(4):
        for scale, accuracy in (("1k", 0.8), ("2k", 0.85)):
            fabricate.run(root, f"strategy=static scale={scale} seed={seed}", accuracy + 0.005 * (seed % 2))
            fabricate.run(root, f"strategy=dp scale={scale} seed={seed}", accuracy + 0.03 + 0.005 * (seed % 3))
    assert archive.main([str(root), f"out={out}", "prices=digits-unet"]) == 0
    return root, out


def test_all_that_was_printed_is_as_rebuilt(study, capsys):
    _, out = study
    assert recompute.main([str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Every printed number is as rebuilt from the runs: ") and "in 7 files" in said
    assert archived.about(out)["printed"]["table"] == ["prices=digits-unet", "figures=no"]


def test_what_is_printed_is_what_the_runs_print(study, tmp_path, capsys):
    root, out = study
    table.main([str(root), f"out={tmp_path}", "prices=digits-unet", "figures=no"])
    claims.main([str(root), f"out={tmp_path}", "prices=digits-unet"])
    capsys.readouterr()
    for name in ("table.md", "table.tex", "table.csv", "cells.csv"):
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes(), name
    printed, kept = ((place / "claims.md").read_text() for place in (tmp_path, out))
    assert printed.replace(f" root={root}", "") == kept  # what is missing is not to be run into an archive


@pytest.mark.parametrize("name, old, new", [("table.csv", "80.", "81."), ("table.md", "80.", "81.")])
def test_a_number_that_was_changed_is_named(study, tmp_path, capsys, name, old, new):
    out = tmp_path / "kept"
    shutil.copytree(study[1], out)
    text = (out / name).read_text()
    assert old in text
    (out / name).write_text(text.replace(old, new, 1))
    (out / "README.md").write_text("Ours.")
    assert recompute.main([str(out)]) == 1
    printed = capsys.readouterr()
    assert f"{name}: 1 places differ" in printed.out and "from the runs: " in printed.out
    assert f"NOT as rebuilt: {name}; 6 files are." in printed.out and "not looked at: README.md." in printed.err


def test_what_is_not_there_is_no_number_that_is_right(study, tmp_path, capsys):
    """A file that is gone is named; where all are, and where rows or the archive's own words are, nothing is vouched
    for.
    """
    out = tmp_path / "kept"
    shutil.copytree(study[1], out)
    (out / "table.md").unlink()
    assert recompute.main([str(out)]) == 0
    assert "Made by these commands, and not kept: table.md." in capsys.readouterr().err
    about = json.loads((out / archived.ABOUT).read_text())
    (out / archived.ABOUT).write_text(json.dumps(about | {"printed": {"forget": ["yes=yes"]}}))
    with pytest.raises(BadInput, match="names forget in printed, which is none of"):
        recompute.main([str(out)])
    (out / archived.ABOUT).write_text(json.dumps(about | {"printed": {"claims": []}}))
    for path in out.glob("claims.*"):
        path.unlink()
    with pytest.raises(BadInput, match="nothing that was printed is there any more, such as claims.csv"):
        recompute.main([str(out)])
    (out / archived.RUNS).unlink()
    with pytest.raises(BadInput, match="a damaged archive: it has no runs.csv"):
        recompute.main([str(out)])


@pytest.mark.parametrize("damage", ["a row is gone", "bits of others", "bits of other runs"])
def test_damage_of_what_numbers_are_made_of_is_seen(study, tmp_path, capsys, damage):
    out = tmp_path / "kept"
    shutil.copytree(study[1], out)
    if damage == "a row is gone":
        lines = (out / archived.RUNS).read_text().splitlines(keepends=True)
        (out / archived.RUNS).write_text("".join(lines[:-1]))
    else:
        with np.load(out / archived.CORRECT) as arrays:
            kept = dict(arrays)
        kept["test.bits"] = kept["test.bits"][::-1] if damage == "bits of others" else kept["test.bits"]
        if damage == "bits of other runs":
            kept["test.runs"] = np.array([f"x{name}" for name in kept["test.runs"]])
        np.savez_compressed(out / archived.CORRECT, **kept)
    assert recompute.main([str(out)]) == 1
    said = capsys.readouterr().out
    assert "NOT as rebuilt: " in said and "claims.csv" in said


def test_it_needs_no_run_folders_and_no_place_of_before(study, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(study[1], moved)
    assert recompute.main([str(moved)]) == 0


def test_seeds_and_sweeps_are_those_of_the_runs_kept(study, tmp_path):
    root, _ = study
    frame = pd.read_csv(study[1] / "runs.csv")
    (root / "sweeps").mkdir(exist_ok=True)
    sweep = {"words": ["strategy=static", "root=/home/me"], "runs": {frame["run_id"].iloc[0]: [], "gone": []}}
    (root / "sweeps" / "one.json").write_text(json.dumps(sweep))
    archive.main([str(root), f"out={tmp_path / 'two'}", "seed=0,1", "print=claims"])
    assert sorted(set(pd.read_csv(tmp_path / "two" / "runs.csv")["seed"])) == [0, 1]
    sweeps = archived.about(tmp_path / "two")["sweeps"]
    assert sweeps == [{"words": ["strategy=static"], "runs": [frame["run_id"].iloc[0]]}]
    shutil.rmtree(root / "sweeps")


def test_prices_of_ones_own_lie_in_the_archive(study, tmp_path):
    own = tmp_path / "mine.csv"
    shutil.copyfile(ROOT / "benchmarks" / "unit_costs" / "digits-unet.csv", own)
    archive.main([str(study[0]), f"out={tmp_path / 'out'}", f"prices={own}", "print=table"])
    own.unlink()
    assert recompute.main([str(tmp_path / "out")]) == 0


def test_bad_input(study, tmp_path):
    with pytest.raises(BadInput, match="^out: needed"):
        archive.main([str(study[0])])
    with pytest.raises(BadInput, match="^folder: needed"):
        recompute.main([])
    with pytest.raises(BadInput, match="no archive: it has no archive.json"):
        recompute.main([str(tmp_path)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in (ROOT / "results" / "measured").rglob(archived.ABOUT))
)
def test_measured_studies_are_as_rebuilt(folder):
    assert recompute.main([str(folder)]) == 0


def test_what_is_there_is_replaced_by_a_newer_archive_of_the_same_runs_alone(study, tmp_path, capsys):
    root, out = study[0], tmp_path / "out"

    def kept(words):
        archive.main([str(root), f"out={out}", "print=claims", *words.split()])
        return archived.rows_of(out)

    out.mkdir()
    (out / "README.md").write_text("Ours.")
    assert len(kept("seed=0,1")) == 8 and len(kept("seed=0,1,2")) == 12
    with pytest.raises(BadInput, match="out=.*: is an archive of 4 runs that are not among these, such as digits-"):
        kept("seed=0,1")
    assert len(archived.rows_of(out)) == 12 and len(kept("seed=0,1 replace=yes")) == 8
    (out / archived.ABOUT).write_text("{")
    with pytest.raises(BadInput, match="is a damaged archive"):
        kept("seed=0,1")
    (out / archived.ABOUT).unlink()
    with pytest.raises(BadInput, match="is there already, and no archive .claims.csv is in it.: name a new folder"):
        kept("seed=0,1")
    assert (out / "README.md").read_text() == "Ours."
