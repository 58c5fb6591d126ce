"""The applications: ``dp-bench run ...`` or ``python -m benchmarks.run ...``.

In Python: ``from benchmarks import run, sweep, load``. Importing this imports neither torch nor pandas; the functions
with their types are in ``benchmarks.api``.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """``load``, when it is asked for; ``run`` and ``sweep`` are modules that can be called (``benchmarks.api``)."""
    if name == "load":
        from benchmarks.api import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
