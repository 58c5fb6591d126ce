"""What the paper printed that a claim can be held against, in words and numbers; never in a statistic with ours.

Its scales of ``dp`` and of ``static`` differ, so static is read between its own, linearly in the logarithm of the
images. No number came with an interval or several seeds.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from results import published


def beside_static(task: str, columns: Iterable[str] = ("in_val",)) -> pd.DataFrame:
    """Rows of ``dp`` within static's range, in order of images, with ``<column>_static`` beside each column, in
    percent.
    """
    frame = curves_of(task)
    static = frame[frame["strategy"] == "static"].sort_values("images")
    inside = frame["images"].between(static["images"].min(), static["images"].max())
    dp = frame[(frame["strategy"] == "dp") & inside].sort_values("images")
    x, xs = (np.log(rows["images"].astype(float)) for rows in (dp, static))
    return dp.assign(**{f"{column}_static": np.interp(x, xs, static[column]) for column in columns})


def curves_of(task: str) -> pd.DataFrame:
    """The paper's scaling curves on one of its tasks."""
    frame = published.scaling(task)
    assert frame is not None, task
    return frame


def gains() -> str:
    """C1: the gap by scale, and whether it grows."""
    texts = []
    for task in published.TASKS:
        rows = beside_static(task)
        gap = rows["in_val"] - rows["in_val_static"]
        logs = np.log((100 - rows["in_val_static"]) / (100 - rows["in_val"]))
        slope = np.polyfit(np.log2(rows["images"].astype(float)), logs, 1)[0]
        texts.append(
            f"{gap.min():+.1f} to {gap.max():+.1f} points on {task}, log error ratio {slope:+.3f} per doubling"
        )
    return "; ".join(texts)


def growth() -> str:
    """C2."""
    frame = curves_of("imagenet100")
    static = frame[frame["strategy"] == "static"].sort_values("images")
    low, high = static.iloc[len(static) // 2], static.iloc[-1]
    return (
        f"{ablation(omega=0):.2f} % with ω = 0 at a scale not printed; static {low['in_val']:.2f} % at "
        f"{low['images'] / 1000:,.0f}k and {high['in_val']:.2f} % at {high['images'] / 1e6:g}M (imagenet100)"
    )


def omegas() -> str:
    """C3."""
    frame = published.ablations()
    curve = frame[(frame["patience"] == "growing") & (frame["sampling"] == "uniform")].sort_values("omega")
    accuracies = ", ".join(f"{row.omega:g}: {row.in_val:.2f} %" for row in curve.itertuples())
    return f"ω {accuracies} (imagenet100); of oversampling a curve without numbers"


def loops() -> str:
    """C7."""
    base = ablation(omega=0.05)
    return (
        f"fixed patience {ablation(patience='fixed') - base:+.2f} points, new images twice as often "
        f"{ablation(sampling='new data twice as often') - base:+.2f} (imagenet100)"
    )


def ablation(omega: float = 0.05, patience: str = "growing", sampling: str = "uniform") -> float:
    """Accuracy on val, in percent, of one row."""
    frame = published.ablations()
    rows = frame[(frame["omega"] == omega) & (frame["patience"] == patience) & (frame["sampling"] == sampling)]
    return float(rows["in_val"].iloc[0])


def shifts() -> str:
    """C8: of ImageNet-100; the columns of ImageNet-1k stand under doubtful headings."""
    sets = {"Sketch": "in_sketch", "R": "in_r"}
    rows = beside_static("imagenet100", ("in_val", *sets.values()))
    own = rows["in_val"] - rows["in_val_static"]
    more = {name: rows[column] - rows[f"{column}_static"] - own for name, column in sets.items()}
    texts = ", ".join(f"{points.min():+.1f} to {points.max():+.1f} points on {name}" for name, points in more.items())
    return f"gain minus gain on val {texts} (imagenet100)"
