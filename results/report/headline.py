"""What came out, in words that the data decide.

First the contrast pooled over scales, its control, and errors at equal price (``results.tables.in_words``). Then the
paper's question: how many times the images does ``static`` take for equal errors (``results.tables.equal_error``)? Of
few seeds, what an accuracy costs: the best that ``static`` gets, or, where that leaves the first arm too few pairs for
an interval, the next of ``results.tables.cost_to_target.default_targets``.
"""

from collections.abc import Collection, Iterator
from typing import Any

import pandas as pd

from dp_common.config.specification import short
from results.analysis.arms import rank
from results.analysis.cells import accuracies, differences
from results.analysis.comparisons import BASELINES, Comparison
from results.analysis.cost_to_target import FEWEST, HOURS, Speedup, speedup
from results.analysis.disturbance import is_disturbed
from results.analysis.repricing import kind_of
from results.frames import records
from results.tables import equal_error, in_words
from results.tables.cell_texts import bounds_text
from results.tables.cost_to_target import BASELINE, default_targets

FIRST = ("dp", "prune")  # of whom the first sentence is, if they are there
NAMES = (
    f"`{BASELINE}`'s best accuracy",
    f"the accuracy that `{BASELINE}` reaches at every seed",
)  # of ``default_targets``, in a sentence
VERDICTS = {"above": "decidedly above", "below": "decidedly below", "undecided": "undecided"}
SAME = "that accuracy"  # when it is named again
GENERATED = "images_generated"

Gaps = dict[str, pd.DataFrame]  # {baseline: paired differences to it}


def gaps_of(comparison: Comparison) -> Gaps:
    """The paired differences of all arms to each baseline; see ``results.analysis.cells.differences``."""
    return {baseline: differences(comparison, baseline) for baseline in BASELINES}


def sentences(comparison: Comparison, gaps: Gaps) -> tuple[str, list[str]]:
    """The first sentence about the runs of one comparison, and further ones."""
    cells, ceiling = accuracies(comparison) if len(comparison.done) else (pd.DataFrame(), None)
    if not len(cells) or not cells["complete"].any():
        return "Too few runs are finished to compare anything yet.", [size(comparison)]
    pooled = in_words.sentences(comparison)
    by_scale = [] if pooled else gap_sentences(gaps)
    lead = in_words.lead_arm(comparison)
    factors = equal_error.sentences(comparison, lead) if lead else []
    factors = factors or speedups(comparison, {lead} if pooled and lead else comparison.main_arms)
    facts = [*pooled, *factors, *in_words.price_sentences(comparison), *by_scale]
    facts += [*best(cells, ceiling), size(comparison)]
    return facts[0], facts[1:]


def speedups(comparison: Comparison, of_arms: Collection[str]) -> list[str]:
    """What each of some arms pays for the baseline's accuracy; the most wanted first, by images, then by hours."""
    goals, others = default_targets(comparison), (comparison.main_arms & set(of_arms)) - {BASELINE}
    arms = [*(arm for arm in FIRST if arm in others), *sorted(others - set(FIRST), key=rank)]
    if not goals or not arms:
        return []

    def factor(arm: str, target: float, cost_axis: str) -> Speedup:
        return speedup(comparison, arm, BASELINE, target, cost_axis)

    chosen = next((goal for goal in goals if factor(arms[0], goal[0], GENERATED).n >= FEWEST), goals[0])
    target = chosen[0]
    factors = {arm: factor(arm, target, GENERATED) for arm in arms}
    known = [arm for arm in arms if factors[arm].n + factors[arm].censored]
    waiting = [f"`{arm}`" for arm in arms if arm not in known]
    names: Iterator[str] = iter([f"{NAMES[goals.index(chosen)]} ({100 * target:.1f} %)"])
    found = [sentence(arm, BASELINE, next(names, SAME), factors[arm], "images generated") for arm in known]
    vouched = comparison.device and not is_disturbed(comparison)
    if known and vouched and (hours := factor(known[0], target, HOURS)).n:
        found.insert(1, sentence(known[0], BASELINE, SAME, hours, kind_of(str(comparison.device))))
    if waiting:
        pay = "pays" if len(waiting) == 1 else "pay"
        found.append(f"Open, since runs are still to finish: what {', '.join(waiting)} {pay} for {next(names, SAME)}.")
    return found


