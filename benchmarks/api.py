"""The benchmark from Python and notebooks: what the commands of the same names do, with their results as values.

    from benchmarks import run, sweep, load

    summary = run(strategy="dp", scale="4k", dp={"omega": 0.05})       # dict, as summary.json has it
    runs = sweep(strategy=["static", "dp"], scale="1k", seed=range(5))  # DataFrame, a row per run
    runs = load("results/runs")                                        # DataFrame of all runs under a folder

``benchmarks.run`` and ``benchmarks.sweep`` are modules, as ``python -m`` needs them; they can be called, and what is
called are the functions here. Keys are those of the command line; a key with a dot is a dict, or stands in
``overrides`` as typed.
"""

import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


class CallableModule(ModuleType):
    """A module that can be called: the function of its name in ``benchmarks.api``."""

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Call the function."""
        return globals()[self.__name__.rpartition(".")[2]](*args, **keywords)


def run(*overrides: str, quiet: bool = False, **keys: Any) -> dict[str, Any]:
    """One run to its end, or what is finished already.

    Args:
        overrides: keys as typed, such as ``"dp.omega=0.05"``.
        quiet: show no progress.
        keys: ``scale="4k"``, ``dp={"omega": 0.05}``.

    Returns:
        The summary, as ``summary.json`` has it.

    Raises:
        BadInput: a key or value that no run can have.
        Problem: and its kinds: the run failed, is held by another process, or was interrupted.
    """
    from dp_common.config.resolve import resolve
    from dp_common.lab.runner import execute

    resolved = resolve(as_overrides(overrides, keys))
    with stop_flag() as stop:
        return execute(resolved, stop=stop, quiet=quiet)


def sweep(*overrides: str, workers: int = 0, **keys: Any) -> "pd.DataFrame":
    """Every run of a grid that is missing, side by side on this machine.

    Args:
        overrides: keys as typed, such as ``"dp.omega=0,0.05"`` or ``"grid=digits"``.
        workers: runs at a time; 0 for as many as the cores allow.
        keys: ``strategy=["static", "dp"]``, ``seed=range(5)``.

    Returns:
        One row for each run of the grid that has begun, as ``load`` gives it; ``state`` says which failed.

    Raises:
        BadInput: a key or value that no run can have.
    """
    from pathlib import Path

    from benchmarks.local_launcher import launch, workers_for
    from benchmarks.sweep import missing, plan, remember

    given = as_overrides(overrides, keys)
    runs = plan(given)
    root = Path(runs[0].runtime.root)
    remember(root, given, runs)
    if todo := missing(runs, root):
        launch(todo, workers_for(workers, todo), root)
    frame = load(root)
    return frame[frame["run_id"].isin({resolved.run_id for resolved in runs})].reset_index(drop=True)


def load(root: Any = "results/runs") -> "pd.DataFrame":
    """The runs under a folder.

    Args:
        root: folder of runs, at any depth.

    Returns:
        One row per run: its keys, accuracies, counts and hours.

    Raises:
        BadInput: there is none.
    """
    from results.analysis.study import load as load_study

    return load_study(root).runs


def as_overrides(overrides: Iterable[str], keys: Mapping[str, Any], prefix: str = "") -> list[str]:
    """("scale=4k", ...) and {"dp": {"omega": 0.05}, "seed": range(2)} -> ["scale=4k", "dp.omega=0.05", "seed=0,1"]."""
    from benchmarks.cli import ALIASES

    found = list(overrides)
    for key, value in keys.items():
        name = prefix + key if prefix else ALIASES.get(key, key)
        if isinstance(value, Mapping):
            found += as_overrides((), value, f"{name}.")
        elif isinstance(value, (list, tuple, range, set)):
            found.append(f"{name}={','.join(map(text, value))}")
        else:
            found.append(f"{name}={text(value)}")
    return found


def text(value: Any) -> str:
    """A value as one would type it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def stop_flag() -> "Iterator[Callable[[], bool]]":
    """A function that says whether a signal asked to stop; handlers are put back afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    from benchmarks.run import stop_on_signals

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)
    handlers = {number: signal.getsignal(number) for number in numbers}
    try:
        yield stop_on_signals()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
