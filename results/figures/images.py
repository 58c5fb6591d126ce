"""Images as they were made: the same latents across ω, round by round, the initial set against the final one; a few classes by name.

A latent is a function of (seed, index), so the same index in runs that differ only in ω starts from the same noise. Images are read from
the shards that the ledger names; where these are gone, there is no figure.
"""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd

from dp_common.config.specification import short
from dp_common.errors import BadInput, did_you_mean
from results.analysis.cells import main_arms
from results.analysis.comparisons import UNIT
from results.figures.selection import joined, one_scale, varying
from results.figures.style import GREY, file_name, head, save, sheet
from results.reading.history import additions
from results.tables.words import conditions

CLASSES, EACH = 5, 3  # columns of a grid unless classes are chosen: classes evenly spread, images of each
ROUNDS, SIDE = 6, 64  # additions drawn; pixels of a cell
FIELDS = ("index", "label", "round", "omega", "score_at_birth")


def draw(rows, folder, group, exclude=(), on="test", classes=()):
    """[Figure]: across ω, across rounds, initial against final set. ``classes``: names. Raises BadInput where one is none of the task's."""
    found = []
    done = rows[(rows["state"] == "done") & (rows["strategy"] == "dp")].sort_values(UNIT)
    for name, make in (
        ("images-omega", across_omega),
        ("images-rounds", across_rounds),
        ("images-sets", initial_and_final),
    ):
        made = make(done, classes)
        if made:
            cells, title, words, caption = made
            with sheet() as plt:
                figure, stem = (
                    plot(plt, cells, title, f"{words}\n{group.title}"),
                    Path(folder) / file_name(name, group, on),
                )
                found.append(save(figure, cells.drop(columns="bytes"), stem, title, joined(caption, conditions(group))))
    return found


def across_omega(done, classes):
    """The first guided addition of runs that differ only in ω: the same latents, labels and learner in a column."""
    arms = varying(done, "omega")
    counts = arms.groupby("scale")["value"].nunique()
    if not len(counts) or counts.max() < 2:
        return None
    scale = int(counts[counts == counts.max()].index.max())
    arms = arms[arms["scale"] == scale]
    unit = arms.groupby(UNIT)["value"].nunique().pipe(lambda n: n[n == n.max()].index[0])
    arms = arms[(arms[UNIT] == list(unit)).all(axis=1)].sort_values("value")
    sets = [(row["value"], of_addition(row["folder"], 1)) for row in arms.to_dict("records")]
    sets = [(value, images, seen) for value, (images, seen) in sets if images is not None]
    sets = [one for one in sets if one[2] == sets[0][2]]  # the same learner: up to here nothing differs
    if len(sets) < 2:
        return None
    shared = set.intersection(*(set(images["index"]) for _, images, _ in sets))
    cells = [
        place(
            images[images["index"].isin(shared)].sort_values("index"),
            f"ω = {value:g}",
            row,
            classes,
            arms.iloc[0]["folder"],
        )
        for row, (value, images, _) in enumerate(sets)
    ]
    seed = int(arms["seed"].iloc[0])
    return (
        pd.concat(cells, ignore_index=True),
        "The same latents under growing guidance",
        f"first addition at {short(scale)} images, seed {seed}",
        f"Images of the first addition of dp at scale {scale:,}, seed {seed}, by guidance weight ω. Down a column: the same class, seed and index, "
        f"thus the same initial noise, and the same learner ({sets[0][2]:,} images seen); only ω differs. The first {EACH} images of each class, not "
        "picked by eye.",
    )


def across_rounds(done, classes):
    """Each addition of one run, a row each."""
    run = typical(done)
    if run is None:
        return None
    numbers = list(range(len(additions(run["folder"]))))
    picked = (
        numbers
        if len(numbers) <= ROUNDS
        else [numbers[round(k * (len(numbers) - 1) / (ROUNDS - 1))] for k in range(ROUNDS)]
    )
    sets = [(number, *of_addition(run["folder"], number)) for number in picked]
    cells = [
        place(
            images.sort_values("index"),
            "initial set" if not number else f"addition {number}",
            row,
            classes,
            run["folder"],
        )
        for row, (number, images, _) in enumerate(sets)
        if images is not None
    ]
    if len(cells) < 2:
        return None
    return (
        pd.concat(cells, ignore_index=True),
        "Images round by round",
        f"{run['arm']} at {short(run['scale'])} images, seed {run['seed']}",
        f"The first {EACH} images of each class in the initial set and in each addition of {run['arm']} at scale {run['scale']:,}, seed "
        f"{run['seed']}, not picked by eye. Rounds have latents of their own.",
    )


