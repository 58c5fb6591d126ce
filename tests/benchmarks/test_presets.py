"""Every row of the paper's tables is a preset that resolves, fits its own budget and says what the row says."""

import csv
from pathlib import Path

import pytest

from benchmarks import estimates
from benchmarks.run import dry_text
from dp_common.config.registry import plugins
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
NAMES = [name for name in plugins("preset") if name.startswith("paper/")]


def rows(name):
    with open(PUBLISHED / f"{name}.csv") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def presets():
    return {name: resolve([f"preset={name}"]) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_it_dry_runs(presets, name):
    text = dry_text(presets[name])
    assert presets[name].run_id in text and "task = imagenet1" in text


@pytest.mark.parametrize("task, iterations, batch", [("imagenet100", 50_000, 2048), ("imagenet1k", 100_000, 4096)])
def test_scaling_rows_are_as_published(presets, task, iterations, batch):
    for row in rows(f"scaling_{task}"):
        initial, per_round, rounds = (int(row[key]) for key in ("initial", "per_round", "rounds"))
        total = initial + rounds * per_round  # the row printed as 1,794k is 1,858k by its own N, P and k
        assert total == int(row["images"]) or (total, int(row["images"])) == (1_858_000, 1_794_000)
        name = f"paper/{task}-{'static-' if row['strategy'] == 'static' else ''}{total // 1000}k"
        run = presets[name]
        assert (run.spec.task, run.spec.strategy, run.spec.scale) == (task, row["strategy"], total)
        assert run.spec.train.seen == iterations * batch and run.spec.train.batch == batch
        assert run.spec.train.lr == {"imagenet100": 0.003, "imagenet1k": 0.0016}[task]
        if row["strategy"] == "dp":
            dp = run.strategy
            assert (dp.initial, dp.per_round, dp.additions, dp.omega) == (
                initial,
                per_round,
                rounds,
                float(row["omega"]),
            )
            assert (dp.patience, dp.schedule) == (int(row["initial_patience"]), "patience")
            assert dp.interval in (initial, 2 * initial, 3 * initial)  # whole epochs, ours


@pytest.mark.parametrize("name", NAMES)
def test_looking_at_the_monitor_takes_at_most_three_percent_of_training(presets, name):
    hours = estimates.estimate(presets[name], "h100").hours
    assert 0 < hours["monitor"] <= 0.03 * hours["train"]
    if presets[name].spec.strategy != "dp":
        return
    shorter = [f"preset={name}", f"dp.interval={presets[name].strategy.initial}"]  # epochs are no more than it takes
    if presets[name].strategy.interval > presets[name].strategy.initial:
        hours = estimates.estimate(resolve(shorter), "h100").hours
        assert hours["monitor"] > 0.03 * hours["train"]


def test_the_papers_lambda_is_three_in_its_scaling_plots_and_two_in_table_1(presets):
    """diffusers' scale is lambda + 1: appendix D.5.1 and the caption of Table 1."""
    scales = {name: run.spec.sampler.cfg_scale for name, run in presets.items() if run.spec.strategy != "real"}
    table1 = {name for name in scales if name.startswith("paper/table1-")}
    assert len(table1) == 3 and len(scales) > 50
    assert {name for name, scale in scales.items() if scale == 3.0} == table1
    assert {scale for name, scale in scales.items() if name not in table1} == {4.0}


def test_the_learners_recipe_is_the_papers(presets):
    for run in presets.values():
        train = run.spec.train
        assert (train.label_smoothing, train.mixup, train.cutmix, train.ema) == (0.11, 0.5, 1.0, 0.999)
        assert (
            run.spec.learner == "vit_base_patch16_224" and train.order == "block" and run.spec.data.monitor == "paper"
        )


def test_ablations_and_teachers_are_as_published(presets):
    for row in rows("ablations_imagenet100"):
        kind = (
            "fixed-patience"
            if row["patience"] == "fixed"
            else "new-weight2"
            if row["sampling"] != "uniform"
            else f"omega{row['omega']}"
        )
        dp = presets[f"paper/imagenet100-ablation-{kind}"].strategy
        assert dp.omega == float(row["omega"]) and (dp.patience_growth == 0) == (row["patience"] == "fixed")
        assert dp.new_weight == (1 if row["sampling"] == "uniform" else 2)
    for row in rows("teachers_imagenet100"):
        run = presets[f"paper/imagenet100-teacher-{row['teacher'].replace('LDM', 'sd').lower()}"]
        assert run.places["stable_diffusion.weights"] == row["teacher"].replace("LDM", "sd").lower()
        assert run.spec.scale == int(row["images"]) and run.spec.train.seen == int(row["iterations"]) * 2048
    assert (
        len({run.run_id for run in presets.values()}) == len(presets) - 2
    )  # omega 0.05 is the 640k row, sd-1.5 is static-130k


def test_the_pruning_experiment(presets):
    for ratio in (1, 2, 4, 6, 8, 10, 12, 14, 16, 18):
        run = presets[f"paper/imagenet100-prune-x{ratio}"]
        assert (run.spec.scale, run.strategy.initial, run.strategy.oversample) == (260_000, 130_000, ratio)
        assert run.strategy.at * run.spec.train.seen == 17_000 * 2048 and run.spec.train.seen == 50_000 * 2048


def test_a_preset_can_be_overridden_and_stands_on_others(tmp_path):
    assert resolve(["preset=paper/imagenet100-640k", "dp.omega=0", "seed=3"]).strategy.omega == 0
    (tmp_path / "base.yaml").write_text("strategy: static\nscale: 2000\n")
    (tmp_path / "mine.yaml").write_text(f"base: {tmp_path}/base.yaml\nscale: 3000\n")
    run = resolve([f"preset={tmp_path}/mine.yaml"])
    assert (run.spec.strategy, run.spec.scale, run.sources["scale"]) == ("static", 3000, f"preset {tmp_path}/mine.yaml")
    with pytest.raises(BadInput, match="Did you mean paper/imagenet100-640k"):
        resolve(["preset=paper/imagenet100-640"])


@pytest.mark.parametrize("strategy", ["dp", "prune"])
def test_presets_of_the_paper_wait_for_plateaus_alone(presets, strategy):
    """What the paper did, whatever the strategies do by default; run ids are those of before."""
    mine = {name: run for name, run in presets.items() if run.values["strategy"] == strategy}
    assert mine and {run.values[f"{strategy}.deadline"] for run in mine.values()} == {"none"}
    assert resolve([f"strategy={strategy}"]).values[f"{strategy}.deadline"] == "even"
    if strategy == "dp":
        then = ["guide_precision=fp32", "stable_diffusion.channels_last=yes"]
        before = resolve(["preset=paper/imagenet100-640k", *then])
        assert before.run_id == "imagenet100-dp-640k-s0-24b9fee69f"


RIVALS = [name for name in plugins("preset") if name.startswith("rivals/imagenet")]


def test_rivals_at_the_papers_sizes_follow_a_row_of_dp_and_have_hours(presets):
    """The same scale, evaluations and plateaus; as many additions, of the same size."""
    assert len(RIVALS) == 8
    for name in RIVALS:
        run = resolve([f"preset={name}"])
        row = presets["paper/imagenet100-128k" if "100-" in name else "paper/imagenet1k-1308k"]
        assert (run.spec.scale, run.spec.train) == (row.spec.scale, row.spec.train)
        paced = ("interval", "patience", "patience_growth", "per_round", "additions", "deadline")
        assert [getattr(run.strategy, key) for key in paced] == [getattr(row.strategy, key) for key in paced], name
        assert "H100-hours" in dry_text(run)
