"""The teacher's own world: one draw for all runs of a comparison, that no run can reach, tested on at the end alone."""

import numpy as np
import pytest
import torch

from dp_common.config.resolve import resolve
from dp_common.errors import BadInput
from dp_common.lab import population, runner
from dp_common.persistence import ledger
from dp_common.seeds import label_of

UNET = ("task=digits-1797", "teacher=unet", "scale=20", "train.seen=640", "population.images=30")


def drawn(tmp_path):
    return list((tmp_path / "runs" / "population").glob("*"))


def test_a_known_density_gives_the_same_images_whatever_the_run(small):
    labels = label_of(np.arange(400), 10)
    images = []
    for words in (("strategy=static", "seed=0"), ("strategy=dp", "seed=7", "scale=60")):
        run = small(*words)
        run.task.load(0)
        run.teacher.prepare(run.task, "cpu")
        images.append(population.exact_pixels(run.teacher, labels))
        known = run.teacher.density_diagnostics(torch.from_numpy(images[-1]).float() / 127.5 - 1, torch.tensor(labels))
        assert known["true_label"].float().mean() > 0.98
    assert images[0].dtype == np.uint8 and np.array_equal(*images)


def test_it_is_tested_on_once_in_no_price_and_told(small):
    run = small("strategy=static", "evaluate=curve")
    summary = runner.execute(run, quiet=True)
    lines = [r for r in ledger.read(runner.folder_of(run)) if r["kind"] == "evaluate"]
    assert len(lines) > 1 and ["population" in line for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1]["population"]["n"] == summary["population_images"] == 300
    assert summary["population"] == lines[-1]["population"]["accuracy"] and "population" not in summary["shifted"]
    none = runner.execute(small("strategy=static", "population.images=0"), quiet=True)
    assert none["population"] is None and none["population_images"] == 0
    assert (none["store_digest"], none["accuracy"]) == (summary["store_digest"], summary["accuracy"])


def test_what_must_be_sampled_is_drawn_once_by_no_seed_of_a_run(small, tmp_path):
    one, other = small("strategy=static", *UNET), small("strategy=static", "seed=3", "sampler.steps=4", *UNET)
    first = runner.execute(one, quiet=True)
    (file,) = drawn(tmp_path)
    images, made = np.load(file), file.stat().st_mtime_ns
    assert images.shape == (30, 1, 8, 8) and 0 <= first["population"] <= 1
    runner.execute(other, quiet=True)
    assert drawn(tmp_path) == [file] and file.stat().st_mtime_ns == made
    file.unlink()
    runner.execute(small("strategy=static", "seed=4", *UNET), quiet=True)
    assert np.array_equal(np.load(file), images)
    assert first["network_evaluations"] == 20 * one.spec.sampler.steps  # of its own images alone


def test_a_teacher_that_holds_images_holds_none_back(tmp_path):
    words = ["strategy=static", "teacher=images", f"images.path={tmp_path}"]
    with pytest.raises(BadInput, match="population.images=30: 0 with teacher=images"):
        resolve([*words, "population.images=30"])
