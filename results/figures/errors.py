"""Errors against images generated, in the teacher's world and on real test images, both axes logarithmic.

Beside the arms what a nearest neighbour and an RBF SVM get from the same images, and the teacher's own Bayes rule.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from results.analysis.comparisons import Comparison
from results.analysis.power_law import Fit, fit
from results.figures.accuracy import ticks
from results.figures.drawing.selection import joined, left_out, span
from results.figures.drawing.style import Figure, arm_look, head, legend, log_axis, save, sheet, stem
from results.figures.drawing.worlds import errors_of, figure_of, references_of
from results.tables.captions import conditions
from results.tables.cell_texts import FEWEST

POSITION = 5


def draw(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw the figure; [] where no arm has two scales, and one dot would be all there is of each."""
    if comparison.eval_set != "test":
        return []
    cost = comparison.runs["images_generated"]
    shown = errors_of(comparison, cost)
    if not len(shown) or shown[["arm", "scale"]].drop_duplicates()["arm"].value_counts().max() < 2:
        return []
    shown = pd.concat([shown, references_of(comparison, cost)], ignore_index=True)
    title = "Errors against images generated"
    with sheet() as plt:
        drawing = plot(plt, shown, comparison, title)
        return [save(drawing, shown, stem(folder, "errors"), title, caption_of(comparison, shown))]


def plot(plt: Any, shown: pd.DataFrame, comparison: Comparison, title: str) -> Any:
    """The drawing: a panel per world."""
    runs = shown[shown["what"] == "run"]

    def x_axis(panel: Any) -> None:
        log_axis(panel, ticks(runs))
        panel.set_xlabel("images generated (log scale)")

    drawing = figure_of(plt, comparison, shown, arm_look(comparison.arms), x_axis, aside=1.03)
    head(drawing, title, comparison.group.title)
    legend(drawing, drawing.axes[0], "geometric mean,\n95 % interval over seeds")
    return drawing


def caption_of(comparison: Comparison, shown: pd.DataFrame) -> str:
    """What the figure shows."""
    means, runs = shown[shown["what"] == "mean"], shown[shown["what"] == "run"]
    seeds = f" ({span(means['n'])} a point)" if len(means) else ""
    methods = set(shown.loc[shown["what"] == "reference", "arm"])
    said = (
        "Grey: a nearest neighbour and an RBF SVM (C = 10, untuned) on `static`'s images"
        + (", and the teacher's own Bayes rule" if "bayes" in methods else "")
        + ". "
        if methods & {"1-nn", "rbf-svm"}
        else ""
    )
    laws = [
        f"{arm}: {law_text(law)}"
        for arm in dict.fromkeys(runs["arm"])
        if (law := law_of(runs[(runs["arm"] == arm) & (runs["world"] == runs["world"].iloc[0])]))
    ]
    return joined(
        f"Percent wrong, both axes logarithmic; dots: runs; markers: geometric means over seeds{seeds} with 95 % "
        f"t-intervals, none and not joined below {FEWEST}. {said}",
        f"A straight line is a power law, error ∝ images^−b, left: {'; '.join(laws)}." if laws else "",
        left_out(comparison),
        conditions(comparison.group),
    )


def law_of(runs: pd.DataFrame) -> Fit | None:
    """The power law of one arm's runs in one world."""
    reached = runs[~runs["short"].astype(bool)]
    return fit(reached.assign(error=reached["error"] / 100, **{"data.split": 0}))


def law_text(law: Fit) -> str:
    """``b = 0.42 [0.38, 0.46], n = 5``."""
    interval = f" [{law.low:.2f}, {law.high:.2f}]" if law.n >= FEWEST and law.low == law.low else ""
    return f"b = {law.exponent:.2f}{interval}, n = {law.n}"
