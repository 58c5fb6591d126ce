"""The claims' rules in detail, C5 to C10t and D4: what runs hold inside, theory, the plane."""

from math import log

import numpy as np
import pytest

from tests.results.claims import claim_world as world
from tests.results.claims.arms import FOUR, one


# 28,000 plain images of prune for 4,000 of dp, at UNet prices
def inside(root, omega, own):
    words = "strategy=dp" if omega else "strategy=dp dp.omega=0"
    for seed in FOUR:
        world.run(root, f"{words} scale=500", seed, 0.0, inside=own(seed))


def test_c5_is_relative_to_growing_without_guidance_in_both_halves(tmp_path):
    for omega, rise in ((0.05, 0.03), (0, 0.01)):
        inside(tmp_path, omega, lambda seed, rise=rise: world.history(0.3 + 0.01 * seed * (rise > 0.02), rise))
    jump, rise = one(tmp_path, "C5").findings
    assert jump.interval.mean == pytest.approx(0.015) and rise.interval.mean == pytest.approx(2)
    assert jump.verdict == "undecided" and rise.verdict == "confirmed"


def test_c6_waits_for_the_probe_and_then_for_other_learners(tmp_path):
    inside(tmp_path / "without", 0.05, lambda seed: world.history(probe=False))
    found = one(tmp_path / "without", "C6")
    assert found.verdict == "not run" and "probe=hardness" in found.sweep and "probe=hardness" in found.why
    for seed in FOUR:
        world.run(tmp_path / "with", "strategy=dp probe=hardness scale=500", seed, 0.0, inside=world.history())
    found = one(tmp_path / "with", "C6")
    assert found.sweep == f"python -m benchmarks.cross_probe root={tmp_path / 'with'}" and "not asked" in found.why
    world.crossed(tmp_path / "with", own=0.5, others=0.3, closing=0.1, noise=0.01)
    own, closes = one(tmp_path / "with", "C6").findings
    assert own.interval.mean == pytest.approx(20, abs=0.01) and closes.verdict == "confirmed"


def test_c6_and_d6_are_of_the_runs_with_the_probe_though_others_are_there(tmp_path):
    """Four seeds have the probe; two more, and another scale, were run without, and one seed both ways."""
    plain = [
        ("0.1 scale=500", 4),
        ("0.1 scale=500", 5),
        ("0.1 scale=500", 0),
        ("0.1 scale=1k", 0),
        ("0.4 scale=1k", 0),
    ]
    for omega, seed in plain:
        world.run(tmp_path, f"strategy=dp dp.omega={omega}", seed, 0.0)
    assert [one(tmp_path, id).verdict for id in ("C6", "D6")] == ["not run", "not run"]
    for omega, error in ((0.1, 0.4), (0, 0.2), (0.2, 0.6)):
        for seed in FOUR:
            inside = world.history(error=error + 0.01 * seed)
            world.run(tmp_path, f"strategy=dp dp.omega={omega} probe=hardness scale=500", seed, error, inside=inside)
    assert "cross_probe" in one(tmp_path, "C6").sweep
    world.crossed(tmp_path, own=0.5, others=0.3, closing=0.1, noise=0.01)
    found = one(tmp_path, "C6")
    assert found.verdict == "confirmed" and "n=4" in found.ours and found.findings[0].scales == (500,)
    found = one(tmp_path, "D6")
    assert found.verdict == "confirmed" and "+1.00 correlation" in found.ours and "n=4" in found.ours


def test_c8_is_a_difference_in_differences_of_log_odds_on_real_shifted_sets(tmp_path):
    shares = {
        "static": {"blur": 0.7, "pen": 0.6, "train_heldout": 0.7},
        "dp": {"blur": 0.9, "pen": 0.64, "train_heldout": 0.99},
    }
    for arm, shifted in shares.items():
        for seed in FOUR:
            world.run(tmp_path, f"strategy={arm} scale=1k", seed, 0.2 * (arm == "dp"), shifted=shifted)
    finding, *beside = one(tmp_path, "C8").findings
    logit = lambda share: log((200 * share + 0.5) / (200 * (1 - share) + 0.5))
    test = {"static": 1 - 0.24, "dp": round(200 * (1 - 0.24 * np.exp(-0.2))) / 200}
    wanted = logit(0.64) - logit(0.6) - logit(test["dp"]) + logit(test["static"])
    assert finding.interval.mean == pytest.approx(wanted)  # pen alone: blur is made from test
    assert [one.half for one in beside[1:]] == ["blur, in log-odds", "pen, in log-odds"]


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


def test_c9_a_common_bias_that_no_single_point_shows_refutes_it(monkeypatch, tmp_path):
    from results.claims import theory

    world.theory(tmp_path)
    monkeypatch.setattr(theory, "MARGIN", 1e-6)  # the mean difference of chance is more than that
    monkeypatch.setattr("results.analysis.theory.uniformity", lambda lines: 0.001)
    found = one(tmp_path, "C9")
    assert found.verdict == "refuted" and "Bonferroni) 1" in found.ours


def test_c10t_the_pool_is_chosen_on_other_seeds(tmp_path):
    """Of 16 candidates frozen choice is bad, of 2 it is best: the claim is asked at each chooser's own best."""
    from results.analysis import theory
    from results.claims.feedback_toy import at_best_pool

    world.theory(tmp_path)
    _, lines = theory.of_study(theory.read(tmp_path / theory.NAME))
    loop = theory.loop_frame(lines)
    last = loop[(loop["round"] == 1) & (loop["arm"] == "frozen")].copy()
    last.loc[last["pool"] == 16, "error"] += 0.05
    assert set(at_best_pool(last)["pool"]) == {2}
    odd = last["seed"] % 2 == 1
    last.loc[odd & (last["pool"] == 2), "error"] += 0.2  # of odd seeds 16 would be best: even ones are judged there
    chosen = at_best_pool(last)["pool"]
    assert set(chosen[chosen.index % 2 == 0]) == {16} and set(chosen[chosen.index % 2 == 1]) == {2}


PLANE = "strategy=dp task=plane teacher=mixture"


def test_d4_is_asked_on_the_plane_alone_and_half_of_it_decides_nothing(tmp_path):
    """As ``grid=rivals-plane`` is run part by part: entropy alone, then one score, then both."""
    world.runs(tmp_path, PLANE, scales=(500, 1000))
    assert one(tmp_path, "D4").verdict == "not run"
    world.runs(tmp_path, PLANE, gain=0.4, scales=(500, 1000), pretend={"dp.score": "learnability"})
    found = one(tmp_path, "D4")
    assert found.verdict == "undecided"
    assert found.why.startswith("dp score=learnability − dp: confirmed; dp score=bald − dp: not run")
    assert "dp.score=" in found.sweep and "task=plane" in found.sweep
    world.runs(tmp_path, PLANE, gain=0.3, scales=(1000,), pretend={"dp.score": "bald"})
    found = one(tmp_path, "D4")
    assert found.verdict == "confirmed" and "dp score=bald − dp: confirmed at 1k" in found.why


def test_d4_is_not_run_elsewhere(tmp_path):
    for pretend in ({}, {"dp.score": "learnability"}, {"dp.score": "bald"}):
        world.runs(tmp_path, "strategy=dp", gain=0.1 * len(pretend), scales=(1000,), pretend=pretend)
    assert one(tmp_path, "D4").verdict == "not run"
