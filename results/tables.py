"""The tables of a comparison, in words: accuracy by arm × scale, paired differences to the controls, costs; and the list of all others.

Each is a pure function of a loaded frame and says in its caption what its numbers are. Budgets are never mixed: a function
for one comparison refuses runs of several; ``all_tables`` makes a set for each, ``overview`` those that stand beside each other.
"""

from collections import Counter
from dataclasses import dataclass
from math import isnan

from dp_common.clock import PRICED
from dp_common.errors import BadInput, did_you_mean
from dp_common.spec import short
from results.arms import plan_names, rank
from results.cells import BASELINES, CONTROLS, COUNTS, accuracies, column_of, costs, differences, left_to_ablations
from results.groups import MONITORS, groups, one_group
from results.prices import kind_of, marking

ARROWS = {"above": " ↑", "below": " ↓", "undecided": ""}
ACROSS = ("table1", "teachers", "ablations")  # made of all comparisons
OF_ONE = ("scale", "versus", "costs", "hours", "images", "reach", "ablations")  # made of each
NAMES = tuple(dict.fromkeys((*ACROSS[:1], *OF_ONE, *ACROSS[1:])))
UNITS = (("seconds", 3600, 120 / 3600), ("minutes", 60, 2.0), ("hours", 1, float("inf")))  # name, per hour, used up to so many hours


@dataclass(frozen=True)
class Table:
    """Ready to render. ``align``: l or r per column. Text in `backticks` is code; cells hold no other markup.

    ``parts``: ((row, words), ...), a heading before that row, for rows that are to be set apart.
    """

    title: str
    caption: str
    columns: list
    rows: list
    align: str
    notes: tuple = ()
    parts: tuple = ()


def all_tables(frame, exclude=(), on="test", only=OF_ONE, targets=()):
    """[(Group, [Table])] of every comparison in the frame; no tables where no run is finished. ``only``: which, of NAMES;
    ``targets``: accuracies (fractions) whose cost is told, instead of what static reaches. Raises BadInput, and Problem as
    ``results.groups`` does."""
    from results import ablations, tables_reach

    made = {"scale": lambda rows, group: [comparison(rows, on, group)],
            "versus": lambda rows, group: versus(rows, on, group),
            "costs": lambda rows, group: cost_tables(rows, exclude, group),
            "hours": lambda rows, group: tables_reach.by_cost(rows, "hours", exclude, on, group),
            "images": lambda rows, group: tables_reach.by_cost(rows, "images_generated", exclude, on, group),
            "reach": lambda rows, group: tables_reach.reach_tables(rows, targets, exclude, on, group),
            "ablations": lambda rows, group: ablations.of_strategies(rows, on, group)}
    return [(group, [table for name, make in made.items() if name in only for table in make(rows, group)]
             if (rows["state"] == "done").any() else []) for group, rows in groups(frame)]


def overview(frame, exclude=(), on="test", only=ACROSS):
    """[Table] of all comparisons in the frame side by side, those whose data is there. ``only``: which, of NAMES."""
    from results import ablations, table1, teachers

    made = {"table1": lambda: table1.tables(frame, exclude), "teachers": lambda: teachers.tables(frame, on),
            "ablations": lambda: ablations.of_settings(frame, on)}
    return [table for name, make in made.items() if name in only for table in make()]


def comparison(frame, on="test", group=None):
    """Arm × scale: accuracy in %, mean [95 % t-interval] n."""
    group, rows = one_group(frame, group)
    check_set(rows, on)
    cells, ceiling = accuracies(rows, on)
    cells, aside = without_ablations(cells, rows)
    caption = (f"Percent correct on {set_named(rows, on)}: mean [95 % t-interval over seeds] and number of seeds n, by arm and scale "
               f"(images in the final training set). {conditions(group)}")
    notes = [*ceiling_note(ceiling), *legend(cells, "seeds"), *plan_note(rows), *aside, *missing_controls(rows), *unfinished_note(rows)]
    return arm_by_scale(f"Accuracy on {on}", caption, cells, accuracy_text, notes)


