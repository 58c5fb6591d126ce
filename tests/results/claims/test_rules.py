"""The claims' rules in detail, C1a to C4, and of all of them what decides, what does not, and what is left out."""

from dataclasses import replace
from math import log, log2

import numpy as np
import pytest

from results.analysis import repricing
from results.analysis.power import power
from results.analysis.stats import Estimate
from results.analysis.study import load
from results.claims.judging import what_to_run
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import LOG_ERROR
from results.claims.judging.rules import by_estimate
from tests.results.claims import claim_world as world
from tests.results.claims.arms import FOUR, TWO, one, two_arms


def test_c1a_is_the_pooled_log_error_ratio_of_both_worlds(tmp_path):
    two_arms(tmp_path, lambda scale: {500: 0.2, 1000: 0.6}[scale])
    found = one(tmp_path, "C1a")
    halves = {finding.half: finding for finding in found.findings if finding.verdict}
    assert halves["in the teacher's world"].interval.mean == pytest.approx(0.4, abs=0.01)
    assert halves["on test"].interval.mean == pytest.approx(0.4, abs=0.03)  # whole images of 200
    assert found.verdict == "confirmed" and "×0.67 errors" in found.ours
    by_scale = {
        finding.scale: finding.interval.mean for finding in found.findings if finding.scale and finding.verdict == ""
    }
    assert set(by_scale) == {500, 1000}  # shown, not judged


def test_c1a_below_zero_in_one_world_is_refuted_and_a_bad_scale_bars_confirmation(tmp_path):
    two_arms(tmp_path / "worlds", 0.5, test=-0.5)
    found = one(tmp_path / "worlds", "C1a")
    assert found.verdict == "refuted" and "in the teacher's world: confirmed; on test: refuted" in found.why
    two_arms(tmp_path / "scales", lambda scale: {500: 1.0, 1000: -0.2}[scale])
    found = one(tmp_path / "scales", "C1a")
    assert (
        found.verdict == "undecided" and "at 1k" in found.ours and "no scale below −0.5 points: undecided" in found.why
    )


def test_c1b_is_the_slope_per_doubling(tmp_path):
    two_arms(tmp_path, lambda scale: 0.1 * log2(scale / 500) ** 2, scales=(500, 1000, 4000))
    (finding,) = one(tmp_path, "C1b").findings
    x, y = np.array([0, 1, 3]), 0.1 * np.array([0, 1, 9])
    assert finding.interval.mean == pytest.approx(np.polyfit(x, y, 1)[0], abs=0.01) and finding.verdict == "confirmed"


def test_a_gap_that_shrinks_refutes_c1b_and_not_c1a(tmp_path):
    two_arms(tmp_path, lambda scale: {500: 0.8, 1000: 0.3}[scale])
    assert (one(tmp_path, "C1a").verdict, one(tmp_path, "C1b").verdict) == ("confirmed", "refuted")


def test_a_scale_that_few_seeds_have_is_left_out_unless_it_was_named(tmp_path):
    two_arms(tmp_path, 0.5)
    two_arms(tmp_path, -0.5, scales=(4000,), seeds=range(2))
    found = one(tmp_path, "C1a")
    assert found.verdict == "confirmed" and found.findings[0].scales == TWO
    named = one(tmp_path, "C1a", scales=(500, 4000))
    assert named.findings[0].interval.n == 2 and "fewer than 4 pairs" in named.why


def test_c2_not_different_is_not_equal_and_a_small_difference_is(tmp_path):
    grown = "strategy=dp dp.omega=0"
    two_arms(tmp_path / "vague", 0.0, grown, noise=0.2)
    (finding, *_) = one(tmp_path / "vague", "C2").findings
    assert finding.verdict == "undecided" and finding.level == 90 and finding.interval.low < 0 < finding.interval.high
    two_arms(tmp_path / "small", 0.05, grown, noise=0.005)
    (finding, *_) = one(tmp_path / "small", "C2").findings
    assert finding.verdict == "confirmed" and finding.interval.low > 0


