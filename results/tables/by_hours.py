"""the accuracy that so many hours buy"""

from results.analysis.comparisons import Comparison
from results.analysis.cost_to_target import HOURS
from results.tables.accuracy_at_cost import tables_by
from results.tables.table import Table

NAME = "hours"
POSITION = 50


def tables(comparison: Comparison) -> list[Table]:
    """Arm × device hours; empty where hours are of several kinds of device."""
    return tables_by(comparison, HOURS)
