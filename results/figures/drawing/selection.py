"""Which runs a figure shows where it cannot show all: rules that look at the data only, said in its caption."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from results.analysis.arms import parameters
from results.analysis.comparisons import Comparison, awaited, by_arm_and_scale, by_scale, replicates

ABLATIONS = "Not drawn, ablations at one scale: "  # how the sentence on what is left out begins


def left_out(comparison: Comparison) -> str:
    """The sentence of a caption about arms that are not drawn; "" without any."""
    others = sorted({arm for arm in comparison.arms if arm != "real"} - comparison.main_arms)
    many = len(comparison.main_arms - comparison.drawn_arms)
    return joined(
        f"{ABLATIONS}{', '.join(others)}." if others else "",
        f"Not drawn, being many: {many} further arms, which the league has." if many else "",
    )


def one_scale(runs: pd.DataFrame) -> int | None:
    """The scale at which most of the arms among ``runs`` have all their replicates finished.

    Of several the one with most replicates, then the largest; None without a finished run.
    """
    complete: Counter[int] = Counter()
    finished: Counter[int] = Counter()
    expected = {scale: replicates(part) for scale, part in by_scale(runs)}
    for _, scale, part in by_arm_and_scale(runs):
        done = replicates(part[part["state"] == "done"])
        if done:
            complete[scale] += done >= awaited(replicates(part), expected[scale])
            finished[scale] += len(done)
    return max(complete, key=lambda scale: (complete[scale], finished[scale], scale), default=None)


def varying(runs: pd.DataFrame, name: str) -> pd.DataFrame:
    """The runs in which nothing of the strategy but its parameter ``name`` was chosen; with its ``value``."""
    own = [parameters(values) for values in runs["values"]]
    alone = [name in every and not set(changed) - {name} for every, changed in zip(own, runs["changed"])]
    return runs[np.array(alone, dtype=bool)].assign(
        value=[float(every[name]) for every, is_alone in zip(own, alone) if is_alone]
    )


def spread_over(items: Sequence, most: int) -> list:
    """At most ``most`` of the items, evenly spread, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(k * (len(items) - 1) / (most - 1))] for k in range(most)]


def span(counts: Iterable[int]) -> str:
    """The counts as "5", or "2 to 5": how many, in a caption."""
    numbers = [int(count) for count in counts]
    least, most = min(numbers), max(numbers)
    return f"{least}" if least == most else f"{least} to {most}"


def joined(*sentences: str) -> str:
    """A caption of its sentences, those that are empty left out."""
    return " ".join(sentence.strip() for sentence in sentences if sentence)
