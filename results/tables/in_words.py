"""The answer in plain sentences, as the numbers decide it: guidance against ``static``, its control, and the price.

The contrast pooled over scales comes first (``results.analysis.contrasts``), in both worlds. What is undecided is
called so. Terminal and report begin with these.
"""

from collections.abc import Sequence
from math import exp, isnan, nan

from dp_common.config.specification import short
from dp_common.progress import amount_text
from results.analysis.arms import rank
from results.analysis.comparisons import BASELINES, CEILING, Comparison
from results.analysis.contrasts import POINTS, POPULATION, Contrast, pooled
from results.analysis.contrasts import worlds as worlds
from results.analysis.disturbance import is_disturbed
from results.analysis.effects import judged_together, tost
from results.analysis.equal_price import at_equal_price
from results.analysis.repricing import MARK, kind_of
from results.analysis.stats import Interval
from results.tables.captions import unit_of
from results.tables.cell_texts import FEWEST

STATIC, CONTROL = BASELINES
FIRST = ("dp", "prune")  # of whom the first sentence is, if they are there
BEATS = {"above": "beats", "below": "is behind"}
AHEAD = {"above": "ahead", "below": "behind", "equal": "equal within a tenth", "undecided": "undecided"}
MORE = {"above": "fewer", "below": "more"}  # errors


def lead_arm(comparison: Comparison) -> str | None:
    """The arm that the first sentence is about: ``dp``, else the first that is no baseline; None without any."""
    others = sorted(comparison.main_arms - {STATIC, CONTROL, CEILING}, key=rank)
    return next((arm for arm in (*FIRST, *others) if arm in comparison.main_arms), None)


def sentences(comparison: Comparison) -> list[str]:
    """The lead arm against ``static``, against its control, and the control against ``static``; [] where no pair of
    seeds is finished.
    """
    arm = lead_arm(comparison)
    if arm is None or STATIC not in comparison.arms:
        return []
    found = [contrast_sentence(comparison, arm, STATIC)]
    if CONTROL in comparison.arms and arm == "dp":
        found.append(contrast_sentence(comparison, arm, CONTROL, " (growing without guidance, its control)"))
        found.append(contrast_sentence(comparison, CONTROL, STATIC))
    return [text for text in found if text]


def price_sentences(comparison: Comparison) -> list[str]:
    """The lead arm against pruning and against ``static`` at equal hours; [] where hours say nothing of the arms."""
    arm = lead_arm(comparison)
    if arm is None or comparison.device is None or is_disturbed(comparison):
        return []
    against = [other for other in ("prune", STATIC) if other != arm and other in comparison.main_arms]
    return [text for other in against if (text := price_sentence(comparison, arm, other))]


def price_sentence(comparison: Comparison, arm: str, baseline: str) -> str:
    """One arm against another at equal price, in both worlds; "" where they share no prices."""
    found = {name: at_equal_price(comparison, arm, baseline, name) for name in reversed(worlds(comparison))}
    known = {name: one for name, one in found.items() if one is not None}
    if not known:
        return ""
    first, device = next(iter(known.values())), str(comparison.device)
    words = judged_together([one.estimate for one in known.values()])
    verdicts = [word if one.estimate.n >= FEWEST else "undecided" for word, one in zip(words, known.values())]
    told = [
        f"{set_text(name, comparison)}, {factor_text(limited(one.estimate.interval()))} of its errors"
        for name, one in known.items()
    ]
    unit, factor = unit_of(first.prices[-1])
    low, high = (amount_text(factor * price) for price in (first.prices[0], first.prices[-1]))
    marked = f", {MARK}" if device.startswith(MARK) else ""
    price = (
        f"At equal price ({low} to {high} {kind_of(device).replace('hours', unit)}{marked}; {first.estimate.n} seeds)"
    )
    if len(set(verdicts)) > 1:
        told = [f"{AHEAD[verdict]} {text}" for verdict, text in zip(verdicts, told)]
        return f"{price}, `{arm}` against `{baseline}`: {'; '.join(told)}."
    if verdicts[0] == "undecided":
        return f"{price}, it is undecided whether `{arm}` beats `{baseline}`: {'; '.join(told)}."
    return f"{price}, `{arm}` {BEATS[verdicts[0]]} `{baseline}`: {'; '.join(told)}."


