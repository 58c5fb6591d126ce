"""The claims' rules in detail: what decides, what does not, and what is left out."""

from dataclasses import replace
from math import log, log2

import numpy as np
import pytest

from results import claims
from results.analysis import repricing
from results.analysis.stats import Interval
from results.analysis.study import load
from results.claims.judging import pairs
from results.claims.judging.arm_selection import ArmSelection
from tests.results.claims import claim_world as world


def one(root, id, known=None):
    (found,) = claims.evaluate(root, known, only=(id,))
    return found


def test_c1_effects_are_paired_differences_and_the_slope_is_of_logarithms(tmp_path):
    world.runs(tmp_path, "strategy=static", {"500": 0.5, "2k": 0.75}, world.FLAT, seeds=range(3))
    world.runs(tmp_path, "strategy=dp", {"500": 0.55, "2k": 0.9}, world.FLAT, seeds=range(3))
    *steps, slope = one(tmp_path, "C1").findings
    assert [finding.interval.mean for finding in steps] == pytest.approx([5, 15])
    logs = [log((errors + 0.5) / (others + 0.5)) for errors, others in ((100, 90), (50, 20))]
    assert slope.interval.mean == pytest.approx((logs[1] - logs[0]) / log2(4)) and slope.interval.n == 3


def test_c1_above_everywhere_with_a_gap_that_shrinks_is_refuted(tmp_path):
    world.runs(tmp_path, "strategy=static", {"500": 0.6, "1k": 0.8})
    world.runs(tmp_path, "strategy=dp", {"500": 0.75, "1k": 0.84})
    found = one(tmp_path, "C1")
    assert [finding.verdict for finding in found.findings] == [
        "confirmed",
        "confirmed",
        "refuted",
    ] and found.verdict == "refuted"


def test_c1_a_scale_with_one_seed_keeps_it_open_and_takes_no_part_in_the_slope(tmp_path):
    world.runs(tmp_path, "strategy=static", {"500": 0.7, "1k": 0.7})
    world.runs(tmp_path, "strategy=dp", {"500": 0.8, "1k": 0.9})
    assert one(tmp_path, "C1").verdict == "confirmed"
    for words, accuracy in (("static", 0.9), ("dp", 0.6)):
        world.run(tmp_path, f"strategy={words} scale=4k", 0, accuracy)
    found = one(tmp_path, "C1")
    assert found.verdict == "undecided" and "undecided at 4k (one pair has no interval)" in found.why
    assert found.findings[-1].verdict == "confirmed" and found.findings[-1].interval.n == 5
    assert "scale=4k" in found.sweep and "1k" not in found.sweep


def test_c2_not_different_is_not_equal(tmp_path):
    world.runs(tmp_path, "strategy=static", {"500": 0.8}, world.FLAT)
    world.runs(tmp_path, "strategy=dp dp.omega=0", {"500": 0.8}, (0.01, 0.03, -0.02, 0.04, -0.03))
    (finding,) = one(tmp_path, "C2").findings
    assert (
        finding.verdict == "undecided"
        and finding.interval.low < 0 < finding.interval.high
        and finding.level == 90
        and finding.enough > 5
    )


def test_c2_a_difference_of_half_a_point_is_equal_within_one(tmp_path):
    world.runs(tmp_path, "strategy=static", {"500": 0.8}, world.FLAT)
    world.runs(tmp_path, "strategy=dp dp.omega=0", {"500": 0.8}, (0.005,) * 5)
    (finding,) = one(tmp_path, "C2").findings
    assert finding.interval.low > 0  # significantly above, and yet
    assert (
        finding.verdict == "undecided" and finding.why == "left open by the bootstrap over test images"
    )  # one image of 200 may be drawn thrice


def omegas(root, accuracies, monitors, words=""):
    for (omega, accuracy), monitor in zip(accuracies.items(), monitors):
        for seed in range(3):
            world.run(
                root,
                f"strategy=dp dp.omega={omega} scale=1k {words}",
                seed,
                accuracy + world.NOISE[seed],
                monitor=monitor,
            )


def test_c3_the_value_is_chosen_on_monitor_not_on_test(tmp_path):
    """0.1 is best on test, 0.02 on monitor: only the second is asked, and loses."""
    omegas(tmp_path, {"0": 0.8, "0.02": 0.7, "0.1": 0.95, "0.2": 0.8}, (0.7, 0.9, 0.8, 0.7))
    found = one(tmp_path, "C3")
    assert found.verdict == "refuted" and [finding.effect.partition("n=3 ")[2] for finding in found.findings] == [
        "(0.02 − 0)",
        "(0.02 − 0.2)",
    ]


