"""Runs with a probe, and what their files hold, for the tests of this folder."""

import numpy as np
import pyarrow.parquet as pq

from dp_common.config.resolve import resolve
from dp_common.lab import runner
from dp_common.learner.classifier import build
from dp_common.persistence import ledger
from dp_common.training_data import shards

WORDS = [
    "task=plane",
    "scale=240",
    "train.seen=7680",
    "train.batch=64",
    "sampler.steps=10",
    "strategy=dp",
    "dp.schedule=even",
    "dp.interval=640",
    "dp.omega=0.3",
    "dp.every=2",
    "checkpoint_every=0",
]


def run(root, *words, stop=lambda: False):
    """-> (summary, records, folder)"""
    given = {word.partition("=")[0] for word in words}
    resolved = resolve([*(word for word in WORDS if word.partition("=")[0] not in given), *words, f"root={root}"])
    folder = runner.folder_of(resolved)
    return runner.execute(resolved, stop=stop, quiet=True), ledger.read(folder), folder


def probe_line(records):
    """The content of the last probe line, without what differs between attempts."""
    found = [r for r in records if r["kind"] == "probe"][-1]
    return {key: value for key, value in found.items() if key not in ("n", "t", "attempt", "spent", "crc", "call")}


def halved(weights):
    return {key: value.half().float() for key, value in weights.items()}


def model_of(weights):
    model = build("mlp-plane", {}, (1, 1, 2), 3)
    model.load_state_dict(weights)
    return model.eval()


def images_of(folder, call):
    tables = [pq.read_table(folder / member["file"]) for member in call["added"]]
    images = np.stack(
        [shards.decode(data) for table in tables for data in table["image"].combine_chunks().field("bytes").to_pylist()]
    )
    return images, np.concatenate([table["label"].to_numpy() for table in tables])


def rows_of(table, **wanted):
    rows = [dict(zip(table, row)) for row in zip(*table.values())]
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]
