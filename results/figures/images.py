"""Images as they were made: the same latents across ω, round by round, the initial set against the final one; a few
classes by name.

A latent is a function of (seed, index), so the same index in runs that differ only in ω starts from the same noise.
Images are read from the shards that the ledger names; where these are gone, there is no figure, nor where an image is a
handful of numbers.

From Python the classes may be chosen: ``images.draw(comparison, folder, classes=("dog", "cat"))``.
"""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from dp_common.config.specification import short
from dp_common.errors import BadInput, did_you_mean
from results.analysis.comparisons import UNIT, Comparison
from results.figures.drawing.selection import joined, one_scale, spread_over, varying
from results.figures.drawing.style import GREY, Figure, head, name_text, save, sheet, stem
from results.frames import records
from results.reading.history import additions
from results.tables.captions import conditions

POSITION = 70
CLASSES, EACH = 5, 3  # columns of a grid unless classes are chosen: classes evenly spread, images of each
ROUNDS, ACROSS, SIDE = 6, 8, 64  # additions drawn; images a row of a set; pixels of a cell
FEWEST_PIXELS = 16  # of an image worth looking at
FIELDS = ("index", "label", "round", "omega", "score_at_birth")


class Grid(NamedTuple):
    """What one figure shows: ``cells`` (a row per image: its ``bytes``, ``row``, ``column``, ``block``, names), and its
    texts.
    """

    cells: pd.DataFrame
    title: str
    subtitle: str
    caption: str


def draw(comparison: Comparison, folder: Path, classes: Sequence[str] = ()) -> list[Figure]:
    """Draw the images across ω, across rounds, and the initial against the final set.

    Args:
        comparison: of whose ``dp`` runs the images are.
        folder: to write into.
        classes: names of those to show; a few evenly spread without.

    Raises:
        BadInput: one of the classes is none of the task's.
    """
    done = comparison.done
    done = done[done["strategy"] == "dp"].sort_values(UNIT)
    grids = {
        "images-omega": across_omega(done, classes),
        "images-rounds": across_rounds(done, classes),
        "images-sets": initial_and_final(done, classes),
    }
    figures = []
    for name, grid in grids.items():
        if grid is None or pixels_of(grid.cells["bytes"].iloc[0]) < FEWEST_PIXELS:
            continue
        path, caption = stem(folder, name, comparison.eval_set), joined(grid.caption, conditions(comparison.group))
        with sheet() as plt:
            drawing = plot(plt, grid.cells, grid.title, f"{grid.subtitle}\n{comparison.group.title}")
            figures.append(save(drawing, grid.cells.drop(columns="bytes"), path, grid.title, caption))
    return figures


def across_omega(done: pd.DataFrame, classes: Sequence[str]) -> Grid | None:
    """The first guided addition of runs that differ only in ω: the same latents, labels and learner in a column."""
    runs = varying(done, "omega")
    counts = runs.groupby("scale")["value"].nunique()
    if not len(counts) or counts.max() < 2:
        return None
    scale = int(counts[counts == counts.max()].index.max())
    runs = runs[runs["scale"] == scale]
    values = runs.groupby(UNIT)["value"].nunique()
    unit = list(values[values == values.max()].index[0])
    runs = runs[(runs[UNIT] == unit).all(axis=1)].sort_values("value")
    found = [(row["value"], *of_addition(row["folder"], 1)) for row in records(runs)]
    sets = [(value, images, seen) for value, images, seen in found if images is not None]
    sets = [one for one in sets if one[2] == sets[0][2]]  # the same learner: up to here nothing differs
    if len(sets) < 2:
        return None
    shared = set.intersection(*(set(images["index"]) for _, images, _ in sets))
    folder, seed = runs.iloc[0]["folder"], int(runs["seed"].iloc[0])
    rows = [(f"ω = {value:g}", images[images["index"].isin(shared)]) for value, images, _ in sets]
    return Grid(
        cells_of(rows, classes, folder),
        "The same latents under growing guidance",
        f"first addition at {short(scale)} images, seed {seed}",
        f"Images of the first addition of dp at scale {scale:,}, seed {seed}, by guidance weight ω. Down a column: "
        f"the same class, seed and index, thus the same initial noise, and the same learner ({sets[0][2]:,} images "
        f"seen); only ω differs. The first {EACH} images of each class, not picked by eye.",
    )


