"""What ``benchmarks.speed`` times: one suite a file; its name is what ``suite=`` calls it, its docstring its help.

A suite has ``items(setting) -> {name: Item}``, says with ``RUN_KEYS`` whether keys of a run change what it times, and
with ``NAMES`` what its items may be called, with * for what is not known before: a pattern that fits none of them is
refused before anything is built. Without ``NAMES`` anything may be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """What all suites of one command are timed with."""

    device: Any  # torch.device
    block: int = 512  # images sampled at once
    workers: int = 2  # processes that read images
    overrides: tuple[str, ...] = ()  # keys of a run


@dataclass(frozen=True)
class Item:
    """Something to time, in units of ``n`` a call."""

    unit: str
    n: int
    call: Callable[[], Any]
    reference: str | None = None  # the item its cost is compared with
    flops: float | None = None  # floating-point operations of one call, where they are to be shown
