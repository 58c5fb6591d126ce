"""The tables of a comparison, and those that go across comparisons.

Each is a pure function of a loaded frame and says in its caption what its numbers are. Budgets are never mixed: a function
for one comparison refuses runs of several; ``all_tables`` makes a set for each, ``overview`` those that stand beside each other.
"""

from results.analysis.comparisons import groups
from results.tables import ablations, reach, table1, teachers
from results.tables.accuracy import comparison, cost_tables, versus

ACROSS = ("table1", "teachers", "ablations")  # made of all comparisons
OF_ONE = ("scale", "versus", "costs", "hours", "images", "reach", "ablations")  # made of each
NAMES = tuple(dict.fromkeys((*ACROSS[:1], *OF_ONE, *ACROSS[1:])))


def all_tables(frame, exclude=(), on="test", only=OF_ONE, targets=()):
    """[(Group, [Table])] of every comparison in the frame; no tables where no run is finished. ``only``: which, of NAMES;
    ``targets``: accuracies (fractions) whose cost is told, instead of what static reaches. Raises BadInput, and Problem as
    ``results.analysis.comparisons`` does.
    """
    made = {
        "scale": lambda rows, group: [comparison(rows, on, group)],
        "versus": lambda rows, group: versus(rows, on, group),
        "costs": lambda rows, group: cost_tables(rows, exclude, group),
        "hours": lambda rows, group: reach.by_cost(rows, "hours", exclude, on, group),
        "images": lambda rows, group: reach.by_cost(rows, "images_generated", exclude, on, group),
        "reach": lambda rows, group: reach.reach_tables(rows, targets, exclude, on, group),
        "ablations": lambda rows, group: ablations.of_strategies(rows, on, group),
    }
    return [
        (
            group,
            [table for name, make in made.items() if name in only for table in make(rows, group)]
            if (rows["state"] == "done").any()
            else [],
        )
        for group, rows in groups(frame)
    ]


def overview(frame, exclude=(), on="test", only=ACROSS):
    """[Table] of all comparisons in the frame side by side, those whose data is there. ``only``: which, of NAMES."""
    made = {
        "table1": lambda: table1.tables(frame, exclude),
        "teachers": lambda: teachers.tables(frame, on),
        "ablations": lambda: ablations.of_settings(frame, on),
    }
    return [table for name, make in made.items() if name in only for table in make()]
