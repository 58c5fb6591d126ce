"""The methods of a comparison in one list: how much each gains on ``static``, and which of them are not told apart.

A method is an arm; those that differ in how images are sampled alone stand beside the others. Its effect is the
contrast with ``static`` over the scales of the league, which are those that at least half as many methods were run at
as at the best covered one. Arms that saw different things of the real world are never ranked in one list: ranks are
within a class of information (docs/definitions.md, Real images consulted). An arm shares the rank of a better one
where their own paired contrast does not tell them apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from results.analysis import short_names
from results.analysis.arms import rank
from results.analysis.comparisons import BASELINES, CEILING, Comparison, by_scale, replicates
from results.analysis.contrasts import Contrast, PairedRuns, common_scales, contrast, named_scales, worlds
from results.analysis.effects import ALPHA, FEW, holm, judged_together
from results.analysis.stats import Estimate

STATIC = BASELINES[0]
ENOUGH = 6  # arms, from which on they are a league
CLASSES = (0, 1, 2, 3)  # of information


@dataclass(frozen=True, eq=False)
class Standing:
    """One method.

    Attributes:
        arm: its label.
        information: 0 to 3, the most that any of its runs saw of the real world.
        consulted: the teacher's real images that a run saw so, mean.
        contrasts: {world: against static, pooled over its scales}.
        generated, kept, hours: of a run, means over those that are pooled.
        verdicts: {world: above (fewer errors), below or undecided}, corrected over the whole league.
        ranks: {world: its rank within its class}; {} where it has fewer than FEW seeds.
        shared: the worlds in which it shares that rank.
    """

    arm: str
    information: int
    consulted: float
    contrasts: dict[str, Contrast]
    generated: float
    kept: float
    hours: float
    verdicts: dict[str, str] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()

    @property
    def n(self) -> int:
        """Pairs with static."""
        return max(one.estimate.n for one in self.contrasts.values())

    @property
    def scales(self) -> tuple[int, ...]:
        return next(iter(self.contrasts.values())).scales

    def gain(self, world: str) -> float:
        """Its pooled log error ratio, −∞ where it was not measured."""
        return self.contrasts[world].estimate.mean if world in self.contrasts else -np.inf


@dataclass(frozen=True, eq=False)
class League:
    """Attributes:
    comparison: of whose arms it is, variants among them.
    worlds: the real one first; by it methods are sorted.
    scales: that are pooled.
    standings: {class of information: its methods}, the best first, those of fewer than FEW seeds last.
    static: the baseline itself; all its contrasts are none.
    ceiling: training on real images, where that was run.
    """

    comparison: Comparison
    worlds: tuple[str, ...]
    scales: tuple[int, ...]
    standings: dict[int, list[Standing]]
    static: Standing
    ceiling: Standing | None

    @property
    def methods(self) -> list[Standing]:
        """All of them, by class."""
        return [one for found in self.standings.values() for one in found]

    def first(self, information: int, world: str) -> list[Standing]:
        """Those of a class that have its first rank, the best first; [] where none is ranked."""
        found = [one for one in self.standings.get(information, []) if one.ranks.get(world) == 1]
        return sorted(found, key=lambda one: -one.gain(world))


@lru_cache(maxsize=8)
def league(comparison: Comparison) -> League | None:
    """The league of a comparison; None where it has fewer than ENOUGH arms, or none with a pair."""
    whole = comparison.whole
    whole = replace(whole, runs=short_names.with_presets(whole.runs))
    arms = sorted(set(whole.done["arm"]) - {CEILING, STATIC}, key=rank)
    if STATIC not in set(whole.done["arm"]) or len(arms) + 1 < ENOUGH:
        return None
    runs = reached(whole.done).assign(hours=whole.hours)
    by_arm = {str(arm): rows for arm, rows in runs.groupby("arm")}
    scales, static = scales_of(by_arm), by_arm.get(STATIC, runs[:0])
    order = tuple(reversed(worlds(whole)))
    found = [standing(arm, by_arm[arm], static, scales, order) for arm in arms if arm in by_arm]
    methods = with_verdicts([one for one in found if one is not None], order)
    if not methods:
        return None

    def compare(one: Standing, other: Standing, world: str) -> Estimate:
        paired = shared_runs(by_arm[one.arm], by_arm[other.arm], scales)
        both = contrast(paired, world)
        return both.estimate if both else Estimate(0, np.nan, np.nan, 0)

    standings = {}
    for information in CLASSES:
        mine = [one for one in methods if one.information == information]
        if mine:
            ranked = with_ranks([one for one in mine if one.n >= FEW], order, compare)
            few = sorted((one for one in mine if one.n < FEW), key=lambda one: -one.gain(order[0]))
            standings[information] = [*ranked, *few]
    itself = static[static["scale"].isin(scales)]
    return League(
        whole,
        order,
        scales,
        standings,
        Standing(STATIC, *consulted_by(itself), {}, *means_of(itself)),
        ceiling_of(whole, static, scales, order),
    )


def reached(done: pd.DataFrame) -> pd.DataFrame:
    """The runs that reached their scale."""
    return done[done["scale_reached"].eq(True)]


def scales_of(by_arm: dict[str, pd.DataFrame]) -> tuple[int, ...]:
    """The scales of a league: at which at least half as many methods have FEW seeds in common with static as at the
    best covered one. Where none has, one seed does.
    """
    static = {scale: replicates(rows) for scale, rows in by_scale(by_arm[STATIC])} if STATIC in by_arm else {}
    for least in (FEW, 1):
        counts = {
            scale: sum(len(replicates(rows[rows["scale"] == scale]) & units) >= least for rows in others_of(by_arm))
            for scale, units in static.items()
        }
        most = max(counts.values(), default=0)
        if most:
            return tuple(sorted(scale for scale, count in counts.items() if 2 * count >= most))
    return ()


def others_of(by_arm: dict[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """The runs of each method."""
    return [rows for arm, rows in by_arm.items() if arm not in (STATIC, CEILING)]


def shared_runs(a: pd.DataFrame, b: pd.DataFrame, scales: Sequence[int]) -> PairedRuns:
    """The pairs of two arms over the scales of the league: all of these where FEW seeds have them, and at least half
    of those that have any; else those of the most pairs (``common_scales``).
    """
    have = {scale: replicates(a[a["scale"] == scale]) & replicates(b[b["scale"] == scale]) for scale in scales}
    have = {scale: units for scale, units in have.items() if units}
    members, _ = named_scales(have, list(have)) if have else ([], [])
    most, _ = common_scales(have)
    chosen = list(have) if len(members) >= max(FEW, len(most) / 2) else common_scales(have)[1]
    return PairedRuns(a[a["scale"].isin(chosen)], b[b["scale"].isin(chosen)], chosen)


def standing(
    arm: str, rows: pd.DataFrame, static: pd.DataFrame, scales: Sequence[int], order: Sequence[str]
) -> Standing | None:
    """One method against static; None where they have no pair."""
    paired = shared_runs(rows, static, scales)
    found = {world: one for world in order if paired and (one := contrast(paired, world))}
    if not found:
        return None
    mine = pd.DataFrame(paired.side("a"))
    return Standing(arm, *consulted_by(mine), found, *means_of(mine))


def means_of(rows: pd.DataFrame) -> tuple[float, float, float]:
    """(images generated, images kept, hours) of a run."""
    return tuple(float(rows[name].astype(float).mean()) for name in ("images_generated", "images_kept", "hours"))  # type: ignore[return-value]


def consulted_by(rows: pd.DataFrame) -> tuple[int, float]:
    """(class of information, real images consulted) of an arm.

    Runs of before this was written down saw none but the monitor's, as everything did then but ``real``, which is
    trained on them.
    """
    nothing = pd.Series(np.nan, index=rows.index, dtype=object)
    real = rows["strategy"] == CEILING
    classes = rows.get("information_class", nothing).where(
        lambda found: found.notna(), real.map({True: "I3", False: "I0"})
    )
    images = rows.get("real_images_consulted", nothing).astype(float)
    images = images.where(images.notna(), rows["images_kept"].astype(float).where(real, 0.0))
    return max((int(str(one)[1:]) for one in classes), default=0), float(images.mean())


def with_verdicts(methods: Sequence[Standing], order: Sequence[str]) -> list[Standing]:
    """The methods, each judged against static in each world; one family, of all that have FEW seeds (Holm)."""
    keys = [(one, world) for one in methods for world in order if world in one.contrasts and one.n >= FEW]
    found = judged_together([one.contrasts[world].estimate for one, world in keys])
    told = {(id(one), world): verdict for (one, world), verdict in zip(keys, found)}
    return [
        replace(one, verdicts={world: told.get((id(one), world), "undecided") for world in one.contrasts})
        for one in methods
    ]


def with_ranks(
    methods: Sequence[Standing], order: Sequence[str], compare: Callable[[Standing, Standing, str], Estimate]
) -> list[Standing]:
    """The methods of one class with their ranks in each world, sorted by the first world.

    The best has the first rank; those whose own contrast with it does not tell them apart share it (Holm over the
    class); among the others it begins anew.
    """
    ranks: dict[int, dict[str, int]] = {id(one): {} for one in methods}
    shared: dict[int, set[str]] = {id(one): set() for one in methods}
    for world in order:
        rest = sorted((one for one in methods if world in one.contrasts), key=lambda one: -one.gain(world))
        place = 1
        while rest:
            best, *others = rest
            ps = holm([compare(best, other, world).p for other in others])
            level = [best, *(other for other, p in zip(others, ps) if not p < ALPHA)]
            for one in level:
                ranks[id(one)][world] = place
                if len(level) > 1:
                    shared[id(one)].add(world)
            rest = [other for other, p in zip(others, ps) if p < ALPHA]
            place += len(level)
    named = [replace(one, ranks=ranks[id(one)], shared=frozenset(shared[id(one)])) for one in methods]
    return sorted(named, key=lambda one: -one.gain(order[0]))


def ceiling_of(whole: Comparison, static: pd.DataFrame, scales: Sequence[int], order: Sequence[str]) -> Standing | None:
    """Training on the real images against static at every scale of the league; None where it was not run."""
    runs = reached(whole.ceiling[whole.ceiling["state"] == "done"].assign(scale_reached=True, hours=whole.hours))
    if not len(runs):
        return None
    return standing(CEILING, pd.concat([runs.assign(scale=scale) for scale in scales]), static, scales, order)