def omegas(root, gains, words=""):
    for omega, gain in gains.items():
        world.runs(root, f"strategy=dp dp.omega={omega}{words}", gain, scales=(1000,), seeds=FOUR)


def test_c3_best_at_an_end_is_not_refuted_but_asks_for_a_longer_grid(tmp_path):
    omegas(tmp_path, {0.02: 0.0, 0.08: 0.4, 0.32: 0.3})
    found = one(tmp_path, "C3")
    assert "ω: confirmed" in found.why and "oversampling: not run" in found.why and found.verdict == "undecided"
    assert "prune.oversample=1,2,4,8,16,32,64,128" in found.sweep and "dp.omega" not in found.sweep
    omegas(tmp_path / "end", {0.02: 0.0, 0.08: 0.4, 0.32: 0.7})
    found = one(tmp_path / "end", "C3")
    assert "extend the grid" in found.why and found.verdict == "undecided"


def test_c3_a_curve_that_flattens_has_not_been_seen_to_fall(tmp_path):
    omegas(tmp_path, {0.02: 0.0, 0.08: 0.4, 0.32: 0.5})  # the vertex of the parabola is at 0.25
    found = one(tmp_path, "C3")
    assert "ω: undecided at 1k (best at an end of the grid: extend the grid" in found.why
    assert "best at 0.25" in found.ours and "fewest errors at the last value, 0.32: no fall was seen" in found.ours


def test_c3_omega_of_zero_has_no_logarithm_and_two_values_are_no_curve(tmp_path):
    omegas(tmp_path, {0: 0.5, 0.02: 0.0, 0.08: 0.5})
    assert one(tmp_path, "C3").verdict == "not run"
    omegas(tmp_path, {0.32: 0.0})
    finding, fall = one(tmp_path, "C3").findings
    assert fall.interval.mean == pytest.approx(-0.5, abs=0.01) and fall.effect.startswith("from 0.08, which has fewest")
    x = np.array([-2.0, 0.0, 2.0])  # log2 about 0.08
    bend = np.polyfit(x, [0.0, 0.5, 0.0], 2)[0]
    assert finding.interval.mean == pytest.approx(-bend, abs=0.01) and "best at 0.08 " in finding.effect


def priced_arms(root, teacher, cost=0.5, seeds=FOUR, gain=0.0):
    for words, each, own in (("prune", 1, 0.0), ("dp", cost, gain)):
        hours = lambda seed, scale, each=each: each * scale / 1e5
        world.runs(root, f"strategy={words} teacher={teacher}", own, scales=(500, 1000, 4000), seeds=seeds, hours=hours)


def test_c4_at_equal_hours_the_cheaper_of_equal_curves_is_better(tmp_path):
    """Half the price: at equal hours dp is a doubling of scale further."""
    priced_arms(tmp_path, "unet")
    finding, beside = one(tmp_path, "C4").findings
    hours = np.log([500, 1000, 4000])
    curve = np.log([world.WRONG[scale] for scale in (500, 1000, 4000)])
    low, high = np.log(500 + 50), np.log(2000 + 200)  # (train and generate: 0.001 hours more of all)
    prices = [low + place * (high - low) for place in (0.25, 0.5, 0.75)]
    wanted = np.mean([np.interp(price, hours, curve) - np.interp(price + log(2), hours, curve) for price in prices])
    assert finding.verdict == "confirmed" and finding.interval.mean == pytest.approx(wanted, abs=0.05)
    assert beside.verdict == "" and beside.interval.mean == pytest.approx(0, abs=0.02)


def test_c4_curves_without_a_common_price_say_so(tmp_path):
    priced_arms(tmp_path, "unet", cost=1e-3)
    found = one(tmp_path, "C4")
    assert found.verdict == "undecided" and "no price in common" in found.why


