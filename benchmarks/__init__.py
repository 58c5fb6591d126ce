"""The applications: ``dp-bench run ...`` or ``python -m benchmarks.run ...``.

In Python: ``from benchmarks import run, sweep, load``. Importing this imports neither torch nor pandas; the functions
with their types are in ``benchmarks.api``.
"""

import os
import sys
from types import TracebackType
from typing import Any


def say_interrupted(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """One line for a Ctrl-C that came while an application was still being imported; all else as usual."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted before anything began", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, where)


if os.path.basename(sys.argv[0] if sys.argv else "") in ("-m", "dp-bench"):  # as an application, in no notebook
    sys.excepthook = say_interrupted


def __getattr__(name: str) -> Any:
    """``load``, when it is asked for; ``run`` and ``sweep`` are modules that can be called (``benchmarks.api``)."""
    if name == "load":
        from benchmarks.api import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
