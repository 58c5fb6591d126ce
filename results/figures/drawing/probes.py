"""What the figures of probed runs share: which runs are shown, and what the probe cost."""

import pandas as pd

from dp_common.progress import amount_text
from results.analysis.comparisons import UNIT, Comparison
from results.figures.drawing.selection import one_scale
from results.frames import records
from results.reading.history import hardness

HARDNESS = ("hardness", "truth")  # values of the key probe that measure hardness


def runs_with_probe(comparison: Comparison, probes: tuple[str, ...]) -> pd.DataFrame:
    """The finished runs with one of the probes, at the scale at which most of their arms are complete."""
    done = comparison.done
    runs = done[done["values"].map(lambda values: values.get("probe") in probes).astype(bool)]
    return runs[runs["scale"] == one_scale(runs)].sort_values(["arm", *UNIT])


def hardness_of(runs: pd.DataFrame) -> pd.DataFrame:
    """What the probes of these runs measured of added batches: a row per run, addition and moment; ``end``: is it the
    last one.
    """
    frames = [
        hardness(run["folder"]).assign(arm=run["arm"], seed=run["seed"], split=run["data.split"])
        for run in records(runs)
    ]
    frames = [frame.assign(end=frame["at"] == frame["at"].max()) for frame in frames if len(frame)]
    measured = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    return measured if len(measured) and (measured["addition"] > 0).any() else measured[:0]


def cost_of_probe(runs: pd.DataFrame) -> str:
    """What the probe cost, in the sentence of a caption."""
    if "probe_hours" not in runs or not runs["probe_hours"].notna().any():
        return ""
    hours = runs["probe_hours"].dropna()
    share = 100 * hours.sum() / runs.loc[hours.index, "gpu_hours.total"].sum()
    seconds = f"{amount_text(3600 * hours.mean())} device seconds"
    return f"The probe took {seconds} a run on average, {share:.1f} % of its total and not part of it."
