"""The accuracy that hours and images buy."""

from results.analysis.cost_to_target import HOURS
from results.tables.accuracy_at_cost import round_numbers, tables_by
from tests.results.tables.shown import texts


def test_costs_of_columns_are_round_numbers_within_the_range():
    assert round_numbers(250, 16_000) == [500, 1000, 2000, 5000, 10_000]
    narrow = round_numbers(12.7, 15.6)
    assert len(narrow) > 3 and narrow[0] >= 12.7 and narrow[-1] <= 15.6 and len(set(narrow)) == len(narrow)


def test_a_table_by_hours_reads_between_the_scales(study):
    (table,) = tables_by(study, HOURS)
    assert table.title == "Accuracy on test by CPU hours" and table.columns[1] == "1 h"
    assert texts(table)["static"]["2 h"].startswith("85.5 [") and texts(table)["static"]["2 h"].endswith("n=4")
    (images,) = tables_by(study, "images_generated")
    assert images.columns == ["arm", "1,000", "2,000"] or "2,000" in images.columns
