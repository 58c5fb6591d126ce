"""What came out, in words that the data decide: cheaper, dearer, undecided at this n, or not reached.

The question is the paper's: how many fewer images does an arm need for the best accuracy that ``static`` gets? Seeds differ, so some never
get there; where that leaves the first arm too few pairs for an interval, the next of ``results.tables.reach.default_targets`` is asked of all.
"""

from dp_common.config.specification import short
from results.analysis.arms import rank
from results.analysis.cells import accuracies, column_of, main_arms, replicates
from results.analysis.cost_to_target import FEWEST, speedup
from results.analysis.repricing import kind_of
from results.tables.reach import BASELINE, default_targets, one_device

FIRST = ("dp", "prune")  # of whom the first sentence is, if they are there
NAMES = (
    f"`{BASELINE}`'s best accuracy",
    f"the accuracy that `{BASELINE}` reaches at every seed",
)  # of ``default_targets``, in a sentence
VERDICTS = {"above": "decidedly above", "below": "decidedly below", "undecided": "undecided"}
SAME = "that accuracy"  # when it is named again


def told(rows, differences, on="test", exclude=()):
    """(the first sentence, [further sentences]) about the runs of one comparison.

    ``differences``: {baseline: what ``results.analysis.cells.differences`` says}.
    """
    cells, ceiling = accuracies(rows, on) if (rows["state"] == "done").any() else ([], None)
    if not len(cells) or not cells["complete"].any():
        return "Too few runs are finished to compare anything yet.", [size(rows)]
    facts = [*speedups(rows, on, exclude), *gaps(differences), *best(cells, ceiling), size(rows)]
    return facts[0], facts[1:]


def speedups(rows, on, exclude):
    """Sentences about what each arm pays for the baseline's accuracy; the most wanted arm first, by images generated, then its hours."""
    goals, others = default_targets(rows, on), main_arms(rows) - {BASELINE}
    arms = [*(arm for arm in FIRST if arm in others), *sorted(others - set(FIRST), key=rank)]
    if not goals or not arms:
        return []

    def factor(arm, goal, against):
        return speedup(rows, arm, BASELINE, goal[0], against, column_of(on), exclude)

    goal = next((goal for goal in goals if factor(arms[0], goal, "images_generated").n >= FEWEST), goals[0])
    factors = {arm: factor(arm, goal, "images_generated") for arm in arms}
    known = [arm for arm in arms if factors[arm].n + factors[arm].censored]
    waiting = [f"`{arm}`" for arm in arms if arm not in known]
    names = iter([f"{NAMES[goals.index(goal)]} ({100 * goal[0]:.1f} %)"])
    found = [sentence(arm, BASELINE, next(names, SAME), factors[arm], "images generated") for arm in known]
    if known and one_device(rows) and (hours := factor(known[0], goal, "hours")).n:
        found.insert(
            1, sentence(known[0], BASELINE, SAME, hours, kind_of(rows.loc[rows["state"] == "done", "device"].iloc[0]))
        )
    if waiting:
        found.append(
            f"Open, since runs are still to finish: what {', '.join(waiting)} pay{'s' * (len(waiting) == 1)} for {next(names, SAME)}."
        )
    return found


def sentence(arm, baseline, target, found, unit):
    """One sentence of a ``results.analysis.cost_to_target.Speedup`` that has a finished pair. ``target``: the accuracy in words."""
    pairs = found.n + found.censored
    if found.never == pairs:
        return f"`{arm}` does not reach {target} at any scale, in any of {plural(pairs, 'seed')}."
    rest = left_out(arm, baseline, found)
    if not found.n:
        return f"Undecided: no pair of seeds of `{arm}` and `{baseline}` can be read at {target}{rest}."
    if found.n < FEWEST:
        return (
            f"Undecided: {target} costs `{baseline}` {times(found.factor)} the {unit} that it costs `{arm}`, read in "
            f"{plural(found.n, 'pair')} of seeds; too few for an interval{rest}."
        )
    some = f"In {found.n} of {pairs} seeds " if found.never else ""
    if found.low > 1:
        return f"{some}`{arm}` reaches {target} with {times(found.factor)} {bounds(found.low, found.high)} fewer {unit} (n = {found.n}{rest})."
    if found.high < 1:
        inverse = f"{times(1 / found.factor)} {bounds(1 / found.high, 1 / found.low)}"
        return f"{some}`{arm}` needs {inverse} more {unit} than `{baseline}` to reach {target} (n = {found.n}{rest})."
    return (
        f"Undecided at n = {found.n} whether `{arm}` needs fewer {unit} than `{baseline}` to reach {target}: "
        f"{times(found.factor)} {bounds(found.low, found.high)} fewer, an interval that contains 1{rest}."
    )


