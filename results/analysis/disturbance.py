"""Were measured hours touched by other work? Equal work takes equal time on a quiet machine.

All runs of a comparison see the same number of images in training, with the same learner. Where that took some of them
much longer than others on one kind of CPU, something else ran beside them, and their hours say nothing of the arms.
"""

import pandas as pd

from results.analysis.comparisons import Comparison
from results.analysis.repricing import MARK

SPREAD = 1.5  # 90th over 10th percentile of the time of equal work, from which on hours are no measurement
FEWEST = 4  # runs that can show it


def is_disturbed(comparison: Comparison) -> bool:
    """Do equal amounts of training differ in time beyond SPREAD? Re-priced hours cannot be."""
    return spread(comparison) > SPREAD


def spread(comparison: Comparison) -> float:
    """The largest spread of the time of equal training, over the kinds of machine; 1 where nothing can be said."""
    done = comparison.done
    if any(str(device).startswith(MARK) for device in comparison.devices):
        return 1.0
    each = done["gpu_hours.train"].astype(float) / done["images_seen"].astype(float)
    machine = [name for name in ("device", "cpus", "devices", "threads") if name in done]
    kinds = [str(row) for row in done[machine].itertuples(index=False, name=None)]
    found = [1.0]
    for _, part in each[each > 0].groupby(pd.Series(kinds, index=done.index)):
        if len(part) >= FEWEST:
            found.append(float(part.quantile(0.9) / part.quantile(0.1)))
    return max(found)
