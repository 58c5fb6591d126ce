"""All figures of a study: which there are, that they are found by their folder, and that drawn twice they have the same
bytes.
"""

from types import SimpleNamespace

import pytest

import results.figures
from dp_common.errors import Problem
from results.analysis.study import load
from results.figures import draw_all, hours, images, modules
from tests.results.figures.histories import whole_study


def test_a_study_has_all_figures_and_their_captions_beside_them(make, tmp_path):
    ((_, figures),) = draw_all(whole_study(make), tmp_path)
    assert [figure.name for figure in figures] == [
        "forest",
        "errors",
        "price",
        "accuracy-images_generated",
        "accuracy-images_kept",
        "accuracy-hours",
        "hours-by-phase",
        "dynamics",
        "hardness",
        "entropy",
        "images-omega",
        "images-rounds",
        "images-sets",
        "curves",
    ]
    assert all(path.exists() for figure in figures for path in figure.paths)
    beside = (tmp_path / "figures.md").read_text()
    assert all(
        f"**{figure.title}.** {figure.caption}" in beside and "data.split=0" in figure.caption for figure in figures
    )


def test_drawn_twice_there_are_the_same_bytes(make, tmp_path, monkeypatch):
    monkeypatch.setattr("results.figures.modules", lambda: [hours, images])
    study = whole_study(make)
    for out in ("one", "two"):
        (tmp_path / out).mkdir()
        draw_all(study, tmp_path / out)
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / out).rglob("*.*")} for out in ("one", "two"))
    assert first == second and len(first) == 3 * 4 + 1
    assert all(first[name] for name in first) and b"dc:date" not in b"".join(first.values())


def test_without_finished_runs_there_is_nothing_and_nothing_fails(make, tmp_path):
    make("strategy=dp scale=1k", state="open")
    ((_, figures),) = draw_all(load(make.root), tmp_path)
    assert figures == [] and not list(tmp_path.rglob("*.svg")) and not (tmp_path / "figures.md").exists()
    for scale in ("1k", "2k"):
        make(f"strategy=dp scale={scale} seed=1")  # finished, but nothing of its history was written down
    assert {figure.name for figure in draw_all(load(make.root), tmp_path)[0][1]} == {
        "errors",
        "accuracy-images_generated",
        "accuracy-images_kept",
        "accuracy-hours",
    }


NEW = '''
"""How many runs an arm has."""

from results.figures.drawing.style import save, sheet, stem

POSITION = 15


def draw(comparison, folder):
    with sheet() as plt:
        drawing, axes = plt.subplots()
        counts = comparison.runs["arm"].value_counts().reset_index()
        return [save(drawing, counts, stem(folder, "counts"), "Runs", "Runs by arm.")]
'''


def test_a_new_figure_is_one_file(make, tmp_path, monkeypatch):
    """A module that lies in a folder of figures is drawn, in its place, and nothing else says that it is there."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more/how_many.py").write_text(NEW)
    monkeypatch.setattr(results.figures, "__path__", [*results.figures.__path__, str(tmp_path / "more")])
    for scale in ("1k", "2k"):
        make(f"strategy=dp scale={scale}")
    ((comparison, figures),) = draw_all(load(make.root), tmp_path / "out")
    assert [figure.name for figure in figures] == [
        "errors",
        "accuracy-images_generated",
        "accuracy-images_kept",
        "counts",
        "accuracy-hours",
    ]
    assert (tmp_path / "out" / comparison.slug / "counts.csv").is_file()
    assert "`counts`: **Runs.** Runs by arm." in (tmp_path / "out/figures.md").read_text()


def test_every_figure_says_what_it_shows():
    assert all(
        module.__doc__.partition("\n\n")[0].strip().endswith(".") and callable(module.draw) for module in modules()
    )


def test_comparisons_have_folders_of_their_own(make, tmp_path):
    for budget in ("64k", "32k"):
        for scale in ("1k", "2k"):
            make(f"strategy=dp scale={scale} train.seen={budget}")
    first, second = draw_all(load(make.root), tmp_path)
    folders = {figure.paths[0].parent for _, figures in (first, second) for figure in figures}
    assert folders == {tmp_path / first[0].slug, tmp_path / second[0].slug} and len(folders) == 2


def test_a_figure_that_fails_is_named_in_one_line(make, tmp_path, monkeypatch):
    def draw(comparison, folder):
        raise ValueError("oops")

    boom = SimpleNamespace(__name__="results.figures.boom", draw=draw)
    monkeypatch.setattr("results.figures.modules", lambda: [boom])
    make("strategy=static scale=1k")
    with pytest.raises(Problem, match="^figure results.figures.boom fails: ValueError: oops$"):
        draw_all(load(make.root), tmp_path)