def contrast_sentence(comparison: Comparison, arm: str, baseline: str, about: str = "") -> str:
    """One arm against another over all of their common scales, in both worlds; "" where there is no finished pair."""
    found = {name: pooled(comparison, arm, baseline, name) for name in reversed(worlds(comparison))}
    known = {name: one for name, one in found.items() if one is not None}
    if not known:
        return ""
    verdicts = {name: or_equal(word, known[name]) for name, word in zip(known, verdicts_of(list(known.values())))}
    told = [world_text(comparison, arm, baseline, one, verdicts[name]) for name, one in known.items()]
    first = next(iter(known.values()))
    seeds = f"{first.estimate.n} seeds" if first.estimate.n > 1 else "one seed"
    where, met = f"{scales_text(first)}, {seeds}", set(verdicts.values())
    if met == {"undecided"}:
        few = "" if first.estimate.n >= FEWEST else ", too few for an interval"
        return f"Undecided whether `{arm}` beats `{baseline}`{about}, {where}{few}: {'; '.join(told)}."
    if met == {"equal"}:
        return f"`{arm}` and `{baseline}`{about} make as many errors, within a tenth, {where}: {'; '.join(told)}."
    if len(met) == 1:
        return f"`{arm}` {BEATS[met.pop()]} `{baseline}`{about}, {where}: {'; '.join(told)}."
    words = [f"{AHEAD[verdict]} {text}" for verdict, text in zip(verdicts.values(), told)]
    return f"`{arm}` against `{baseline}`{about}, {where}: {'; '.join(words)}."


def verdicts_of(contrasts: Sequence[Contrast]) -> list[str]:
    """above: fewer errors; below: more; undecided, as everything below FEWEST seeds is. Corrected together (Holm)."""
    found = judged_together([one.estimate for one in contrasts])
    return [word if one.estimate.n >= FEWEST else "undecided" for word, one in zip(found, contrasts)]


def or_equal(verdict: str, contrast: Contrast) -> str:
    """A verdict; ``equal`` in place of undecided where two one-sided tests find the errors equal within a tenth."""
    decided = verdict != "undecided" or contrast.estimate.n < FEWEST
    return "equal" if not decided and tost(contrast.estimate) == "equal" else verdict


def world_text(comparison: Comparison, arm: str, baseline: str, contrast: Contrast, verdict: str) -> str:
    """``on 1,797 real test images by 1.25 points [0.98, 1.52], 19 % fewer errors``."""
    points = pooled(comparison, arm, baseline, contrast.eval_set, POINTS)
    gap, name = shown(points or contrast), set_text(contrast.eval_set, comparison)
    if verdict in ("undecided", "equal"):
        return f"{name} {points_text(gap, '+.2f')}, errors {factor_text(shown(contrast))}"
    if verdict == "below":
        gap = Interval(gap.n, -gap.mean, -gap.high, -gap.low)
    return f"{name} by {points_text(gap, '.2f')}, {in_words(contrast.estimate.mean)}"


def set_text(eval_set: str, comparison: Comparison) -> str:
    """A world in words."""
    if eval_set == POPULATION:
        return "in the teacher's world"
    images = f"{comparison.test_images:,} " if comparison.test_images and eval_set == "test" else ""
    return f"on {images}real {'test images' if eval_set == 'test' else f'images ({eval_set})'}"


def shown(contrast: Contrast) -> Interval:
    """The interval that is printed of a contrast."""
    return limited(contrast.estimate.interval())


def limited(interval: Interval) -> Interval:
    """An interval as it is printed: none below FEWEST seeds."""
    return interval if interval.n >= FEWEST else interval._replace(low=nan, high=nan)


def factor_text(interval: Interval) -> str:
    """A log error ratio as the factor on errors: ``×0.64 [0.60, 0.68]``."""
    bounds = "" if isnan(interval.low) else f" [{exp(-interval.high):.2f}, {exp(-interval.low):.2f}]"
    return f"×{exp(-interval.mean):.2f}{bounds}"


def points_text(interval: Interval, form: str) -> str:
    """``1.25 points [0.98, 1.52]``; of fractions."""
    low, high = (100 * bound for bound in (interval.low, interval.high))
    return f"{100 * interval.mean:{form}} points" + ("" if isnan(low) else f" [{low:{form}}, {high:{form}}]")


def in_words(log_ratio: float) -> str:
    """A log error ratio in words, always in percent: ``30 % fewer errors``, ``4 % more errors``."""
    percent = 100 * abs(1 - exp(-log_ratio))
    shown = f"{percent:,.0f}" if percent >= 10 else f"{percent:.2g}"
    return f"{shown} % {'fewer' if log_ratio > 0 else 'more'} errors"


def scales_text(contrast: Contrast) -> str:
    """``over 4 scales (250 to 16k)``."""
    scales = [short(scale) for scale in contrast.scales]
    return f"over {len(scales)} scales ({scales[0]} to {scales[-1]})" if len(scales) > 1 else f"at {scales[0]} images"
