"""What runs would take before they are run: hours by phase, disk, share of monitoring. Imports torch only to count.

In order of preference: ``prices=``, a file of measured unit costs, or ``here``, measured now; the measured costs that
come with this package, where they are for such a run; operations, at a stated share of a GPU's peak. What is printed
says which.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import unit_costs
from benchmarks.estimates import methods, operations, prices
from benchmarks.estimates.prices import HERE, PEAKS, Prices, Unknown
from benchmarks.estimates.sharing import pool_lines
from benchmarks.estimates.words import amount, plain_amount, size
from benchmarks.estimates.work import KEPT_CHECKPOINTS, Work, work_of
from dp_common.errors import BadInput

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved

PRICED = ("generate", "guided", "score", "train", "monitor")
BEARABLE = 72.0  # hours of one thread; what takes longer is told in hours of a GPU where nothing is said
NVIDIA = Path("/dev/nvidiactl")  # there where a driver is; asking torch would take seconds
COMPILED = {  # key: the item of prices=h100-sd15 that it makes faster, and how that is said
    "stable_diffusion.compile": ("plain", "plain images came {} times as fast, what takes a gradient as before"),
    "train.compile": ("learner.train", "training was {} times as fast"),
}
ABOUT = (
    f"with dry_run: what to estimate by: a CSV of benchmarks.speed, {', '.join(unit_costs.names())}, {HERE} (measured "
    f"now), or {' or '.join(PEAKS)} (counted operations at a share of its peak)"
)


@dataclass(frozen=True)
class Estimate:
    """Of one run. ``hours``: of one ``device``, by phase; those outside of the price are ``evaluate`` and ``write``."""

    work: Work
    prices: Prices | None  # None: unknown
    hours: dict[str, float] = field(default_factory=dict)
    why: str = ""  # where unknown
    image_bytes: float = 0.0
    checkpoint_bytes: float = 0.0
    unpriced: tuple[str, ...] = ()  # words for what is done and in no price

    @property
    def device(self) -> str:
        """What hours are hours of; empty where unknown."""
        return self.prices.device if self.prices else ""

    @property
    def total(self) -> float:
        """Hours that are priced."""
        return priced(self.hours)

    @property
    def on_disk(self) -> float:
        """Bytes, of images and checkpoints."""
        return self.image_bytes + self.checkpoint_bytes


def estimate(resolved: "Resolved", asked: str = "") -> Estimate:
    """What a run would take.

    Args:
        resolved: the run.
        asked: ``prices=``; empty: what fits best.

    Raises:
        BadInput: ``prices`` cannot be had, or says nothing of this run.
    """
    work = work_of(resolved)
    learner = operations.learner_cost(resolved)
    copies = 4 + (resolved.spec.train.ema > 0) - 1  # weights, two moments of AdamW, the average
    images, checkpoints = work.kept * work.image_bytes, 4.0 * copies * learner.parameters * KEPT_CHECKPOINTS
    try:
        found = prices_of(resolved, work, asked)
    except Unknown as unknown:
        if asked:
            raise BadInput("prices", asked, f"it is not known {unknown}") from None
        return Estimate(work, None, {}, f"{unknown}; prices={HERE} times it on this machine", images, checkpoints)
    hours, unpriced = hours_of(work, found), list(work.looks.unpriced)
    if found.units:
        more, unpriced = methods.beside(resolved, work, found.units, found.score)
        hours |= {phase: hours[phase] + seconds / 3600 for phase, seconds in more.items()}
    return Estimate(work, found, hours, "", images, checkpoints, tuple(unpriced))


def prices_of(resolved: "Resolved", work: Work, asked: str = "") -> Prices:
    """By what a run is priced. Raises BadInput or Unknown."""
    if asked == HERE:
        from benchmarks.estimates.measured_here import measured_here

        return prices.by_file(resolved, work, measured_here(resolved))
    if asked in PEAKS:
        return prices.by_operations(resolved, work, asked)
    if asked:
        if (meant := asked.lower()) in (*PEAKS, HERE) and not Path(asked).exists():
            raise BadInput("prices", asked, f"no such file. Did you mean {meant}?")
        return prices.by_file(resolved, work, asked)
    device = resolved.runtime.device
    on_gpu = device.startswith("cuda") or (device == "auto" and NVIDIA.exists())
    if not on_gpu and (name := prices.fitting(resolved)):
        return prices.by_file(resolved, work, name)
    thread = None if on_gpu else prices.by_thread(resolved, work)
    if thread and (device == "cpu" or priced(hours_of(work, thread)) < BEARABLE):
        return thread
    return prices.by_operations(resolved, work)


def priced(hours: dict[str, float]) -> float:
    """The sum of the phases that are priced."""
    return sum(hours.get(phase, 0.0) for phase in PRICED)


def hours_of(work: Work, unit: Prices) -> dict[str, float]:
    """{phase: hours}: counts times prices. Images that are started from others skip steps, guided or not."""
    looks = work.looks
    guided = work.guided * (unit.guided + work.gradients * looks.gradients * unit.gradient)
    started = 0.0 if work.guided else work.plain - work.shared - work.candidates
    seconds = {
        "generate": (work.plain - (1 - work.share) * started) * unit.plain,
        "guided": guided * work.share,
        "score": (work.scored * (1 + looks.forwards) + looks.images) * unit.score,
        "train": (work.seen + looks.reference) * unit.train,
        "monitor": work.monitored * unit.monitor,
        "evaluate": work.evaluated * unit.monitor,
        "write": work.kept * unit.write,
    }
    return {phase: amount / 3600 for phase, amount in seconds.items()}


# ---------------------------------------------------------------------- for people


def lines(resolved: "Resolved", asked: str = "") -> list[str]:
    """What ``--dry-run`` prints of one run."""
    found = estimate(resolved, asked)
    work, steps = found.work, resolved.spec.sampler.steps
    guided = f", {work.guided:,.0f} guided at {work.gradients:g} of {steps} steps" if work.guided else ""
    scored = f", {work.scored:,.0f} scored" if work.scored else ""
    assumed = "" if work.sized else " (assumed: the task does not say)"
    shown = [
        f"images    {work.plain:,.0f} plain{guided}{scored}; {work.seen:,.0f} seen in training; monitor "
        f"{work.evaluations:,.0f} x {work.monitor:,.0f}{assumed}"
    ]
    if beside := work.looks.text():
        shown.append(f"looks     {beside}")
    if found.prices is None:
        shown.append(f"time      not known: {found.why}")
    else:
        shown.append(f"time      {hours_text(found.hours, found.device)}")
        shown.append(f"          by {found.prices.source}")
        if other := elsewhere(resolved.runtime.device, found.device):
            shown.append(f"          {other}")
        if found.unpriced:
            shown.append(f"          not priced: {'; '.join(found.unpriced)}")
        shown += [f"          {text}" for text in compiled_texts(resolved)]
        if found.device != "thread" and resolved.runtime.device == "auto" and not NVIDIA.exists():
            thread = hours_of(work, prices.by_thread(resolved, work))
            shown.append(f"          without a GPU, {amount(priced(thread), 'thread')}")
    return [*shown, f"disk      {disk_text(found)}"]


def compiled_texts(resolved: "Resolved") -> list[str]:
    """A line for each key that compiles networks: hours are told of uncompiled ones."""
    lines = []
    for key, (item, said) in COMPILED.items():
        if resolved.values.get(key):
            seconds, name = prices.seconds_of("h100-sd15"), f"stable-diffusion.{item}"
            gain = said.format(f"{seconds[name] / seconds[f'{name}.compiled']:.1f}")
            lines.append(f"{key} is not priced: on an H100 {gain} (docs/performance.md), after minutes of compiling")
    return lines


def elsewhere(device: str, priced_on: str) -> str:
    """A line where a run names a device of another kind than that whose hours are told; else empty."""
    on_cpu = priced_on == "thread" or priced_on.startswith("cpu")
    if device in ("cpu", "auto") if on_cpu else device != "cpu":
        return ""
    return f"of another kind of device than device={device}; prices= takes others"


def hours_text(hours: dict[str, float], device: str) -> str:
    """Total and phases, and the share of monitoring."""
    total = priced(hours)
    phases = [f"{phase} {plain_amount(hours[phase], device)}" for phase in PRICED if hours.get(phase)]
    share = f" ({100 * hours['monitor'] / total:.0f} % monitoring)" if total and hours.get("monitor") else ""
    outside = [f"{phase} {plain_amount(hours[phase], device)}" for phase in ("evaluate", "write") if hours.get(phase)]
    beside = f"; beside the price {', '.join(outside)}" if outside else ""
    return f"about {amount(total, device)}: {', '.join(phases)}{share}{beside}"


def disk_text(found: Estimate) -> str:
    """Images and checkpoints, and what is kept decoded."""
    each = f" ({size(found.work.image_bytes)} an image)" if found.image_bytes else ""
    decoded = f"; once for all runs {size(found.work.decoded_bytes)} of real images, decoded"
    said = f"about {size(found.image_bytes)} of images{each}, {size(found.checkpoint_bytes)} of checkpoints"
    return said + decoded * (found.work.decoded_bytes > 0)


def grid_lines(runs: "Iterable[Resolved]", asked: str = "") -> list[str]:
    """What ``sweep --dry-run`` prints of all the runs that are to do."""
    runs = list(runs)
    found = [(run.run_id, estimate(run, asked)) for run in runs]
    shown: list[str] = []
    for device in dict.fromkeys(one.device for _, one in found if one.prices):
        mine = [(run_id, one) for run_id, one in found if one.device == device]
        total = {phase: sum(one.hours.get(phase, 0.0) for _, one in mine) for phase in (*PRICED, "evaluate", "write")}
        longest = max(mine, key=lambda pair: pair[1].total)
        shown += [
            f"time      {len(mine)} run{'s' * (len(mine) > 1)}, {hours_text(total, device)}",
            f"          by {'; '.join(dict.fromkeys(one.prices.source for _, one in mine if one.prices))}",
            f"longest   {longest[0]}, {amount(longest[1].total, device)}",
        ]
    if unknown := [one for _, one in found if not one.prices]:
        shown.append(f"time      not known of {len(unknown)}: {'; '.join(dict.fromkeys(one.why for one in unknown))}")
    if found:
        shown.append(f"disk      about {size(sum(one.on_disk for _, one in found))}")
    if unpriced := dict.fromkeys(words for _, one in found for words in one.unpriced):
        shown.append(f"          not priced: {'; '.join(unpriced)}")
    shown += [f"          {text}" for text in dict.fromkeys(text for run in runs for text in compiled_texts(run))]
    return shown + pool_lines([(run, one) for run, (_, one) in zip(runs, found)])
