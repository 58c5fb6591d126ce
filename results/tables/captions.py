"""The sentences of captions, and the units of hours, which tables and figures share."""

from collections.abc import Collection, Iterable

from dp_common.persistence.meter import PRICED
from results.analysis.comparisons import Comparison
from results.analysis.contrasts import POPULATION
from results.analysis.grouping import Group
from results.analysis.repricing import marking

MONITORS = {
    "disjoint": "patience looks at a monitor set disjoint from test",
    "paper": "patience looks at the test set itself (data.monitor=paper)",
}
# what is wrong with measured hours, see results.analysis.disturbance
TOUCHED = "equal work took some runs much longer than others, so other work ran beside them; `prices=NAME` re-prices."
UNITS = (
    ("seconds", 3600, 120 / 3600),
    ("minutes", 60, 2.0),
    ("hours", 1, float("inf")),
)  # name, per hour, used up to so many hours


def unit_of(most: float) -> tuple[str, int]:
    """(name, number of it in an hour) of the unit in which device hours of at most ``most`` read well."""
    return next((unit[:2] for unit in UNITS if most <= unit[2]), UNITS[-1][:2])


def total_of_phases(exclude: Collection[str] = ()) -> str:
    """Of what a total of hours is the sum."""
    return f"total = {' + '.join(phase for phase in PRICED if phase not in exclude)}"


def device_text(device: str, cpus: Iterable[Iterable[str]]) -> str:
    """A device in words; ``cpus``: lists of the CPUs' names."""
    if marking(device):
        return f"{device.partition(': ')[2].replace(', ', ' as measured in ')}"
    return {
        "cpu": f"a CPU ({'; '.join(sorted(set().union(*cpus))) or 'model not recorded'})",
        "mixed": "several kinds of device, whose hours are not added",
    }.get(device, device)


def place_of(device: str) -> str:
    """Where hours are of, as the end of a label: `` on an H100``, ``, re-priced: ...``; "" of a CPU."""
    return "" if device == "cpu" else f", {device}" if marking(device) else f" on {device}"


def conditions(group: Group) -> str:
    """The sentence every caption ends with:

    what the interval is of, budget, monitor rule, learner, what else is special.
    """
    core = group.core
    data = (
        "intervals speak of training and data variation, every seed with its own data.split"
        if group.split is None
        else f"intervals speak of training variation on this fixed test set, data.split={group.split}"
    )
    monitor = MONITORS.get(core["data.monitor"], f"data.monitor={core['data.monitor']}")
    extra = f" Further keys: {', '.join(group.extras())}." if group.extras() else ""
    return (
        f"Task {core['task']}, {core['teacher']} teacher, learner {core['learner']}; budget {core['train.seen']:,} "
        "images seen in "
        f"training; {monitor}; {data}.{extra}"
    )


def interval_over(eval_set: str) -> str:
    """What the interval of a paired difference is over."""
    return "over seeds" if eval_set == POPULATION else "over seeds × images (two-way)"


def set_named(comparison: Comparison) -> str:
    """The set that accuracy is of, with its size where that is written down."""
    name, images = comparison.eval_set, comparison.eval_images
    if name == POPULATION:
        return f"{f'{images:,} ' if images else ''}held-out images of the teacher's own world"
    known = f"{name} set" if name in ("test", "monitor") else f"shifted test set {name}"
    return f"the {known}{f' ({images:,} real images)' if images else ''}"
