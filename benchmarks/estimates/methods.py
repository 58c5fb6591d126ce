"""What scores and selection rules take beside passes of a classifier, by the items of ``suite=methods`` that a file of
unit costs has: those that tables re-price by (``results.analysis.method_costs``).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.estimates.looks import EPISTEMIC, ITSELF, UNPRICED, needs_in, present, rules_of
from results.analysis.method_costs import (
    FROM_THE_SET,
    SCORED,
    Missing,
    Units,
    by_density,
    is_passes,
    item_of,
    suffix_of,
)

if TYPE_CHECKING:
    from benchmarks.estimates.work import Work
    from dp_common.config.resolve import Resolved


class Piece(NamedTuple):
    """Something that a run does besides."""

    words: frozenset[str]  # that say it where it has no price
    phase: str
    amount: float  # how often it is done
    item: str  # of the file
    less: float | None = None  # seconds of an item that are counted elsewhere; None: it is a guided step's


def beside(resolved: "Resolved", work: "Work", units: Units, forward: float) -> tuple[dict[str, float], list[str]]:
    """What a run takes beside what is priced by passes.

    Args:
        resolved: the run.
        work: its counts.
        units: costs by method.
        forward: seconds of an image looked at by the learner.

    Returns:
        ({phase: seconds}, words for what has no price).
    """
    seconds, without = {"guided": 0.0, "score": 0.0}, set[str]()
    found = list(pieces(resolved, work, units, forward))
    for piece in found:
        item = item_of(piece.item, units)
        try:
            each = units.step_more(item) if piece.less is None else max(0.0, units.of(item) - piece.less)
            seconds[piece.phase] += piece.amount * each
        except Missing:
            without |= piece.words
    known = {words for piece in found for words in piece.words} - without
    return seconds, [words for words in work.looks.unpriced if words not in known]


def pieces(resolved: "Resolved", work: "Work", units: Units, forward: float) -> Iterator[Piece]:
    """What there is to be priced."""
    values, of_set = resolved.values, present(resolved, max(1, int(getattr(resolved.strategy, "additions", 1))))
    for _, name, guides in resolved.scores:
        needs = needs_in("score", name)
        heads = "heads" in needs and values["heads.source"] == "epistemic"
        dense = "density" in needs or ("reference" in needs and by_density(values))
        words = frozenset(
            [UNPRICED[need] for need in needs if need in UNPRICED] + [EPISTEMIC] * heads + [UNPRICED["density"]] * dense
        )
        suffix = suffix_of(values, needs)
        if not needs or is_passes(values, needs):
            continue
        if guides and work.guided:
            yield Piece(words, "guided", work.guided * work.gradients * work.share, f"guided.{name}{suffix}")
        if work.scored and dense:
            less = units.speed * units.seconds.get(SCORED, 0.0)
            yield Piece(words, "score", work.scored, f"scored.{name}{suffix}" if less else SCORED, less)
        if heads or needs & set(FROM_THE_SET):
            yield Piece(words, "score", of_set, f"around.{name}{suffix * heads}", forward)
    for key, needs in rules_of(resolved).items():
        if needs and work.scored:
            words = frozenset({ITSELF.format(key=key, rule=values[key])})
            yield Piece(words, "score", work.scored, f"chosen.{values[key]}", 0.0)
