"""How limits and simulations of the theory are drawn: lines, and points with their intervals."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from results.figures.drawing.style import head

LOOKS: dict[str, tuple] = {
    "hard": (3, "o", "-"),
    "easy": (0, "s", (0, (5, 1.5))),
    "random": (7, "^", (0, (1, 1.2))),
    "soft": (2, "D", (0, (6, 1.5, 1, 1.5))),
    "mixed": (4, "v", (0, (3, 1))),
    "adaptive": (3, "o", "-"),
    "frozen": (0, "s", (0, (5, 1.5))),
}  # colour of "colorblind", marker, dashes
ORDERED: tuple[tuple, ...] = (
    (7, "o", (0, (1, 1.2))),
    (9, "s", (0, (3, 1))),
    (2, "^", (0, (5, 1.5))),
    (0, "D", (0, (6, 1.5, 1, 1.5))),
    (3, "v", "-"),
)
MODEL = (
    "ridge classifier in d = {d}; line: limit of large d; thin: with noise along the pruner; points: simulation, "
    "95 % t-interval over {repeats} repeats"
)


def panels(
    plt: Any, title: str, rows: int, columns: int, options: Mapping[str, Any], size: tuple = (2.7, 2.5), **shared: Any
) -> Any:
    """(drawing, axes [rows, columns]) with title and model above them; ``size`` of a panel in inches."""
    inches = (size[0] * columns + 1.4, size[1] * rows + 0.7)
    drawing, axes = plt.subplots(rows, columns, figsize=inches, layout="constrained", squeeze=False, **shared)
    head(drawing, title, MODEL.format(**options))
    return drawing, axes


def panel_of(frame: pd.DataFrame, *parts: Any) -> pd.DataFrame:
    """The rows of one panel of ``results.analysis.theory.table``."""
    return frame[frame["panel"] == " ".join(map(str, parts))]


def plot_series(axes: Any, palette: list, frame: pd.DataFrame, look: tuple, label: str, accuracy: bool) -> None:
    """One limit and its simulated points, as errors or as accuracies, in percent."""
    colour, marker, dashes = palette[look[0]], *look[1:]
    sign, offset = (-100, 100) if accuracy else (100, 0)
    line, points = frame[frame["what"] == "limit"], frame[frame["what"] == "simulation"]
    # elsewhere it would only fill the gaps of the dashes
    apart = line["finite"].where((line["finite"] - line["error"]).abs() > 2e-3)
    axes.plot(line["x"], offset + sign * apart, color=colour, linewidth=0.8, zorder=2)
    axes.plot(line["x"], offset + sign * line["error"], color=colour, linestyle=dashes, linewidth=1.5, zorder=2)
    axes.errorbar(
        points["x"],
        offset + sign * points["error"],
        100 * (points["high"] - points["error"]),
        color=colour,
        marker=marker,
        markersize=3.8,
        linestyle="none",
        elinewidth=1,
        capsize=1.8,
        markeredgecolor="white",
        markeredgewidth=0.4,
        zorder=3,
    )
    axes.plot([], [], color=colour, linestyle=dashes, marker=marker, markersize=4, linewidth=1.4, label=label)


def lambda_text(lam: float) -> str:
    """1e-6, 0.01."""
    return f"{lam:g}".replace("e-0", "e-")
