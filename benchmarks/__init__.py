"""The applications: ``dp-bench run ...`` or ``python -m benchmarks.run ...``; in Python, ``from benchmarks import run, sweep, load``.

Importing it imports neither torch nor pandas. ``benchmarks.api`` has the functions with their types.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """``load``, when it is asked for; ``run`` and ``sweep`` are modules that can be called (``benchmarks.api``)."""
    if name == "load":
        from benchmarks.api import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