def across_rounds(done: pd.DataFrame, classes: Sequence[str]) -> Grid | None:
    """Each addition of one run, a row each."""
    run = typical(done)
    if run is None:
        return None
    picked = spread_over(range(len(additions(run["folder"]))), ROUNDS)
    sets = [(number, of_addition(run["folder"], number)[0]) for number in picked]
    rows = [
        (f"addition {number}" if number else "initial set", images) for number, images in sets if images is not None
    ]
    if len(rows) < 2:
        return None
    return Grid(
        cells_of(rows, classes, run["folder"]),
        "Images round by round",
        f"{run['arm']} at {short(run['scale'])} images, seed {run['seed']}",
        f"The first {EACH} images of each class in the initial set and in each addition of {run['arm']} at scale "
        f"{run['scale']:,}, seed {run['seed']}, not picked by eye. Rounds have latents of their own.",
    )


def initial_and_final(done: pd.DataFrame, classes: Sequence[str]) -> Grid | None:
    """Initial set left, final set right, a class a row."""
    run = typical(done)
    if run is None:
        return None
    sets = [of_addition(run["folder"], number)[0] for number in range(len(additions(run["folder"])))]
    images = [one for one in sets if one is not None]
    if len(sets) < 2 or len(images) < len(sets):
        return None
    initial, final, parts = images[0], pd.concat(images, ignore_index=True), []
    for row, (label, name) in enumerate(labels_of(run["folder"], classes, CLASSES + 1)):
        for block, members in (("initial set", initial), ("final set", final)):
            members = members[members["label"] == label]
            spread = np.unique(np.linspace(0, len(members) - 1, min(ACROSS, len(members))).round().astype(int))
            names = {"row_name": name, "class_name": name, "block": block}
            parts.append(members.iloc[spread].assign(row=row, column=range(len(spread)), **names))
    return Grid(
        pd.concat(parts, ignore_index=True),
        "Initial set against final set",
        f"{run['arm']} at {short(run['scale'])} images, seed {run['seed']}",
        f"Images of each class, evenly spaced through the initial set ({len(initial):,} images) and through the final "
        f"one ({len(final):,}, the initial ones among them), in the order in which they were added; {run['arm']} at "
        f"scale {run['scale']:,}, seed {run['seed']}; not picked by eye.",
    )


def typical(done: pd.DataFrame) -> dict[str, Any] | None:
    """The run of ``dp`` with the lowest seed, at the scale at which most runs are complete; None without one."""
    runs = done[done["arm"] == "dp"]
    return records(runs[runs["scale"] == one_scale(runs)])[0] if len(runs) else None


def of_addition(folder: Path, number: int) -> tuple[pd.DataFrame | None, int | None]:
    """One addition of a run: a frame of FIELDS and ``bytes``, and the images seen when it came; Nones where its shards
    are gone.
    """
    import pyarrow.parquet as pq

    added = additions(folder)
    paths = [Path(folder) / file for file in added["files"].iloc[number]] if number < len(added) else []
    if not paths or not all(path.exists() for path in paths):
        return None, None
    tables = [pq.read_table(path, columns=["image", *FIELDS]) for path in paths]
    frames = [
        table.select(FIELDS).to_pandas().assign(bytes=table["image"].combine_chunks().field("bytes").to_pylist())
        for table in tables
    ]
    return pd.concat(frames, ignore_index=True), int(added["seen"].iloc[number])


