"""strategy=mix: k real images of each class beside generated ones; more than there are is refused beforehand."""

import numpy as np
import pytest

from benchmarks import export
from dp_common.errors import BadInput
from dp_common.lab import runner
from dp_common.real_images.splits import real_order


def test_k_real_images_of_each_class_and_generated_ones(small, tmp_path):
    import pandas as pd

    run = small("strategy=mix", "mix.real_per_class=4", "scale=120")
    summary = runner.execute(run, quiet=True)
    assert (summary["images_generated"], summary["images_kept"], summary["scale_reached"]) == (80, 120, True)
    export.main([str(runner.folder_of(run)), "to=parquet", f"out={tmp_path / 'set'}"])
    rows = pd.read_parquet(tmp_path / "set/data")
    real = rows[rows["source"] == "real"]
    assert real["label"].value_counts().to_dict() == dict.fromkeys(range(10), 4)
    assert real["index"].tolist() == real_order(0, run.task.train.labels, 40, "class").tolist()
    assert rows[rows["source"] == "generated"]["index"].tolist() == list(range(80))


def test_without_real_images_it_is_static(small):
    mixed, static = small("strategy=mix", "mix.real_per_class=0"), small("strategy=static")
    digests = [runner.execute(run, quiet=True)["store_digest"] for run in (mixed, static)]
    assert digests[0] == digests[1]


def test_it_may_be_real_images_alone(small):
    summary = runner.execute(small("strategy=mix", "mix.real_per_class=2", "scale=20"), quiet=True)
    assert (summary["images_generated"], summary["images_kept"]) == (0, 20)


def test_more_than_the_scale_is_refused(small):
    with pytest.raises(BadInput, match="^mix.real_per_class=13: at most scale / classes, 12$"):
        small("strategy=mix", "mix.real_per_class=13")


def test_more_than_a_class_holds_is_refused_before_anything_is_made(small, tmp_path):
    run = small("strategy=mix", "mix.real_per_class=95", "scale=1000")
    run.task.load(0)
    counts = np.bincount(run.task.train.labels)
    with pytest.raises(
        BadInput, match=f"^mix.real_per_class=95: at most {counts.min()}, .* of class {counts.argmin()}$"
    ):
        runner.execute(run, quiet=True)
    assert counts.min() < 95 and not (tmp_path / "runs").exists()
    allowed = small("strategy=mix", f"mix.real_per_class={counts.min()}", "scale=1000")
    assert runner.preflight(allowed).type in ("cpu", "cuda")
