"""Cells, units and the sentences of captions, which tables and figures share."""

from math import isnan

from dp_common.errors import BadInput, did_you_mean
from dp_common.persistence.meter import PRICED
from results.analysis.cells import column_of
from results.analysis.repricing import marking

MONITORS = {
    "disjoint": "patience looks at a monitor set disjoint from test",
    "paper": "patience looks at the test set itself (data.monitor=paper)",
}
ARROWS = {"above": " ↑", "below": " ↓", "undecided": ""}
UNITS = (
    ("seconds", 3600, 120 / 3600),
    ("minutes", 60, 2.0),
    ("hours", 1, float("inf")),
)  # name, per hour, used up to so many hours


def accuracy_text(cell):
    """``91.2 [90.1, 92.3] n=4 (+1 short)``, or ``—(2/5)`` where runs are missing, or ``—`` where none was ever begun."""
    return (
        missing_text(cell) or f"{100 * cell['mean']:.1f}{accuracy_bounds(cell, '.1f')} n={cell['n']}{short_text(cell)}"
    )


def difference_text(cell):
    """``+1.31 [+0.40, +2.22] n=5 ↑``."""
    return (
        missing_text(cell)
        or f"{100 * cell['mean']:+.2f}{accuracy_bounds(cell, '+.2f')} n={cell['n']}{short_text(cell)}{ARROWS[cell['verdict']]}"
    )


def missing_text(cell):
    if not cell["planned"]:
        return "—"
    if not cell["complete"]:
        return f"—({cell['done']}/{cell['expected']})"
    return "" if cell["n"] else f"— ({cell['short']} short)"


def accuracy_bounds(cell, form):
    return "" if isnan(cell["low"]) else f" [{100 * cell['low']:{form}}, {100 * cell['high']:{form}}]"


def short_text(cell):
    return f" (+{cell['short']} short)" if cell["short"] else ""


def hours_text(hours, factor):
    """Two decimals while they matter; no hours at all are 0, unknown ones a dash."""
    if isnan(hours):
        return "—"
    amount = hours * factor
    return "0" if amount == 0 else "<0.01" if amount < 0.005 else f"{amount:,.2f}" if amount < 100 else f"{amount:,.0f}"


def unit_of(most):
    """(name, number of it in an hour) of the unit in which device hours of at most ``most`` read well."""
    return next((unit[:2] for unit in UNITS if most <= unit[2]), UNITS[-1][:2])


def total_words(exclude=()):
    return f"total = {' + '.join(phase for phase in PRICED if phase not in exclude)}"


def where(device, cpus):
    """A device in words; ``cpus``: lists of the CPUs' names."""
    if marking(device):
        return f"{device.partition(': ')[2].replace(', ', ' as measured in ')}"
    return {
        "cpu": f"a CPU ({'; '.join(sorted(set().union(*cpus))) or 'model not recorded'})",
        "mixed": "several kinds of device, whose hours are not added",
    }.get(device, device)


def conditions(group):
    """The sentence every caption ends with: what the interval is of, budget, monitor rule, learner, what else is special."""
    core = group.core
    data = (
        "intervals speak of training and data variation, every seed with its own data.split"
        if group.split is None
        else f"intervals speak of training variation on this fixed test set, data.split={group.split}"
    )
    monitor = MONITORS.get(core["data.monitor"], f"data.monitor={core['data.monitor']}")
    extra = f" Further keys: {', '.join(group.extras())}." if group.extra else ""
    return (
        f"Task {core['task']}, {core['teacher']} teacher, learner {core['learner']}; budget {core['train.seen']:,} images seen in "
        f"training; {monitor}; {data}.{extra}"
    )


def set_named(rows, on):
    known = rows["test_images"].dropna()
    return f"the {on + ' set' if on in ('test', 'monitor') else f'shifted test set {on}'}{f' ({int(known.iloc[0]):,} real images)' if len(known) else ''}"


def check_set(rows, on):
    """Raises BadInput where no finished run has an accuracy on the set."""
    known = ["test", "monitor", *(column.removeprefix("shifted.") for column in rows if column.startswith("shifted."))]
    if column_of(on) not in rows:
        raise BadInput("on", on, f"one of {', '.join(known)}.{did_you_mean(on, known)}")
