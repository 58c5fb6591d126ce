"""The best settings on monitor: what is a method, what is chosen, and the grid that is written for other seeds."""

import pandas as pd
import pytest

from benchmarks import grid_files, tuned
from dp_common.errors import BadInput
from tests.results import fabricate

GRID = """
- strategy: dp
  dp.score: [margin, loss]
  dp.omega: [0.05, 0.1]
  train.seen: 64k
  scale: 1k
  seed: &seeds 100..103
- strategy: static
  sampler.temperature: [1.25, 1.5]
  train.seen: 64k
  scale: 1k
  seed: *seeds
- strategy: static
  sampler.cfg_scale: 2
  train.seen: 64k
  scale: 1k
  seed: *seeds
"""
MONITOR = {  # {words: on monitor by seed}; test says the opposite
    "dp.score=margin dp.omega=0.05": (0.90, 0.92, 0.90, 0.92),
    "dp.score=margin dp.omega=0.1": (0.92, 0.93, 0.92, 0.93),
    "dp.score=loss dp.omega=0.05": (0.95, 0.95, 0.95, 0.95),
    "dp.score=loss dp.omega=0.1": (0.90, 0.90, 0.90, 0.90),
    "sampler.temperature=1.25": (0.90, 0.90, 0.90, 0.90),
    "sampler.temperature=1.5": (0.90, 0.90, 0.90, 0.90),
    "sampler.cfg_scale=2": (0.80, 0.80, 0.80, 0.80),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("tuned")
    (root / "grid.yaml").write_text(GRID)
    for words, accuracies in MONITOR.items():
        strategy = "dp" if words.startswith("dp") else "static"
        for seed, accuracy in zip(range(100, 104), accuracies):
            text = f"strategy={strategy} {words} train.seen=64k scale=1k seed={seed}"
            fabricate.run(root / "runs", text, 1 - accuracy, monitor=accuracy)
    return root


def ask(root, *words, grid="grid.yaml"):
    return tuned.main([str(root / "runs"), f"grid={root / grid}", f"out={root / 'out'}", *words])


def test_words_are_methods_numbers_are_settings_and_monitor_decides(root, capsys):
    assert ask(root) == 0
    frame = pd.read_csv(root / "out" / "tuned.csv")
    assert list(frame["method"].unique()) == [
        "strategy=dp dp.score=margin train.seen=64k scale=1k, by dp.omega",
        "strategy=dp dp.score=loss train.seen=64k scale=1k, by dp.omega",
        "strategy=static train.seen=64k scale=1k, by sampler.temperature",
        "strategy=static sampler.cfg_scale=2 train.seen=64k scale=1k",
    ]
    chosen = frame[frame["chosen"]]
    assert list(chosen["setting"].fillna("")) == ["dp.omega=0.1", "dp.omega=0.05", "sampler.temperature=1.25", ""]
    margin = frame[frame["setting"].eq("dp.omega=0.05") & frame["method"].str.contains("margin")].iloc[0]
    assert margin["below_best"] == pytest.approx(0.015) and margin["monitor"] == pytest.approx(0.91)
    assert "+1.50 [+0.58, +2.42]" in capsys.readouterr().out  # 2, 1, 2, 1 points: 1.5 ± 3.182 · 0.577 / 2


def test_what_is_chosen_is_a_grid_of_other_seeds_and_scales(root, tmp_path, capsys):
    assert ask(root, "seed=20..22", "scale=1k,4k", f"save={tmp_path / 'best.yaml'}") == 0
    points = grid_files.expand([f"grid={tmp_path / 'best.yaml'}"])
    assert len(points) == 4 * 2 * 3
    dp = [point for point in points if "dp.score=loss" in point]
    assert sorted({word for point in dp for word in point}) == [
        *("dp.omega=0.05", "dp.score=loss", "scale=1k", "scale=4k", "seed=20", "seed=21", "seed=22"),
        *("strategy=dp", "train.seen=64k"),
    ]
    with pytest.raises(BadInput, match="^save=.*best.yaml: is there already"):
        ask(root, "seed=20..22", f"save={tmp_path / 'best.yaml'}")


def test_seeds_that_were_tuned_on_are_refused(root, tmp_path):
    with pytest.raises(BadInput, match="^seed=101..103: tuned on"):
        ask(root, "seed=101..110", f"save={tmp_path / 'best.yaml'}")
    assert not (tmp_path / "best.yaml").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["seed=20..22"], "^seed=20..22: goes with save=FILE.yaml"),
        (["save=best.yaml"], "^save=best.yaml: goes with seed="),
        (["scale=4k"], "^scale=4k: goes with save="),
        (["seed=20", f"save={__file__}/best.yaml"], "^save=.*test_tuned.py/best.yaml: cannot write there"),
        (["seed=20", "save=best.txt"], "^save=best.txt: a grid is a file that ends in .yaml"),
        (["seed=20", "scale=1k,some", "save=best.yaml"], "^scale=some: "),
        (["grid=nothing"], "^grid=nothing: "),
    ],
)
def test_bad_input(root, words, said):
    with pytest.raises(BadInput, match=said):
        tuned.main(
            [str(root / "runs"), *([] if words[0].startswith("grid") else [f"grid={root / 'grid.yaml'}"]), *words]
        )


