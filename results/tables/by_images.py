"""the accuracy that so many generated images buy"""

from results.analysis.comparisons import Comparison
from results.tables.accuracy_at_cost import tables_by
from results.tables.table import Table

NAME = "images"
POSITION = 60


def tables(comparison: Comparison) -> list[Table]:
    """Arm × images generated, those pruned away included."""
    return tables_by(comparison, "images_generated")