def test_c3_one_curve_is_half_of_it_and_the_sweep_is_of_the_other(tmp_path):
    omegas(tmp_path, {"0": 0.7, "0.05": 0.9, "0.2": 0.8}, (0.7, 0.9, 0.8))
    found = one(tmp_path, "C3")
    assert found.verdict == "undecided" and "ω: confirmed at 1k; oversampling: not run" in found.why
    assert "prune.oversample=1,2,4,8,16,32" in found.sweep and "dp.omega" not in found.sweep


def test_c3_chosen_on_the_test_set_itself_decides_nothing(tmp_path):
    omegas(tmp_path, {"0": 0.7, "0.05": 0.9, "0.2": 0.8}, (0.7, 0.9, 0.8), "data.monitor=paper")
    assert "chosen on the test set itself" in one(tmp_path, "C3").why


def hours(root, teacher, dp, cost=0.5, seeds=range(4)):
    curve = {500: 0.7, 1000: 0.8, 2000: 0.9}
    for words, accuracies, each in (("prune", curve, 1), ("dp", dp or curve, cost)):
        for scale, accuracy in accuracies.items():
            for seed in seeds:
                world.run(
                    root, f"strategy={words} teacher={teacher} scale={scale}", seed, accuracy, hours=each * scale / 1e5
                )


def test_c4_the_factor_is_at_an_accuracy_that_every_seed_of_prune_reaches(tmp_path):
    hours(tmp_path, "unet", None, 0.25)
    (finding,) = one(tmp_path, "C4").findings
    assert (
        finding.verdict == "confirmed"
        and finding.interval.mean == pytest.approx(4)
        and "at 90.0 % on cpu" in finding.effect
    )


def test_c4_one_seed_that_never_gets_there_keeps_it_open(tmp_path):
    hours(tmp_path, "unet", None)
    for words, each in (("prune", 1), ("dp", 0.5)):
        for scale, accuracy in {500: 0.7, 1000: 0.8, 2000: 0.9}.items():
            world.run(
                tmp_path,
                f"strategy={words} teacher=unet scale={scale}",
                4,
                min(accuracy, 0.75) if words == "dp" else accuracy,
                hours=each * scale / 1e5,
            )
    found = one(tmp_path, "C4")
    assert found.findings[0].interval.n == 4 and found.findings[0].interval.low > 1
    assert (
        found.verdict == "undecided"
        and "1 censored, in 1 dp never reaches it" in found.ours
        and "1 never do" in found.why
    )


def test_c4_three_pairs_have_no_interval(tmp_path):
    hours(tmp_path, "unet", None, seeds=range(3))
    found = one(tmp_path, "C4")
    assert (
        found.verdict == "undecided" and "n=3" in found.ours and "[" not in found.ours and "fewer than 4" in found.why
    )


def test_c4_on_the_mixture_only_repriced(tmp_path):
    from benchmarks import claims as application
    from benchmarks import unit_costs
    from benchmarks.cli import parse

    hours(tmp_path, "mixture", None, cost=9)
    found = one(tmp_path, "C4")
    assert found.verdict == "undecided" and "re-priced" in found.why
    assert "prices the mixture itself" in one(tmp_path, "C4", repricing.load(unit_costs.path_of("prices", "cpu"))).why
    found = one(tmp_path, "C4", parse(found.sweep.split()[3:], application.Options).load_prices())
    assert (
        found.verdict == "confirmed" and "re-priced" in found.ours
    )  # 28,000 plain images of prune for 4,000 of dp, at UNet prices


def test_c5_loss_is_of_unmixed_images(tmp_path):
    """Where the recipe mixes, losses of training are not used: those of the probe are."""
    for seed in range(3):
        for omega, probed in ((0.05, 0.6), (0, 0.3)):
            lines = world.history(jump=9 * omega, rise=0.01, probe=False) + world.history(jump=probed)[-1:]
            world.run(
                tmp_path, f"strategy=dp dp.omega={omega} scale=500 train.mixup=0.5 train.batch=128", seed, inside=lines
            )
    jump, rise = one(tmp_path, "C5").findings
    # the set's loss is 1 without, and with the k-th addition 1 + jump/(k + 1): 0.6 · (1/2 + 1/3)/2 minus 0.3 of it
    assert jump.interval.mean == pytest.approx(
        (0.6 - 0.3) * (1 / 2 + 1 / 3) / 2
    ) and rise.interval.mean == pytest.approx(1)


