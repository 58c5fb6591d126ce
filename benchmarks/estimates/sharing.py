"""What a grid saves by sharing plain images (``pool=yes``), and what is then sampled beside what has to be."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from benchmarks.estimates.words import amount, size
from benchmarks.estimates.work import bytes_of
from dp_common.config.specification import canonical
from dp_common.pool.key import LOSSLESS, values_of

if TYPE_CHECKING:
    from benchmarks.estimates import Estimate
    from benchmarks.estimates.work import Work
    from dp_common.config.resolve import Resolved


@dataclass
class Saving:
    """Plain images of some runs: made ``once`` with a pool, ``alone`` without one."""

    once: float = 0.0
    alone: float = 0.0
    hours_once: dict[str, float] | None = None  # by device; those whose price is known
    hours_alone: dict[str, float] | None = None
    image_bytes: float = 0.0  # of those that are kept

    def text(self) -> str:
        """For people."""
        spent = [
            f"about {amount(hours, device)} instead of {amount((self.hours_alone or {})[device], device)}"
            for device, hours in (self.hours_once or {}).items()
        ]
        return f"{self.once:,.0f} made once instead of {self.alone:,.0f}{', ' * bool(spent)}{', '.join(spent)}"


def saving(runs: "Iterable[tuple[Resolved, Estimate]]", count: "Callable[[Work], float]", keep: bool) -> Saving:
    """What sharing saves.

    Args:
        runs: with what they take.
        count: plain images of a run, from the first on, that are shared.
        keep: are candidates among them? Then they are kept without loss.
    """
    total = Saving(hours_once={}, hours_alone={})
    groups: dict[bytes, list[tuple[Resolved, Estimate]]] = defaultdict(list)
    for run, found in runs:
        if not run.teacher.holds_images:
            groups[canonical(values_of(run) | (LOSSLESS if keep else {}))].append((run, found))
    for alike in groups.values():
        run, largest = max(alike, key=lambda pair: count(pair[1].work))
        once, alone = count(largest.work), sum(count(found.work) for _, found in alike)
        total.once, total.alone = total.once + once, total.alone + alone
        form = "png" if keep else run.spec.images.format
        total.image_bytes += once * bytes_of(form, prod(run.task.shape))
        if largest.prices and total.hours_once is not None and total.hours_alone is not None:
            for hours, images in ((total.hours_once, once), (total.hours_alone, alone)):
                added = images * largest.prices.plain / 3600
                hours[largest.device] = hours.get(largest.device, 0.0) + added
    return total


def pool_lines(runs: "list[tuple[Resolved, Estimate]]") -> list[str]:
    """What ``sweep --dry-run`` prints of it; [] where there is nothing to share."""
    plain = saving(runs, lambda work: work.shared, keep=False)
    whole = saving(runs, lambda work: work.shared + work.candidates, keep=True)
    candidates = whole.alone > plain.alone
    lines, best = [], plain
    if plain.once < plain.alone:
        lines.append(f"pool      with pool=yes plain images: {plain.text()}; {size(plain.image_bytes)} of disk")
    if candidates and whole.once < whole.alone:
        head, disk = "          " if lines else "pool      ", f"{size(whole.image_bytes)} of disk, as png"
        lines.append(f"{head}with pool.candidates=keep, candidates too: {whole.text()}; {disk}")
        best = whole
    for device, once in (best.hours_once or {}).items() if lines else ():
        of_device = [found for _, found in runs if found.device == device]
        sampled = sum(found.hours["generate"] + found.hours["guided"] for found in of_device)
        sampled += once - (best.hours_alone or {})[device]
        least = once + sum(found.hours["guided"] for found in of_device)
        best_case = "that of the run with most plain images, and of all guided ones"
        lines.append(f"          then sampling takes {amount(sampled, device)}, {sampled / least:.2f} x {best_case}")
    return lines
