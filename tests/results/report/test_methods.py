"""The sections on methods: the league where there is one, and the open questions that were run."""

import pytest

from results.claims import evaluate
from results.claims.judging.claim import Finding
from results.figures import Figure
from results.report import methods
from results.tables import league
from tests.results.figures.histories import csv_of
from tests.results.report.pages import Page


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Figures are plotted, not rendered."""
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, path, **more: path.write_text("<svg></svg>"))


@pytest.fixture
def out(tmp_path):
    (tmp_path / "tables").mkdir()
    return tmp_path


def test_the_league_has_a_section_that_begins_with_what_came_out(league_study, out):
    one, variant = league_study.comparisons
    section = methods.league_section(1, one, [Figure("forest", "Other", "", ())], league.tables(one), out, False)
    assert section.body.startswith("<p>On 200 real test images, of 6 methods") and "Other" not in section.body
    assert section.body.count("of 6 methods") == 2  # said once per world, not again under the table
    assert section.title == "The league of methods" and not section.on_paper and Page(section.body).ids
    assert methods.league_section(2, variant, [], league.tables(variant), out, False) is None


def test_a_verdict_on_one_scale_says_so():
    assert "at 1k, and" in methods.one_scale([Finding("a", None, "confirmed", scales=(1000,)), Finding("a", 1000, "")])
    assert methods.one_scale([Finding("a", None, "confirmed", scales=(1000, 4000))]) == ""


def test_a_question_that_was_run_has_its_contrasts_in_both_worlds(league_study, out):
    judgements = evaluate(league_study.roots[0], only=("D3", "D7", "D8"), study=league_study)
    (section,) = methods.questions(judgements, league_study.comparisons, out)
    assert [title[:4] for title, _ in section.parts] == ["D3 ?", "D7 ✗"] and "Not run: D8 (" in section.body
    assert section.body.count("Asked") == 2 == section.body.count('class="chart"')
    rows = csv_of(methods.forest_of(judgements[1], league_study.comparisons[0], out, "d7"))
    of_reference = rows[rows["contrast"].str.startswith("I1") & (rows["label"] == "pooled")].set_index("world")
    assert set(of_reference.index) == {"test", "population"} and (of_reference["log_error_ratio"] < 0).all()
    assert set(rows["label"]) == {"1k", "2k", "pooled"} and methods.judged_world(judgements[1]) == "test"


def test_without_an_open_question_there_is_no_section(league_study, out):
    judgements = evaluate(league_study.roots[0], only=("D8",), study=league_study)
    assert methods.questions(judgements, league_study.comparisons, out) == []
