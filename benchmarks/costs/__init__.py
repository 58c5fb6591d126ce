"""What is timed: suites of items, one file each, with ``items(options) -> {name: Item}``."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """``call()`` does ``n`` units; its cost is compared with that of the item ``beside``. ``flops``: of one call, if to be told."""

    unit: str
    n: int
    call: Callable
    beside: str | None = None
    flops: float | None = None
