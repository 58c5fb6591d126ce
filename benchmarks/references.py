"""What simple classifiers get from the same images: 1-nearest-neighbour, an RBF SVM, the teacher's Bayes rule.

    python -m benchmarks.references [root]
    python -m benchmarks.references results/runs seed=0..3 scale=1k,4k

A learner below a nearest neighbour is the bottleneck, whatever its images are. For every scale the final training set
of finished runs of ``strategy`` is taken, pixel by pixel, and scikit-learn's 1-NN and SVC (C = 10, gamma = scale;
nothing is tuned) are fitted to it; where the teacher's density is known, the class of highest density is its Bayes
rule. Their accuracies on the test set and on the population go to <root>/references.csv; figures and the report draw
them. What is there already is not fitted again. Only for problems small enough: images of at most 4,096 numbers; sets
of more than ``most`` images are left out, and said.
"""

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import cli
from benchmarks.export import task_of
from dp_common.config.options import option
from dp_common.config.specification import Runtime
from dp_common.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from dp_common.arrays import Flags
    from dp_common.config.resolve import Resolved

    Images = tuple[np.ndarray, np.ndarray]  # pixels uint8 [n, C, H, W], labels [n]

NUMBERS = 4096  # of an image, at most
BLOCK = 512  # images whose densities are taken at once
METHODS = ("1-nn", "rbf-svm")
BAYES = "bayes"


@dataclass
class Options:
    """Keys of this application."""

    root: str = option(Runtime.root, "folder of runs, at any depth", positional=True, place=True)
    seed: tuple[int, ...] = option(
        (), "runs of these seeds; seeds= is the same", unset="the lowest there is", ranges=True
    )
    scale: tuple[str, ...] = option((), "at these scales, by commas", unset="all", many=True)
    strategy: str = option("static", "whose final training sets are taken, such as static or real")
    most: int = option(20_000, "images of a training set, at most", low=1)


def main(argv: Sequence[str]) -> int:
    """Fit and write; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    from dp_common.files import write_atomic
    from results.reading import references

    chosen = chosen_runs(options)
    path = Path(options.root) / references.NAME
    rows: list[dict[str, Any]] = references.rows_of(path)
    for run in chosen:
        known = {row["method"] for row in rows if row["run_id"] == run["run_id"]}
        found = list(rows_of_run(run, known, options.most))
        rows += found
        if found:
            write_atomic(path, as_csv(sorted(rows, key=references.order)).encode())
    print(table_text(sorted(rows, key=references.order)))
    print(f"\nwritten to {path}", file=sys.stderr)
    return 0


def chosen_runs(options: Options) -> list[dict[str, Any]]:
    """The finished runs to fit: of each comparison and scale those with the seeds asked for. Raises BadInput."""
    from dp_common.config.typed import count
    from results.analysis.study import load
    from results.frames import records

    scales = {count("scale", scale) for scale in options.scale}
    chosen: list[dict[str, Any]] = []
    for comparison in load(options.root).comparisons:
        runs = comparison.done[comparison.done["arm"] == options.strategy]
        runs = runs[runs["scale"].isin(list(scales))] if scales else runs
        seeds = options.seed or sorted(set(runs["seed"]))[:1]
        chosen += records(runs[runs["seed"].isin(list(seeds))].sort_values(["scale", "seed"]))
    if not chosen:
        asked = f"strategy={options.strategy}, of these seeds and scales"
        raise BadInput("root", options.root, f"holds no finished run with {asked}")
    return chosen


def rows_of_run(run: dict[str, Any], known: set[str], most: int) -> Iterator[dict[str, Any]]:
    """What each method gets from one run's images, a row per method and set; those in ``known`` are there already."""
    if {*METHODS} <= known:
        return
    if run["images_kept"] > most:
        print(f"note: {run['run_id']}: {run['images_kept']:,} images, most={most:,}; left out", file=sys.stderr)
        return
    import numpy as np

    from dp_common.config.resolve import resolve
    from dp_common.persistence import ledger

    if not (Path(run["folder"]) / ledger.NAME).is_file():
        print(f"note: {run['run_id']}: archived, its images are not here; left out", file=sys.stderr)
        return
    opened: Any = [record for record in ledger.read(run["folder"]) if record["kind"] == "open"][-1]
    resolved = resolve(opened["words"])
    resolved.task = task_of(run["folder"], opened)
    shape = resolved.task.test.read(np.arange(1)).shape[1:]
    if shape[0] * shape[1] * shape[2] > NUMBERS:
        print(f"note: {run['run_id']}: images of {shape}, too large; left out", file=sys.stderr)
        return
    held_out = sets_of(resolved, Path(run["folder"]))
    pixels, labels = training_set(run, resolved)
    place = {name: run[name] for name in ("task", "teacher", "data.split", "strategy", "scale", "seed", "run_id")}
    for method in METHODS:
        fitted = classifier(method).fit(flat(pixels), labels)
        for name, (images, truth) in held_out.items():
            right = fitted.predict(flat(images)) == truth
            yield {**place, "method": method, "set": name, "images": len(truth), "accuracy": float(right.mean())}
    if resolved.teacher.knows_density:
        for name, (images, truth) in held_out.items():
            right = bayes(resolved, images) == truth
            yield {**place, "method": BAYES, "set": name, "images": len(truth), "accuracy": float(right.mean())}


