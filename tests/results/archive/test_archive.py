"""An archive of a study gives every table and claim that its run folders give, and says so where it cannot."""

import gzip
import json

import pandas as pd
import pytest

from dp_common.errors import BadInput, Damaged
from results import claims
from results.analysis.study import load
from results.archive import write_study
from results.figures import draw_all
from results.reading import archived
from results.reading.correctness import correctness
from results.tables import across_comparisons, of_comparisons, render
from results.tables.csv import as_csv, numbers
from tests.results.claims import claim_world as world
from tests.results.figures.histories import whole_study


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """(root of runs, archive of it): all claims, an unfinished run, one below its scale, one without correctness."""
    root, folder = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("archive") / "kept"
    world.build(root, world.TRUE)
    world.theory(root)
    world.run(root, "strategy=prune scale=2k teacher=unet", 0, 0.8, state="interrupted")
    world.run(root, "strategy=static scale=2k teacher=unet", 0, 0.8, kept=1500)
    world.run(root, "strategy=static scale=2k teacher=unet", 1, 0.8, flags=False)
    write_study(load(root), folder, ["python -m benchmarks.sweep strategy=static,dp"])
    return root, folder


def texts_of(study):
    tables = [table for _, found in of_comparisons(study) for table in found] + across_comparisons(study)
    return [render.text(table) for table in tables] + [as_csv(numbers(study))]


def test_every_table_is_the_same(both):
    root, folder = both
    texts = texts_of(load(folder))
    assert texts == texts_of(load(root)) and len(texts) > 5


def test_every_claim_is_the_same(both):
    """Those on what happened inside the runs, and on the theory, too; but for where a sweep would write to."""
    root, folder = both
    ours, theirs = claims.evaluate(folder), claims.evaluate(root)
    assert len({one.id for one in ours}) == 20 and {one.id for one in ours if one.findings} >= {
        "C1a",
        "C2",
        "C5",
        "C6",
        "C8",
        "C9",
        "C10t",
    }
    frames = [claims.effects(found).drop(columns="sweep") for found in (ours, theirs)]
    pd.testing.assert_frame_equal(*frames)
    assert [one.sweep for one in ours] == [one.sweep.replace(f" root={root}", "") for one in theirs]


def test_every_run_is_a_row_at_full_precision(both):
    root, folder = both
    ours, theirs = load(folder).runs.set_index("run_id"), load(root).runs.set_index("run_id")
    assert set(ours.columns) == set(theirs.columns) and ours.index.equals(theirs.index)
    columns = [name for name in theirs if name != "folder"]
    pd.testing.assert_frame_equal(ours[columns], theirs[columns], check_exact=True)
    done = theirs[theirs["state"] == "done"].iloc[0]
    flags = correctness(ours.loc[done.name], "test")
    assert (flags == correctness(done, "test")).all()


def test_figures_are_drawn_of_what_there_is(make, tmp_path, monkeypatch):
    """All but images, whose shards are not in it."""
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, path, **more: path.touch())
    write_study(whole_study(make), tmp_path / "kept")
    drawn = {root: draw_all(load(root), tmp_path / root.name)[0][1] for root in (make.root, tmp_path / "kept")}
    ours, theirs = ({figure.name: figure for figure in figures} for figures in reversed(drawn.values()))
    assert set(theirs) - set(ours) == {"images-omega", "images-rounds", "images-sets"} and "dynamics" in ours
    assert all(figure.caption == theirs[name].caption for name, figure in ours.items())
    assert all(figure.paths[2].read_bytes() == theirs[name].paths[2].read_bytes() for name, figure in ours.items())


def test_the_same_study_gives_the_same_bytes_and_they_are_few(both, tmp_path):
    root, folder = both
    write_study(load(root), tmp_path / "again", ["python -m benchmarks.sweep strategy=static,dp"])
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(folder)).read_bytes(), path
    about = json.loads((folder / archived.ABOUT).read_text())
    assert about["commands"] == ["python -m benchmarks.sweep strategy=static,dp"] and about["format"] == 1
    runs = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < runs / 3


def test_an_archive_of_an_archive_is_the_same(both, tmp_path):
    _, folder = both
    write_study(load(folder), tmp_path / "second")
    for name in (archived.RUNS, archived.CORRECT, archived.LEDGERS):
        assert (tmp_path / "second" / name).read_bytes() == (folder / name).read_bytes(), name


def test_runs_and_archives_lie_under_one_root(make, tmp_path):
    make("strategy=static scale=1k seed=0")
    write_study(load(make.root), tmp_path / "all" / "kept")
    (make.root).rename(tmp_path / "all" / "runs")
    with pytest.raises(Exception, match="lies in .* and in .*: it would count twice"):
        load(tmp_path / "all")


@pytest.mark.parametrize("name, content", [("runs.csv", "run_id,extra\nx,1\n"), ("archive.json", "{}")])
def test_what_does_not_fit_is_named(make, tmp_path, name, content):
    make("strategy=static scale=1k seed=0")
    write_study(load(make.root), tmp_path / "kept")
    (tmp_path / "kept" / name).write_text(content)
    with pytest.raises(Damaged, match=name):
        load(tmp_path / "kept")


def test_another_format_is_refused_and_no_archive_is_bad_input(make, tmp_path):
    make("strategy=static scale=1k seed=0")
    write_study(load(make.root), tmp_path / "kept")
    about = json.loads((tmp_path / "kept" / archived.ABOUT).read_text())
    (tmp_path / "kept" / archived.ABOUT).write_text(json.dumps(about | {"format": 2}))
    with pytest.raises(Damaged, match="format 2; this version reads 1"):
        load(tmp_path / "kept")
    with pytest.raises(BadInput, match="no such folder"):
        load(tmp_path / "nowhere")


def test_a_ledger_file_that_is_torn_is_named(make, tmp_path):
    make("strategy=static scale=1k seed=0")
    write_study(load(make.root), tmp_path / "kept")
    path = tmp_path / "kept" / archived.LEDGERS
    assert len(gzip.decompress(path.read_bytes()).splitlines()) == 1
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Damaged, match=archived.LEDGERS):
        archived.records_of(tmp_path / "kept" / "any")
