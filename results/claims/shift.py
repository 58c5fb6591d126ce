"""C8: the gain of dp over static under distribution shift exceeds the gain in distribution.

Difference in differences, in log-odds: the mean gain over the shifted test sets minus the gain on test, mean over
scales per seed. (Points favour the set with more room, and are shown beside.) Where a task has sets of other real
images, they are meant; sets made from test by transforms (MADE) count where there is nothing else. The interval is
over seeds × images; sets of the size of test share its images.
"""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from results.analysis.contrasts import LOG_ODDS, POINTS, PairedRuns, effects_of, image_parts
from results.analysis.effects import components, two_way_interval
from results.analysis.power import Design
from results.analysis.stats import Estimate, over_seeds
from results.claims.judging import claim, paper
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import SHOWN, Claim, Finding, Unit, effect_text, scaled
from results.claims.judging.rules import by_estimate, not_yet

HALF = "gain under shift − gain on test"
LOGITS = Unit("log-odds", 1, "+.3f")
UNITS = {LOG_ODDS: LOGITS, POINTS: claim.POINTS}
HELD_OUT = "train_heldout"  # real training images: not shifted, though evaluated beside test
MADE = ("rotation", "noise", "blur", "thickness")  # from test itself


def judge(selection: ArmSelection) -> list[Finding]:
    """The finding in log-odds; in points, and by set, what is shown beside it."""
    pool = PairedRuns(selection.arm("dp"), selection.arm("static"), selection.scales)
    early = not_yet(HALF, pool, "test")
    if early is not None:
        return early
    every = shifted_sets(pool)
    names = [name for name in every if name not in MADE] or every
    if not names:
        return [Finding(HALF, None, "not run", "", "these runs were tested on no shifted set", barred=True)]
    estimate, table, unread = gain_under_shift(pool, names, LOG_ODDS)
    design = None if table is None else Design(components(table), table.shape[1])
    finding = by_estimate(HALF, estimate, LOGITS, selection.looks, design=design)
    why = f"{unread} pairs without per-image correctness" if unread else finding.why
    finding = replace(finding, why=why).with_scales(pool.scales)
    beside = [shown(pool, names, POINTS, HALF), *(shown(pool, [name], LOG_ODDS, name) for name in every)]
    return [finding, *beside]


def shifted_sets(pool: PairedRuns) -> list[str]:
    """The shifted test sets that all these runs were tested on, sorted."""
    names = [name for name in map(str, pool.both) if name.startswith("shifted.") and name.endswith("_a")]
    known = [name.removeprefix("shifted.").removesuffix("_a") for name in names]
    return sorted(name for name in known if name != HELD_OUT and pool.measured(name))


def gain_under_shift(pool: PairedRuns, names: list[str], measure: str) -> tuple[Estimate, np.ndarray | None, int]:
    """(estimate, its two-way table, pairs without correctness): mean gain over some sets minus the gain on test.

    The table has a column per image, those of sets of equal size being the same images, transformed.
    """
    weights = {**dict.fromkeys(names, 1 / len(names)), "test": -1.0}
    effect, blocks, unread = np.zeros(len(pool.replicates)), defaultdict[int, list[np.ndarray]](list), 0
    for name, weight in weights.items():
        flags = pool.flags(name)
        images = pool.values("test_images_a") if isinstance(flags, int) else flags[0].shape[-1]
        effect += weight * effects_of(*pool.accuracies(name), images, measure).mean(axis=1)
        if isinstance(flags, int):
            unread = max(unread, flags)
        else:
            blocks[flags[0].shape[-1]].append(weight * image_parts(*flags, measure).mean(axis=1))
    if unread:
        return over_seeds(effect)._replace(se=np.nan), None, unread
    columns = sum(blocks)
    parts = [columns / images * np.sum(of_size, axis=0) for images, of_size in blocks.items()]
    table = effect[:, None] + np.concatenate(parts, axis=1)
    return two_way_interval(table), table, 0


def shown(pool: PairedRuns, names: list[str], measure: str, half: str) -> Finding:
    """A gain under shift that is shown and not judged."""
    unit, interval = UNITS[measure], gain_under_shift(pool, names, measure)[0].interval()
    text = effect_text(interval, unit)
    return Finding(f"{half}, in {unit.name}", None, SHOWN, text, "", scaled(interval, unit.factor), unit=unit.name)


CLAIM = Claim(
    "C8",
    "the gain under shift exceeds the gain in distribution",
    "Gain of dp over static in log-odds, mean over the shifted sets of other real images (where there are none: over "
    "those made from test), minus that on test; mean over scales, one number per seed. Confirmed: 95 % interval over "
    "seeds × images above zero. Refuted: below.",
    {HALF: (("static", {}), ("dp", {}))},
    paper.shifts,
    judge,
)