def versus(frame, on="test", group=None):
    """[Table] of paired differences in points, to each baseline that has finished runs."""
    group, rows = one_group(frame, group)
    check_set(rows, on)
    tables = []
    for baseline in BASELINES:
        cells, aside = without_ablations(differences(rows, baseline, on), rows)
        if not len(cells):
            continue
        caption = (f"Paired difference in points, 1 point being 1 % of {set_named(rows, on)}: mean [95 % t-interval over seeds] and "
                   "number n of pairs of equal seed and scale. ↑ above or ↓ below zero where this interval and the 95 % paired "
                   f"bootstrap over test images × seeds agree; no arrow: undecided. {conditions(group)}")
        notes = [*legend(cells, "pairs"), *aside]
        if cells["unread"].sum():
            notes.append(f"No verdict for {cells['unread'].sum()} pair(s) without per-image correctness (correct.parquet).")
        tables.append(arm_by_scale(f"Accuracy on {on} minus that of `{baseline}`", caption, cells, difference_text, notes))
    return tables


def cost_tables(frame, exclude=(), group=None):
    """[Table] of images, iterations and hours by phase, one per device name, for hours of different devices do not average."""
    group, rows = one_group(frame, group)
    for phase in exclude:
        if phase not in PRICED:
            raise BadInput("exclude", phase, f"one of {', '.join(PRICED)}.{did_you_mean(phase, PRICED)}")
    means = costs(rows, exclude)
    notes = unpriced_note(rows)
    return [cost_table(group, device, part, exclude, notes) for device, part in means.groupby("device")] if len(means) else []


def cost_table(group, device, means, exclude, notes=()):
    unit, factor = unit_of(means["total"].max())
    kind = kind_of(device) + (f", given in {unit}" if factor > 1 else "")
    repriced = marking(device)
    phases = [*PRICED, "total", *([] if repriced else ["spent"])]
    caption = (f"Means over the n finished runs of each line: images, iterations, and {kind}, on {where(device, means['cpus'])}. "
               f"{total_words(exclude)}{'' if repriced else '; spent: all attempts, with work lost to interruptions'}. {repriced}{conditions(group)}")
    rows = [[*arm_and_scale(row), str(row["n"]), *(f"{row[name]:,.0f}" for name in COUNTS),
             *(hours_text(row[name], factor) for name in phases)] for row in means.to_dict("records")]
    columns = ["arm", "scale", "n", "generated", "kept", "seen", "iterations", *phases]
    return Table(f"Costs in {kind}, {'' if repriced else 'device '}{device}", caption, columns, rows, "l" + "r" * (len(columns) - 1), tuple(notes))


def unpriced_note(rows):
    """Why finished runs have no re-priced hours, if they were re-priced and some have none."""
    reasons = rows["repriced_why"].dropna() if "repriced_why" in rows else []
    return [f"Not re-priced, {count} run(s): {reason}." for reason, count in sorted(Counter(reasons).items())]


def where(device, cpus):
    """A device in words; ``cpus``: lists of the CPUs' names."""
    if marking(device):
        return f"{device.partition(': ')[2].replace(', ', ' as measured in ')}"
    return {"cpu": f"a CPU ({'; '.join(sorted(set().union(*cpus))) or 'model not recorded'})",
            "mixed": "several kinds of device, whose hours are not added"}.get(device, device)


def total_words(exclude=()):
    return f"total = {' + '.join(phase for phase in PRICED if phase not in exclude)}"


def unit_of(most):
    """(name, number of it in an hour) of the unit in which device hours of at most ``most`` read well."""
    return next((unit[:2] for unit in UNITS if most <= unit[2]), UNITS[-1][:2])


def arm_and_scale(row):
    return [f"`{row['arm']}`", "ceiling" if isnan(row["scale"]) else short(int(row["scale"]))]


def hours_text(hours, factor):
    """Two decimals while they matter; no hours at all are 0, unknown ones a dash."""
    if isnan(hours):
        return "—"
    amount = hours * factor
    return "0" if amount == 0 else "<0.01" if amount < 0.005 else f"{amount:,.2f}" if amount < 100 else f"{amount:,.0f}"