def test_c5_and_c6_are_relative_to_growing_without_guidance(tmp_path):
    for seed in range(3):
        for omega in (0.05, 0):
            world.run(
                tmp_path,
                f"strategy=dp dp.omega={omega} scale=500",
                seed,
                inside=world.history(0.3, 0.01, -0.1 + 0.01 * seed * bool(omega), -0.2),
            )
    jump, rise = one(tmp_path, "C5").findings
    assert jump.interval.mean == pytest.approx(0) and jump.verdict == "undecided" and rise.verdict == "confirmed"
    before, after = one(tmp_path, "C6").findings
    assert before.interval.mean == pytest.approx(1) and after.verdict == "undecided"


def test_c6_without_the_probe_is_not_run_and_c5_is(tmp_path):
    for seed in range(3):
        for omega, jump in ((0.05, 0.3), (0, 0.1)):
            world.run(
                tmp_path, f"strategy=dp dp.omega={omega} scale=500", seed, inside=world.history(jump, 0.02, probe=False)
            )
    assert one(tmp_path, "C5").verdict == "confirmed"
    found = one(tmp_path, "C6")
    assert found.verdict == "not run" and "probe=hardness" in found.sweep and "probe=hardness" in found.why


def test_c8_is_a_difference_in_differences(tmp_path):
    for seed in range(3):
        world.run(
            tmp_path, "strategy=static scale=1k", seed, 0.7, shifted={"blur": 0.7, "noise": 0.6, "train_heldout": 0.7}
        )
        world.run(
            tmp_path, "strategy=dp scale=1k", seed, 0.75, shifted={"blur": 0.8, "noise": 0.64, "train_heldout": 0.99}
        )
    points, odds, *sets = one(tmp_path, "C8").findings
    assert points.interval.mean == pytest.approx((10 + 4) / 2 - 5)
    logit = lambda share: log((200 * share + 0.5) / (200 * (1 - share) + 0.5))
    assert odds.interval.mean == pytest.approx(
        (logit(0.8) - logit(0.7) + logit(0.64) - logit(0.6)) / 2 - logit(0.75) + logit(0.7)
    )
    assert [(finding.half, finding.verdict) for finding in sets] == [
        ("blur, in points", ""),
        ("noise, in points", ""),
    ]  # train_heldout is not shifted


def test_c8_where_points_and_log_odds_disagree_nothing_is_decided(tmp_path):
    """From 95 to 99 % is fewer points and more log-odds than from 50 to 58 %."""
    for seed, noise in zip(world.SEEDS, (0, 0.005, 0.01, 0, 0.005)):
        world.run(tmp_path, "strategy=static scale=1k", seed, 0.95, shifted={"blur": 0.5})
        world.run(tmp_path, "strategy=dp scale=1k", seed, 0.99, shifted={"blur": 0.58 + noise})
    found = one(tmp_path, "C8")
    assert found.findings[0].interval.low > 0 > found.findings[1].interval.high and found.verdict == "undecided"


@pytest.mark.parametrize(
    "more, verdict, why",
    [
        ({"off": 0.03, "again": False}, "undecided", "not finished"),
        ({"loops": 3}, "undecided", "not finished"),
        ({"se": 0.03}, "undecided", "error bars too long"),
        ({"off": 0.03}, "refuted", ""),
        ({}, "confirmed", ""),
    ],
)
def test_c9_an_unfinished_study_or_long_error_bars_decide_nothing(tmp_path, more, verdict, why):
    world.theory(tmp_path, **more)
    found = one(tmp_path, "C9")
    assert found.verdict == verdict and why in found.why


def test_c10_one_pool_in_which_frozen_loses_refutes_it(tmp_path):
    world.theory(tmp_path, gains=(0.02, -0.03))
    found = one(tmp_path, "C10")
    assert (
        found.verdict == "refuted"
        and "toy: frozen − random: refuted" in found.why
        and "toy: adaptive − frozen: confirmed" in found.why
    )


def test_planned_runs_that_are_missing_withhold_the_verdict(tmp_path):
    world.runs(tmp_path, "strategy=static", {"500": 0.7, "1k": 0.7})
    world.runs(tmp_path, "strategy=dp", {"500": 0.8, "1k": 0.9}, seeds=range(4))
    assert one(tmp_path, "C1").verdict == "confirmed"  # a seed that nobody planned for dp is not missing
    world.run(tmp_path, "strategy=dp scale=1k", 4, state="interrupted")
    found = one(tmp_path, "C1")
    assert found.verdict == "undecided" and "—(4/5) at 1k" in found.ours and "runs are missing" in found.why


