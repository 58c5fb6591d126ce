"""An axis of factors on errors: log error ratios, told as ×0.72, fewer to the right."""

from typing import Any

import numpy as np

from results.figures.drawing.style import SMALL

FACTORS = (0.1, 0.14, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.4, 1.7, 2, 2.5, 3, 4, 5, 7, 10)
LABEL = "factor on errors;  fewer →"
APART = 0.36  # inches between two numbers


def factor_axis(axes: Any, low: float, high: float, width: float) -> None:
    """Numbers at round factors, as close as they can be read.

    Args:
        axes: the panel.
        low: left end of the axis, a log error ratio.
        high: its right end.
        width: of the panel, inches.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter

    axes.set_xlim(low, high)
    least = APART * (high - low) / width
    chosen = [0.0]
    for tick in sorted((-np.log(factor) for factor in FACTORS), key=abs):
        if low <= tick <= high and all(abs(tick - other) >= least for other in chosen):
            chosen.append(float(tick))
    axes.xaxis.set_major_locator(FixedLocator(chosen))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"×{np.exp(-x):.3g}"))
    axes.tick_params(axis="x", labelsize=SMALL + 0.5)