def arm_by_scale(title, caption, cells, text, notes):
    scales = sorted(cells["scale"].unique()) if len(cells) else []
    by_place = {(cell["arm"], cell["scale"]): cell for cell in cells.to_dict("records")}
    rows = [[f"`{arm}`", *(text(by_place[arm, scale]) for scale in scales)] for arm in sorted({arm for arm, _ in by_place}, key=rank)]
    return Table(title, caption, ["arm", *(short(int(scale)) for scale in scales)], rows, "l" * (1 + len(scales)), tuple(notes))


def accuracy_text(cell):
    """``91.2 [90.1, 92.3] n=4 (+1 short)``, or ``—(2/5)`` where runs are missing, or ``—`` where none was ever begun."""
    return missing_text(cell) or f"{100 * cell['mean']:.1f}{accuracy_bounds(cell, '.1f')} n={cell['n']}{short_text(cell)}"


def difference_text(cell):
    """``+1.31 [+0.40, +2.22] n=5 ↑``."""
    return missing_text(cell) or f"{100 * cell['mean']:+.2f}{accuracy_bounds(cell, '+.2f')} n={cell['n']}{short_text(cell)}{ARROWS[cell['verdict']]}"


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


def conditions(group):
    """The sentence every caption ends with: what the interval is of, budget, monitor rule, learner, what else is special."""
    core = group.core
    data = ("intervals speak of training and data variation, every seed with its own data.split" if group.split is None
            else f"intervals speak of training variation on this fixed test set, data.split={group.split}")
    monitor = MONITORS.get(core["data.monitor"], f"data.monitor={core['data.monitor']}")
    extra = f" Further keys: {', '.join(group.extras())}." if group.extra else ""
    return (f"Task {core['task']}, {core['teacher']} teacher, learner {core['learner']}; budget {core['train.seen']:,} images seen in "
            f"training; {monitor}; {data}.{extra}")


def set_named(rows, on):
    known = rows["test_images"].dropna()
    return f"the {on + ' set' if on in ('test', 'monitor') else f'shifted test set {on}'}{f' ({int(known.iloc[0]):,} real images)' if len(known) else ''}"


def check_set(rows, on):
    """Raises BadInput where no finished run has an accuracy on the set."""
    known = ["test", "monitor", *(column.removeprefix("shifted.") for column in rows if column.startswith("shifted."))]
    if column_of(on) not in rows:
        raise BadInput("on", on, f"one of {', '.join(known)}.{did_you_mean(on, known)}")


def ceiling_note(ceiling):
    if ceiling is None:
        return []
    return [f"Ceiling, `real`: {accuracy_text(ceiling)}, trained on {ceiling['images']:,} real images."]


def legend(cells, what):
    """What the signs in the cells mean, of those that occur."""
    if not len(cells):
        return []
    waiting = cells[(cells["planned"] > 0) & ~cells["complete"].astype(bool)]
    signs = []
    if len(waiting):
        first = waiting.iloc[0]
        done, expected = first["done"], first["expected"]
        signs.append(f"—({done}/{expected}): {done} of {expected} {what} are finished; no mean is shown of a part of them.")
    if (cells["planned"] == 0).any():
        signs.append("—: not run.")
    if cells["short"].sum():
        signs.append("short: finished below its scale, not in the mean.")
    return signs


def without_ablations(cells, rows):
    """(the cells of the other arms, [a note that names those left to the ablations])."""
    arms = left_to_ablations(rows)
    if not len(cells) or not arms:
        return cells, []
    return cells[~cells["arm"].isin(arms)], [f"Under ablations: {', '.join(f'`{arm}`' for arm in sorted(arms, key=rank))}."]


def plan_note(rows):
    plans = "; ".join(f"`{arm}`: {', '.join(names)}" for arm, names in sorted(plan_names(rows).items(), key=lambda pair: rank(pair[0])))
    return [f"Chosen for each scale, and not in an arm's name: {plans}."] if plans else []


def missing_controls(rows):
    absent = [f"`{arm}`" for arm in (*CONTROLS, "real") if arm not in set(rows["arm"])]
    return [f"Controls not among these runs: {', '.join(absent)}."] if absent else []


def unfinished_note(rows):
    states = rows["state"].value_counts().drop("done", errors="ignore")
    return [f"Not finished: {', '.join(f'{states[state]} {state}' for state in sorted(states.index))}."] if len(states) else []