def test_short_runs_take_no_part(tmp_path):
    world.runs(tmp_path, "strategy=static", {"500": 0.8}, world.FLAT)
    world.runs(tmp_path, "strategy=dp dp.omega=0", {"500": 0.8}, world.FLAT, seeds=range(4))
    world.run(tmp_path, "strategy=dp dp.omega=0 scale=500", 4, 0.3, kept=400)
    found = one(tmp_path, "C2")
    assert found.verdict == "confirmed" and "n=4" in found.ours


def test_without_per_image_correctness_nothing_is_decided(tmp_path):
    world.runs(tmp_path, "strategy=static", {"500": 0.6, "1k": 0.6}, seeds=range(3), flags=False)
    world.runs(tmp_path, "strategy=dp", {"500": 0.8, "1k": 0.9}, seeds=range(3), flags=False)
    found = one(tmp_path, "C1")
    assert found.verdict == "undecided" and "without per-image correctness" in found.why


def test_of_several_plans_the_default_one_is_meant(tmp_path):
    world.runs(tmp_path, "strategy=static", {"500": 0.7, "1k": 0.7}, seeds=range(3))
    for words, gap in (("", 0.1), (" dp.patience=1", -0.1), (" dp.omega=0.2", -0.1)):
        world.runs(tmp_path, f"strategy=dp{words}", {"500": 0.7 + gap, "1k": 0.75 + gap}, seeds=range(3))
    assert one(tmp_path, "C1").verdict == "confirmed"


@pytest.mark.parametrize(
    "n, half, distance, wanted",
    [(5, 0.02, 0.01, 11), (5, 0.01, 0.02, 10), (2, 0.01, 1e-9, pairs.MOST), (1, 0, 1, pairs.FEW)],
)
def test_how_many_replicates_would_do(n, half, distance, wanted):
    """sd = 0.02 √5 / t(0.975; 4) = 0.016108; t(0.975; k − 1) sd/√k is 0.01152 for k = 10, 0.01082 for 11, ..."""
    from scipy.stats import t

    if wanted == 11:
        deviation = half / t.ppf(0.975, n - 1) * np.sqrt(n)
        wanted = next(k for k in range(2, 99) if t.ppf(0.975, k - 1) * deviation / np.sqrt(k) < distance)
    assert pairs.enough(Interval(n, 0.0, -half, half), distance, 0.95) == wanted


def test_the_bootstrap_knows_the_mean_and_the_spread_of_images():
    """One seed's difference has variance p(1 − p)/n over images; the mean of R equal ones has the same, for they share
    the images.
    """
    rng = np.random.default_rng(1)
    flags = rng.random((1, 400)) < 0.3
    sides = ([flags] * 4, [np.zeros((1, 400), dtype=bool)] * 4)
    low, high = pairs.bootstrap(
        {"test": sides}, lambda drawn: (drawn["test"][0] - drawn["test"][1]).mean(axis=-1), shared=True
    )
    p = flags.mean()
    assert (low + high) / 2 == pytest.approx(p, abs=0.005) and (high - low) / 2 == pytest.approx(
        1.96 * np.sqrt(p * (1 - p) / 400), rel=0.1
    )
    apart = pairs.bootstrap(
        {"test": sides}, lambda drawn: (drawn["test"][0] - drawn["test"][1]).mean(axis=-1), shared=False
    )
    assert apart[1] - apart[0] < 0.8 * (
        high - low
    )  # own images for each seed: 1/√4 as wide, √2 of that since seeds are drawn too


def test_a_strategy_that_nobody_knows_is_selected_like_any_other(tmp_path):
    """What was chosen for it is another arm; when and how much it adds is its plan, which may differ between scales."""
    for scale, patience in ((500, 1), (1000, 2)):
        for seed in range(2):
            world.run(tmp_path, f"strategy=prune scale={scale} prune.patience={patience}", seed, 0.8)
            world.run(
                tmp_path, f"strategy=prune scale={scale} prune.patience={patience} prune.balance=global", seed, 0.7
            )
    comparison = load(tmp_path).single()
    renamed = [
        values | {"strategy": "mine"} | {key.replace("prune.", "mine."): value for key, value in values.items()}
        for values in comparison.runs["values"]
    ]
    runs = comparison.runs.assign(strategy="mine", values=[one | {"strategy": "mine"} for one in renamed])
    selection = ArmSelection(replace(comparison, runs=runs), tmp_path)
    assert len(selection.arm("mine")) == len(selection.arm("mine", balance="global")) == 4
    assert set(selection.arm("mine")["accuracy"]) == {0.8} and selection.plan("mine", 500) == "patience=1"
    assert sorted(selection.curve("mine", "balance")["value"].unique()) == ["class", "global"]