def test_c4_reads_each_arm_over_its_own_scales(tmp_path):
    """At equal price pruning is at fewer images: 250 and 500 for 1k and 4k, no scale in common."""
    each = lambda cost: lambda seed, scale: cost * scale / 1e5
    seeds = {"seeds": FOUR, "noise": 0.02}
    world.runs(tmp_path, "strategy=prune teacher=unet", 0.0, scales=(250, 500), hours=each(8), **seeds)
    world.runs(tmp_path, "strategy=dp teacher=unet", 0.0, scales=(1000, 4000), hours=each(1), **seeds)
    (finding,) = one(tmp_path, "C4").findings
    low, high = np.log(2000 + 100), np.log(4000 + 100)  # in 1e-5 hours: from prune at 250 to prune at 500
    prices = [low + place * (high - low) for place in (0.25, 0.5, 0.75)]
    dp = np.interp(prices, np.log([1100, 4100]), np.log([world.WRONG[1000], world.WRONG[4000]]))
    prune = np.interp(prices, [low, high], np.log([world.WRONG[250], world.WRONG[500]]))
    assert finding.verdict == "confirmed" and finding.interval.mean == pytest.approx((prune - dp).mean(), abs=0.03)
    assert finding.scales == (250, 500, 1000, 4000)


def test_c4_more_seeds_of_one_arm_at_one_scale_take_no_curve_from_it(tmp_path):
    priced_arms(tmp_path, "unet")
    (before, *_) = one(tmp_path, "C4").findings
    for seed in range(4, 20):
        world.run(tmp_path, "strategy=dp teacher=unet scale=1k", seed)
    (after, *_) = one(tmp_path, "C4").findings
    assert (after.verdict, after.interval, after.scales) == (before.verdict, before.interval, before.scales)


def test_c4_waits_for_runs_of_either_arm(tmp_path):
    priced_arms(tmp_path, "unet")
    world.run(tmp_path, "strategy=prune teacher=unet scale=250", 0, state="open")
    for seed in FOUR[1:]:
        world.run(tmp_path, "strategy=prune teacher=unet scale=250", seed)
    (finding,) = one(tmp_path, "C4").findings
    assert finding.effect == "—(3/4)" and finding.verdict == "undecided"


def test_c4_given_prices_are_those_of_any_teacher(tmp_path):
    from benchmarks import unit_costs

    priced_arms(tmp_path, "unet", cost=1e-3)  # as measured they have no price in common
    found = one(tmp_path, "C4", repricing.load(unit_costs.path_of("prices", "digits-unet")))
    assert found.verdict == "confirmed" and "re-priced" in found.ours


def test_c4_on_the_mixture_only_repriced(tmp_path):
    from benchmarks import claims as application
    from benchmarks import unit_costs
    from benchmarks.cli import parse

    priced_arms(tmp_path, "mixture", cost=9)
    found = one(tmp_path, "C4")
    assert found.verdict == "undecided" and "re-priced" in found.why
    assert "prices the mixture itself" in one(tmp_path, "C4", repricing.load(unit_costs.path_of("prices", "cpu"))).why
    found = one(tmp_path, "C4", parse(found.sweep.split()[3:], application.Options).load_prices())
    assert found.verdict == "confirmed" and "re-priced" in found.ours


def test_planned_runs_that_are_missing_withhold_the_verdict(tmp_path):
    two_arms(tmp_path, 0.5, seeds=range(5))
    assert one(tmp_path, "C2").verdict == "not run" and one(tmp_path, "C1a").verdict == "confirmed"
    for arm in ("static", "dp"):
        world.run(tmp_path, f"strategy={arm} scale=500", 5)
        world.run(tmp_path, f"strategy={arm} scale=1k", 5, state="interrupted" if arm == "dp" else "done")
    found = one(tmp_path, "C1a")
    assert found.verdict == "undecided" and "—(5/6)" in found.ours and "runs are missing" in found.why
    assert "seed=0..5" in found.sweep


