"""What happens inside a run when images are added, relative to growing without guidance at equal seed and scale (C5 and
C6).

A run gives the mean over its additions but the initial set, a seed the mean over the scales that every seed has.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from results.analysis.contrasts import PairedRuns
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Arm, Finding, Unit
from results.claims.judging.rules import of_values, waiting

ARMS: tuple[Arm, ...] = (("dp", {}), ("dp", {"omega": 0.0}))
PROBE = {"probe": "hardness"}
NEEDS = "needs probe=hardness"
NATS = Unit("nats", 1, "+.3f")

Run = dict[str, Any]  # a row of the frame of runs


def probed(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs, finished or not, that hardness is measured in."""
    measured = [values.get("probe") == PROBE["probe"] for values in runs["values"]]
    return runs[pd.Series(measured, index=runs.index, dtype=bool)]


def guided_and_not(selection: ArmSelection) -> PairedRuns:
    """Pairs of dp with guidance and without."""
    return PairedRuns(selection.arm("dp"), selection.arm("dp", omega=0), selection.scales)


def measured(pool: PairedRuns, function: Callable[[Run], float]) -> np.ndarray:
    """[n, S]: a number per run with guidance, minus its partner's without; nan where it was not measured."""
    if not pool or pool.waiting:
        return np.full((0, 0), np.nan)
    sides = [np.array([function(run) for run in pool.side(side)], dtype=float) for side in "ab"]
    return (sides[0] - sides[1]).reshape(len(pool.replicates), len(pool.scales))


def findings_above(
    half: str, pool: PairedRuns, values: np.ndarray, unit: Unit, lacking: str, selection: ArmSelection
) -> list[Finding]:
    """The finding on [n, S] numbers whose mean should be above zero; [] without runs, not run where nothing was
    measured.
    """
    if not pool:
        return []
    if pool.waiting:
        return [waiting(half, pool)]
    if np.isnan(values).any():
        return [Finding(half, None, "not run", "", lacking, lacking=PROBE)]
    return [of_values(half, pool, values.mean(axis=1), unit, selection)]


def mean(values: Sequence[float]) -> float:
    """nan of none."""
    return float(np.mean(values)) if len(values) else np.nan
