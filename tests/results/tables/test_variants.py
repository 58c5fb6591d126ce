"""Arms that differ in the sampler alone: in the league where there is one, else in a table of their own."""

from results import load
from results.tables.variants import tables


def test_they_stand_in_a_table_where_there_is_no_league(make):
    for seed in range(4):
        make(f"strategy=static scale=1k seed={seed}")
        make(f"strategy=dp scale=1k seed={seed}")
        make(
            f"strategy=static sampler.temperature=1.5 scale=1k seed={seed}",
            0.8 + 0.01 * seed,
            summary={"population": 0.9},
        )
    home, beside = load(make.root).comparisons
    (table,) = tables(home)
    assert [cell.text for cell in table.rows[0]][:2] == ["`static sampler.temperature=1.5`", "1,000"]
    assert table.rows[0][2].value == 81.5 and table.rows[0][3].text.startswith("90.0 ")
    assert tables(beside) == []
    assert "temperature" not in home.title and beside.title.endswith("split 0, sampler.temperature=1.5")


def test_not_where_the_league_has_them(league_study):
    assert [tables(one) for one in league_study.comparisons] == [[], []]
