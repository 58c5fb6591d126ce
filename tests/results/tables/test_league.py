"""The league as a table and in sentences."""

import pytest

from results.tables import league, league_words
from tests.results.tables.shown import texts


@pytest.fixture(scope="module")
def table(league_study):
    (one,) = league.tables(league_study.comparisons[0])
    return one


def test_a_row_a_method_by_class_with_rank_factor_costs_and_real_images(table):
    rows = texts(table)
    assert [heading for _, heading in table.parts][0] == "for reference"
    assert [heading[:3] for _, heading in table.parts[1:]] == ["I0:", "I1:", "I3:"]
    assert rows["static"]["test: errors"] == "×1" and rows["static"]["test: rank"] == "—"
    assert rows["prune"]["teacher's world: rank"] == "3" and rows["prune"]["scales"] == "1k and 2k"
    assert rows["prune"]["teacher's world: errors"].startswith("×0.70 [")
    assert rows["prune"]["teacher's world: errors"].endswith("] fewer")
    assert rows["dp"]["teacher's world: rank"] == rows["dp score=margin"]["teacher's world: rank"] == "1="
    assert rows["dp score=learnability"]["real images"] == "450" and rows["dp score=margin"]["scales"] == "1k"


def test_few_seeds_are_shown_without_interval_and_rank(table):
    row = texts(table)["actgen"]
    assert row["n"] == "2" and row["test: rank"] == "—" and "[" not in row["test: errors"]
    assert any("neither interval nor rank: `actgen` (n = 2)" in note for note in table.notes)


def test_the_first_sentence_has_the_best_of_each_class_its_ties_and_dp(league_study):
    on_test, in_world = league_words.sentences(league_study.comparisons[0])
    assert on_test.startswith("On 200 real test images, of 6 methods (over 1k and 2k), the fewest errors by what they")
    assert "I0 (nothing of the real world but accuracy on monitor) `dp score=margin` ×0." in on_test
    assert (
        "(not told apart: `dp`)" in on_test and "; I1 (a model of the real images) `dp score=learnability`" in on_test
    )
    assert "rank 1= of 5 in its class (I0)." in on_test and in_world.startswith("In the teacher's world, of 6 methods")


def test_a_comparison_of_few_arms_has_none(league_study):
    assert league.tables(league_study.comparisons[1]) == [] == league_words.sentences(league_study.comparisons[1])