def initial_and_final(done, classes):
    """Initial set left, final set right, a class a row."""
    run = typical(done)
    if run is None:
        return None
    sets = [of_addition(run["folder"], number)[0] for number in range(len(additions(run["folder"])))]
    if len(sets) < 2 or any(images is None for images in sets):
        return None
    final, found, across = pd.concat(sets, ignore_index=True), [], 8
    for row, (label, name) in enumerate(labels_of(run["folder"], classes, CLASSES + 1)):
        for block, images in (("initial set", sets[0]), ("final set", final)):
            mine = images[images["label"] == label]
            spread = np.unique(np.linspace(0, len(mine) - 1, min(across, len(mine))).round().astype(int))
            part = mine.iloc[spread]
            found.append(part.assign(row=row, row_name=name, column=range(len(part)), block=block, class_name=name))
    return (
        pd.concat(found, ignore_index=True),
        "Initial set against final set",
        f"{run['arm']} at {short(run['scale'])} images, seed {run['seed']}",
        f"Images of each class, evenly spaced through the initial set ({len(sets[0]):,} images) and through the final one ({len(final):,}, the "
        f"initial ones among them), in the order in which they were added; {run['arm']} at scale {run['scale']:,}, seed {run['seed']}; not picked "
        "by eye.",
    )


def typical(done):
    """The run of ``dp`` with the lowest seed, at the scale at which most arms are complete; None without one."""
    mine = done[done["arm"].isin(main_arms(done)) & (done["arm"] == "dp")]
    return None if not len(mine) else mine[mine["scale"] == one_scale(mine)].iloc[0].to_dict()


def of_addition(folder, number):
    """(frame of FIELDS and ``bytes``, images seen when it came) of one addition of a run; (None, None) where its shards are not there."""
    import pyarrow.parquet as pq

    added = additions(folder)
    if number >= len(added):
        return None, None
    paths = [Path(folder) / file for file in added["files"].iloc[number]]
    if not paths or not all(path.exists() for path in paths):
        return None, None
    tables = [pq.read_table(path, columns=["image", *FIELDS]) for path in paths]
    frames = [
        table.select(FIELDS).to_pandas().assign(bytes=table["image"].combine_chunks().field("bytes").to_pylist())
        for table in tables
    ]
    return pd.concat(frames, ignore_index=True), int(added["seen"].iloc[number])


def labels_of(folder, classes, many):
    """[(label, name)] of the classes to draw: those asked for, or ``many`` evenly spread. Raises BadInput."""
    names = class_names(folder)
    for name in classes:
        if name not in names:
            allowed = ", ".join(names) if len(names) < 30 else f"the {len(names)} class names of the task"
            raise BadInput("classes", name, f"one of {allowed}.{did_you_mean(name, names)}")
    labels = [names.index(name) for name in classes] or sorted(
        {round(x) for x in np.linspace(0, len(names) - 1, min(many, len(names)))}
    )
    return [(label, names[label]) for label in labels]


def class_names(folder):
    """From the Hugging Face features in the shards' own metadata."""
    import pyarrow.parquet as pq

    file = next(file for files in additions(folder)["files"] for file in files)
    return json.loads(pq.read_schema(Path(folder) / file).metadata[b"huggingface"])["info"]["features"]["label"][
        "names"
    ]


def place(images, row_name, row, classes, folder):
    """The cells of one row: the first EACH images of each class."""
    parts = [
        images[images["label"] == label]
        .head(EACH)
        .assign(class_name=name, column=lambda part, first=k * EACH: first + np.arange(len(part)))
        for k, (label, name) in enumerate(labels_of(folder, classes, CLASSES))
    ]
    return pd.concat(parts).assign(row=row, row_name=row_name, block="")


def decoded(data, side=SIDE):
    """Bytes of an image file -> uint8 [side, side, 3]; enlarged without smoothing, so that a pixel stays one."""
    from PIL import Image

    image = Image.open(io.BytesIO(data)).convert("RGB")
    return np.asarray(image.resize((side, side), Image.NEAREST if max(image.size) < side else Image.BOX))


def plot(plt, cells, title, words):
    blocks = list(dict.fromkeys(cells["block"]))
    rows, columns = cells["row"].max() + 1, cells["column"].max() + 1
    size = max(0.45 * columns * len(blocks) + 1.3, 4.6), 0.45 * rows + 1.3
    figure, axes = plt.subplots(1, len(blocks), figsize=size, layout="constrained", squeeze=False)
    head(figure, title, words)
    for here, block in zip(axes[0], blocks):
        mine, pitch = cells[cells["block"] == block], SIDE + 6
        canvas = np.full((rows * pitch, columns * pitch, 3), 255, np.uint8)
        for cell in mine.to_dict("records"):
            top, left = cell["row"] * pitch + 3, cell["column"] * pitch + 3
            canvas[top : top + SIDE, left : left + SIDE] = decoded(cell["bytes"])
        here.imshow(canvas, interpolation="nearest")
        here.grid(False)
        here.set_frame_on(False)
        names = mine.drop_duplicates("row").sort_values("row")
        here.set_yticks(
            (names["row"] + 0.5) * pitch, names["row_name"] if here is axes[0, 0] else [""] * len(names), fontsize=8
        )
        here.tick_params(length=0)
        if block:
            here.set_title(block, loc="left")
            here.set_xticks([])
        else:
            middles = mine.groupby("class_name", sort=False)["column"].agg(["min", "max"])
            here.set_xticks((middles["min"] + middles["max"] + 1) / 2 * pitch, middles.index, fontsize=8, color=GREY)
            here.xaxis.tick_top()
            for edge in middles["min"][1:]:
                here.axvline(edge * pitch - 0.5, color="0.6", linewidth=0.8)
    return figure