def sentence(arm: str, baseline: str, target: str, factor: Speedup, unit: str) -> str:
    """One sentence of a speed-up that has a finished pair. ``target``: the accuracy in words."""
    pairs = factor.n + factor.censored
    if factor.never == pairs:
        return f"`{arm}` does not reach {target} at any scale, in any of {plural(pairs, 'seed')}."
    rest = left_out(arm, baseline, factor)
    if not factor.n:
        return f"Undecided: no pair of seeds of `{arm}` and `{baseline}` can be read at {target}{rest}."
    if factor.n < FEWEST:
        return (
            f"Undecided: {target} costs `{baseline}` {times(factor.factor)} the {unit} that it costs `{arm}`, read in "
            f"{plural(factor.n, 'pair')} of seeds; too few for an interval{rest}."
        )
    some = f"In {factor.n} of {pairs} seeds " if factor.never else ""
    if factor.low > 1:
        fewer = f"{times(factor.factor)} {bounds(factor.low, factor.high)} fewer {unit}"
        return f"{some}`{arm}` reaches {target} with {fewer} (n = {factor.n}{rest})."
    if factor.high < 1:
        more = f"{times(1 / factor.factor)} {bounds(1 / factor.high, 1 / factor.low)} more {unit}"
        return f"{some}`{arm}` needs {more} than `{baseline}` to reach {target} (n = {factor.n}{rest})."
    return (
        f"Undecided at n = {factor.n} whether `{arm}` needs fewer {unit} than `{baseline}` to reach {target}: "
        f"{times(factor.factor)} {bounds(factor.low, factor.high)} fewer, an interval that contains 1{rest}."
    )


def left_out(arm: str, baseline: str, factor: Speedup) -> str:
    """Which pairs are in no factor, as the end of a sentence."""
    parts = [f"{factor.unfinished} still to finish"] if factor.unfinished else []
    if factor.censored:
        counts = {arm: factor.never, baseline: factor.baseline_never}
        never = [f"`{name}` never there in {count}" for name, count in counts.items() if count]
        parts.append(f"{factor.censored} censored: {', '.join(never) or 'there at the smallest scale already'}")
    return "".join(f"; {part}" for part in parts)


def gap_sentences(gaps: Gaps) -> list[str]:
    """Paired differences of the first arm to each baseline: where they are decided, and where not."""
    whole = {
        baseline: cells[cells["complete"].astype(bool) & (cells["n"] > 1)]
        for baseline, cells in gaps.items()
        if len(cells)
    }
    arm = next((arm for arm in FIRST if any(arm in set(cells["arm"]) for cells in whole.values())), None)
    of_arm = {baseline: cells[cells["arm"] == arm] for baseline, cells in whole.items()}
    return [gap_sentence(str(arm), baseline, cells) for baseline, cells in of_arm.items() if len(cells)]


def gap_sentence(arm: str, baseline: str, cells: pd.DataFrame) -> str:
    """One arm against one baseline, over the scales that are complete."""
    by_verdict = dict(list(cells.groupby("verdict")))
    parts = [f"{word} at {listed(by_verdict[key])}" for key, word in VERDICTS.items() if key in by_verdict]
    least, most, n = cells["mean"].min(), cells["mean"].max(), sorted({int(n) for n in cells["n"]})
    spread = f"{100 * least:+.1f}" + (f" to {100 * most:+.1f}" if len(cells) > 1 else "")
    pairs = "–".join(map(str, n[:1] + n[1:][-1:]))
    return f"Paired with `{baseline}` at equal scale, `{arm}` is {'; '.join(parts)} ({spread} points, n = {pairs})."


def listed(cells: pd.DataFrame) -> str:
    """The scales of some cells."""
    return ", ".join(short(int(scale)) for scale in sorted(cells["scale"]))


def size(comparison: Comparison) -> str:
    """How much was run."""
    runs, done, seeds = comparison.runs, len(comparison.done), len(comparison.replicates)
    scales = [short(scale) for scale in comparison.scales]
    at = f"at {plural(len(scales), 'scale')} from {scales[0]} to {scales[-1]}" if len(scales) > 1 else f"at {scales[0]}"
    arms = plural(len(comparison.arms), "arm")
    return f"Finished are {done:,} of {plural(len(runs), 'run')}: {arms} {at}, up to {plural(seeds, 'seed')}."


def best(cells: pd.DataFrame, ceiling: dict[str, Any] | None) -> list[str]:
    """The best complete cell of all, beside the ceiling."""
    whole = cells[cells["complete"].astype(bool) & (cells["n"] > 0)].sort_values("mean", kind="stable")
    if not len(whole):
        return []
    top = records(whole)[-1]
    text = f"The highest mean accuracy is `{top['arm']}`'s at {short(int(top['scale']))}: {percent(top)}"
    real = ""
    if ceiling and ceiling["complete"]:
        real = f"; trained on {ceiling['images']:,} real images, the ceiling, it is {percent(ceiling)}"
    return [f"{text}{real}."]


def percent(cell: dict[str, Any]) -> str:
    """A mean with its interval and n."""
    return f"{100 * cell['mean']:.1f} %{bounds_text(cell, '.1f')} (n = {cell['n']})"


def times(factor: float) -> str:
    """A factor in words."""
    return f"{factor:.1f}×" if factor < 100 else f"{factor:,.0f}×"


def bounds(low: float, high: float) -> str:
    """The interval of a factor."""
    return f"[{low:.1f}, {high:.1f}]" if high < 100 else f"[{low:,.0f}, {high:,.0f}]"


def plural(n: int, word: str) -> str:
    """1 seed, 2 seeds."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"