def test_where_runs_are_missing_nothing_is_chosen_of_that_method(root, tmp_path, capsys):
    (root / "more.yaml").write_text(GRID.replace("dp.omega: [0.05, 0.1]", "dp.omega: [0.05, 0.1, 0.2]"))
    assert ask(root, grid="more.yaml") == 0
    said = capsys.readouterr().out
    assert "—(0/4)" in said and "Runs are missing, so that nothing is chosen: strategy=dp dp.score=margin" in said
    frame = pd.read_csv(root / "out" / "tuned.csv")
    assert list(frame[frame["chosen"]]["method"].str.contains("static")) == [True, True]
    with pytest.raises(BadInput, match="^save=.*: runs of strategy=dp dp.score=margin .* are missing"):
        ask(root, "seed=20", f"save={tmp_path / 'best.yaml'}", grid="more.yaml")
    assert not (tmp_path / "best.yaml").exists()


def test_settings_of_one_method_have_the_same_seeds_and_are_paired_by_them():
    """Two entries of one method: other seeds are refused, the same ones in another order are no other."""
    entry = "strategy=dp dp.omega={} scale=250 seed={}".format
    first, second, later = (
        [entry(omega, seed).split() for omega in omegas for seed in seeds]
        for omegas, seeds in (((0.1, 0.2), (100, 101)), ((0.3, 0.4), (101, 100)), ((0.5, 0.6), (102, 103)))
    )
    ((settings),) = tuned.asked_of([first, second]).values()
    seeds = [[run.split("-s")[1][:3] for run in runs] for runs in settings.values()]
    assert seeds == [["100", "101"]] * 4
    with pytest.raises(
        BadInput, match="^grid=strategy=dp scale=250: its settings have different seeds.* seeds 102..103$"
    ):
        tuned.asked_of([first, later])


def test_a_seed_that_the_grid_does_not_name_was_tuned_on_too(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "grid.yaml").write_text("- strategy: dp\n  dp.omega: [0.05, 0.1]\n  scale: 250\n")
    with pytest.raises(BadInput, match="^seed=0: tuned on"):
        ask(tmp_path, "seed=0..3", f"save={tmp_path / 'best.yaml'}")


def test_what_was_tuned_at_several_scales_keeps_each_setting_at_its_own(tmp_path):
    (tmp_path / "grid.yaml").write_text(
        "- {strategy: dp, dp.omega: [0.05, 0.1], scale: [250, 500], train.seen: 64k, seed: [100, 101]}\n"
    )
    for scale, best in ((250, "0.05"), (500, "0.1")):
        for omega in ("0.05", "0.1"):
            for seed in (100, 101):
                text = f"strategy=dp dp.omega={omega} train.seen=64k scale={scale} seed={seed}"
                fabricate.run(tmp_path / "runs", text, monitor=0.95 if omega == best else 0.9)
    with pytest.raises(BadInput, match="^scale=1k: strategy=dp train.seen=64k was tuned at several scales"):
        ask(tmp_path, "seed=20", "scale=1k", f"save={tmp_path / 'best.yaml'}")
    assert ask(tmp_path, "seed=20", f"save={tmp_path / 'best.yaml'}") == 0
    points = [set(point) for point in grid_files.expand([f"grid={tmp_path / 'best.yaml'}"])]
    assert [{"dp.omega=0.05", "scale=250"} <= points[0], {"dp.omega=0.1", "scale=500"} <= points[1]] == [True, True]


@pytest.mark.parametrize("value", ["no", "yes", "0.1", "1k", "true", "none", "./a b", "1e-3", "x:y"])
def test_a_value_is_read_from_the_file_as_it_was_typed(tmp_path, value):
    (tmp_path / "one.yaml").write_text(f"- strategy: {tuned.yaml_text(value)}\n")
    assert grid_files.read(str(tmp_path / "one.yaml")) == [{"strategy": value}]


def test_scales_seeds_and_splits_are_no_settings_and_what_is_said_twice_is_one():
    entry = "strategy=dp dp.omega={} scale={} data.split={} seed={}".format
    points = [entry(o, s, d, n).split() for o in (0.1, 0.2) for s in (250, 500) for d in (0, 1) for n in (100, 101)]
    asked = tuned.asked_of([points, points[:4]])
    of_both = {words: settings for (words, keys), settings in asked.items() if keys == ("dp.omega",)}
    assert list(of_both) == [("strategy=dp", f"scale={scale}") for scale in (250, 500)]
    assert all(len(runs) == len(set(runs)) == 4 for settings in of_both.values() for runs in settings.values())
    again = tuned.asked_of([points, points])
    assert again == {key: settings for key, settings in asked.items() if key[1]}