def labels_of(folder: Path, classes: Sequence[str], many: int) -> list[tuple[int, str]]:
    """(label, name) of the classes to draw: those asked for, or ``many`` evenly spread. Raises BadInput."""
    names = class_names(folder)
    for name in classes:
        if name not in names:
            allowed = ", ".join(names) if len(names) < 30 else f"the {len(names)} class names of the task"
            raise BadInput("classes", name, f"one of {allowed}.{did_you_mean(name, names)}")
    spread = sorted({round(x) for x in np.linspace(0, len(names) - 1, min(many, len(names)))})
    return [(label, names[label]) for label in [names.index(name) for name in classes] or spread]


def class_names(folder: Path) -> list[str]:
    """From the Hugging Face features in the shards' own metadata."""
    import pyarrow.parquet as pq

    file = next(file for files in additions(folder)["files"] for file in files)
    features = json.loads(pq.read_schema(Path(folder) / file).metadata[b"huggingface"])["info"]["features"]
    return features["label"]["names"]


def cells_of(rows: list[tuple[str, pd.DataFrame]], classes: Sequence[str], folder: Path) -> pd.DataFrame:
    """The cells of a grid, a row per (name, images): the first EACH images of each class."""
    parts = []
    for row, (row_name, images) in enumerate(rows):
        images = images.sort_values("index")
        for block, (label, name) in enumerate(labels_of(folder, classes, CLASSES)):
            first = images[images["label"] == label].head(EACH)
            columns = EACH * block + np.arange(len(first))
            parts.append(first.assign(class_name=name, column=columns, row=row, row_name=row_name, block=""))
    return pd.concat(parts, ignore_index=True)


def pixels_of(data: bytes) -> int:
    """How many pixels an image file has."""
    from PIL import Image

    width, height = Image.open(io.BytesIO(data)).size
    return width * height


def decoded(data: bytes, side: int = SIDE) -> np.ndarray:
    """Bytes of an image file -> uint8 [side, side, 3]; enlarged without smoothing, so that a pixel stays one."""
    from PIL import Image

    image = Image.open(io.BytesIO(data)).convert("RGB")
    method = Image.Resampling.NEAREST if max(image.size) < side else Image.Resampling.BOX
    return np.asarray(image.resize((side, side), method))


def plot(plt: Any, cells: pd.DataFrame, title: str, subtitle: str) -> Any:
    """The drawing: a panel per block."""
    blocks = list(dict.fromkeys(cells["block"]))
    rows, columns = cells["row"].max() + 1, cells["column"].max() + 1
    size = max(0.45 * columns * len(blocks) + 1.3, 4.6), 0.45 * rows + 1.3
    drawing, axes = plt.subplots(1, len(blocks), figsize=size, layout="constrained", squeeze=False)
    head(drawing, title, subtitle)
    pitch = SIDE + 6
    for panel, block in zip(axes[0], blocks):
        part = cells[cells["block"] == block]
        canvas = np.full((rows * pitch, columns * pitch, 3), 255, np.uint8)
        for cell in records(part):
            top, left = cell["row"] * pitch + 3, cell["column"] * pitch + 3
            canvas[top : top + SIDE, left : left + SIDE] = decoded(cell["bytes"])
        panel.imshow(canvas, interpolation="nearest")
        panel.grid(False)
        panel.set_frame_on(False)
        names = part.drop_duplicates("row").sort_values("row")
        labels = names["row_name"].map(name_text) if panel is axes[0, 0] else [""] * len(names)
        panel.set_yticks((names["row"] + 0.5) * pitch, labels, fontsize=8)
        panel.tick_params(length=0)
        if block:
            panel.set_title(block, loc="left")
            panel.set_xticks([])
            continue
        middles = part.groupby("class_name", sort=False)["column"].agg(["min", "max"])
        shown = middles.index.map(name_text)
        panel.set_xticks((middles["min"] + middles["max"] + 1) / 2 * pitch, shown, fontsize=8, color=GREY)
        panel.xaxis.tick_top()
        for edge in middles["min"][1:]:
            panel.axvline(edge * pitch - 0.5, color="0.6", linewidth=0.8)
    return drawing