def classifier(method: str) -> Any:
    """The untuned classifier of this name."""
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    return KNeighborsClassifier(1) if method == "1-nn" else SVC(C=10.0, kernel="rbf", gamma="scale")


def flat(images: "np.ndarray") -> "np.ndarray":
    """Pixels 0 .. 255 [n, C, H, W] -> numbers 0 .. 1 [n, C·H·W]."""
    return images.reshape(len(images), -1).astype("float32") / 255


def sets_of(resolved: "Resolved", folder: Path) -> "dict[str, Images]":
    """The test set and, where the run has one, the population; the teacher is made ready on the way."""
    import numpy as np

    task, teacher = resolved.task, resolved.teacher
    teacher.prepare(task, "cpu")
    found = {"test": (task.test.read(np.arange(len(task.test.labels))), task.test.labels)}
    if (drawn := population_of(resolved, folder)) is not None:
        found["population"] = drawn
    return found


def population_of(resolved: "Resolved", folder: Path) -> "Images | None":
    """The held-out images of a run's teacher; None where it has none, or none were drawn."""
    import numpy as np

    from dp_common.lab import population
    from dp_common.seeds import label_of

    n = population.images_of(resolved)
    labels = label_of(np.arange(n), len(resolved.task.classes))
    if n and resolved.teacher.knows_density:
        return population.exact_pixels(resolved.teacher, labels), labels
    path = folder.parent / "population" / f"{population.key_of(resolved, n)}.npy"
    return (np.load(path), labels) if path.is_file() else None


def training_set(run: dict[str, Any], resolved: "Resolved") -> "Images":
    """The final training set of a run."""
    import numpy as np

    from dp_common.lab.final_set import FinalSet, members_of
    from dp_common.persistence import ledger
    from dp_common.training_data.shards import decode

    final = FinalSet(run["folder"], members_of(ledger.read(run["folder"])), run["values"], resolved.task.train)
    images = list(final.images())
    return np.stack([decode(image.data) for image in images]), np.array([image.label for image in images])


def bayes(resolved: "Resolved", images: "np.ndarray") -> "Flags":
    """The class of highest density of each image, equal priors."""
    import torch

    density = resolved.teacher.log_density  # of each image at every component of every class: some at a time
    blocks = torch.from_numpy(images).split(BLOCK)
    return torch.cat([density(block.float() / 127.5 - 1).argmax(1) for block in blocks]).numpy()


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as text, numbers in full."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def table_text(rows: Sequence[dict[str, Any]]) -> str:
    """A line per method, run and set."""
    return "\n".join(
        f"{row['task']}, {row['teacher']}, {row['strategy']} {int(row['scale']):>7,}, seed {row['seed']}   "
        f"{row['method']:8} on {row['set']:10} {100 * float(row['accuracy']):6.2f} %"
        for row in rows
    )


if __name__ == "__main__":
    cli.guarded(main)