def left_out(arm, baseline, found):
    """Which pairs are in no factor, as the end of a sentence."""
    parts = [f"{found.unfinished} still to finish"] if found.unfinished else []
    if found.censored:
        never = [
            f"`{name}` never there in {count}"
            for name, count in ((arm, found.never), (baseline, found.baseline_never))
            if count
        ]
        parts.append(f"{found.censored} censored: {', '.join(never) or 'there at the smallest scale already'}")
    return "".join(f"; {part}" for part in parts)


def gaps(differences):
    """Sentences about paired differences of the first arm to each baseline: where they are decided, and where not."""
    whole = {
        baseline: cells[cells["complete"].astype(bool) & (cells["n"] > 1)]
        for baseline, cells in differences.items()
        if len(cells)
    }
    arm = next((arm for arm in FIRST if any(arm in set(cells["arm"]) for cells in whole.values())), None)
    found = []
    for baseline, cells in whole.items():
        mine = cells[cells["arm"] == arm]
        if not len(mine):
            continue
        by = {verdict: part for verdict, part in mine.groupby("verdict")}
        parts = [f"{word} at {listed(by[verdict])}" for verdict, word in VERDICTS.items() if verdict in by]
        least, most, n = mine["mean"].min(), mine["mean"].max(), sorted({int(n) for n in mine["n"]})
        spread = f"{100 * least:+.1f}" + (f" to {100 * most:+.1f}" if len(mine) > 1 else "")
        pairs = "–".join(map(str, n[:1] + n[1:][-1:]))
        found.append(
            f"Paired with `{baseline}` at equal scale, `{arm}` is {'; '.join(parts)} ({spread} points, n = {pairs})."
        )
    return found


def listed(cells):
    return ", ".join(short(int(scale)) for scale in sorted(cells["scale"]))


def size(rows):
    """How much was run."""
    done, seeds = int((rows["state"] == "done").sum()), len(replicates(rows))
    scales = [short(int(scale)) for scale in sorted(rows["scale"].unique())]
    at = f"at {plural(len(scales), 'scale')} from {scales[0]} to {scales[-1]}" if len(scales) > 1 else f"at {scales[0]}"
    return f"Finished are {done:,} of {plural(len(rows), 'run')}: {plural(rows['arm'].nunique(), 'arm')} {at}, up to {plural(seeds, 'seed')}."


def best(cells, ceiling):
    """The best complete cell of all, beside the ceiling."""
    whole = cells[cells["complete"].astype(bool) & (cells["n"] > 0)].sort_values("mean", kind="stable")
    if not len(whole):
        return []
    top = whole.iloc[-1]
    text = f"The highest mean accuracy is `{top['arm']}`'s at {short(int(top['scale']))}: {percent(top)}"
    real = (
        f"; trained on {ceiling['images']:,} real images, the ceiling, it is {percent(ceiling)}"
        if ceiling and ceiling["complete"]
        else ""
    )
    return [f"{text}{real}."]


def percent(cell):
    interval = "" if cell["low"] != cell["low"] else f" [{100 * cell['low']:.1f}, {100 * cell['high']:.1f}]"
    return f"{100 * cell['mean']:.1f} %{interval} (n = {cell['n']})"


def times(factor):
    return f"{factor:.1f}×" if factor < 100 else f"{factor:,.0f}×"


def bounds(low, high):
    return f"[{low:.1f}, {high:.1f}]" if high < 100 else f"[{low:,.0f}, {high:,.0f}]"


def plural(n, word):
    return f"{n:,} {word}{'' if n == 1 else 's'}"