def test_short_runs_take_no_part(tmp_path):
    two_arms(tmp_path, 0.0, "strategy=dp dp.omega=0", scales=(500,), noise=0.01)
    world.run(tmp_path, "strategy=static scale=500", 4)
    world.run(tmp_path, "strategy=dp dp.omega=0 scale=500", 4, -0.5, kept=400)
    found = one(tmp_path, "C2")
    assert found.verdict == "confirmed" and "n=4" in found.ours


def test_without_per_image_correctness_nothing_is_decided_on_test(tmp_path):
    two_arms(tmp_path, 0.5, flags=False)
    found = one(tmp_path, "C1a")
    assert found.verdict == "undecided" and "without per-image correctness" in found.why
    assert "in the teacher's world: confirmed" in found.why


def test_runs_of_before_the_teachers_world_was_measured_say_so(tmp_path):
    nothing = {"population": None, "population_images": 0}
    for arm in ("static", "dp"):
        for seed in FOUR:
            world.run(tmp_path, f"strategy={arm} scale=500", seed, 0.5 * (arm == "dp"), summary=nothing)
    assert "not measured on population" in one(tmp_path, "C1a").why


def test_of_several_plans_the_default_one_is_meant(tmp_path):
    two_arms(tmp_path, 0.5)
    for words in ("dp.patience=1", "dp.omega=0.2"):
        world.runs(tmp_path, f"strategy=dp {words}", -0.5, scales=TWO, seeds=FOUR)
    assert one(tmp_path, "C1a").verdict == "confirmed"


def test_three_pairs_decide_nothing_and_looks_have_their_own_p():
    clear = Estimate(3, 0.5, 0.01, 2)
    assert by_estimate("", clear, LOG_ERROR).verdict == "undecided"
    for n, p, word in (
        (8, 0.01, "undecided"),
        (8, 0.0001, "confirmed"),
        (7, 0.0, "undecided"),
        (24, 0.04, "confirmed"),
    ):
        from scipy import stats

        t = stats.t.isf(p / 2, n - 1) if p else 99
        found = by_estimate("", Estimate(n, 0.1 * t, 0.1, n - 1), LOG_ERROR, looks=True)
        assert found.verdict == word, n


def test_the_seeds_that_are_asked_for_decide_the_whole_claim():
    """A conjunction of two, each with its own spread: at the number asked for both together have 80 % power."""
    first, second = (by_estimate("", Estimate(6, 0.2, se, 5), LOG_ERROR) for se in (0.15, 0.12))
    designs = tuple((finding.design, finding.effect_size) for finding in (first, second))
    n = what_to_run.seeds_needed(designs, most=64)
    assert n is not None and np.prod([power(*design, n) for design in designs]) >= 0.8
    assert np.prod([power(*design, n - 1) for design in designs]) < 0.8


def test_a_strategy_that_nobody_knows_is_selected_like_any_other(tmp_path):
    """What was chosen for it is another arm; when and how much it adds is its plan, which may differ between scales."""
    for scale, patience in ((500, 1), (1000, 2)):
        for seed in range(2):
            world.run(tmp_path, f"strategy=prune scale={scale} prune.patience={patience}", seed, 0.5)
            world.run(
                tmp_path, f"strategy=prune scale={scale} prune.patience={patience} prune.balance=global", seed, 0.0
            )
    comparison = load(tmp_path).single()
    renamed = [
        values | {"strategy": "mine"} | {key.replace("prune.", "mine."): value for key, value in values.items()}
        for values in comparison.runs["values"]
    ]
    runs = comparison.runs.assign(strategy="mine", values=[one | {"strategy": "mine"} for one in renamed])
    selection = ArmSelection(replace(comparison, runs=runs), tmp_path)
    assert len(selection.arm("mine")) == len(selection.arm("mine", balance="global")) == 4
    assert selection.plan("mine", 500) == "patience=1"
    assert sorted(selection.curve("mine", "balance")["value"].unique()) == ["class", "global"]
