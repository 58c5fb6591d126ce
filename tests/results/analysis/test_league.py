"""Methods in one list: effects, classes of information, ranks that ties share, scales in common, variants beside."""

import numpy as np
import pytest

from results import load
from results.analysis.league import Standing, consulted_by, league, with_ranks
from results.analysis.stats import Estimate


@pytest.fixture(scope="module")
def found(league_study):
    (one,) = [one for one in map(league, league_study.comparisons) if one is not None]
    return one


def test_a_method_stands_with_its_class_by_its_factor_on_the_errors_of_static(found):
    assert {one.arm for one in found.standings[0][:2]} == {"dp", "dp score=margin"} and found.scales == (1000, 2000)
    assert {kind: len(of) for kind, of in found.standings.items()} == {0: 5, 1: 1, 3: 1}
    by_arm = {one.arm: one for one in found.methods}
    assert by_arm["dp score=learnability"].information == 1 and by_arm["dp score=learnability"].consulted == 450
    for world in found.worlds:
        assert np.exp(-by_arm["prune"].gain(world)) == pytest.approx(0.7, abs=0.03)
        assert by_arm["prune"].verdicts[world] == "above"
        assert by_arm["dp omega=0"].verdicts[world] == "undecided"


def test_what_is_not_told_apart_from_the_best_shares_its_rank(found):
    by_arm = {one.arm: one for one in found.methods}
    assert by_arm["dp"].ranks["population"] == by_arm["dp score=margin"].ranks["population"] == 1
    assert by_arm["prune"].ranks["population"] == 3 and "population" not in by_arm["prune"].shared
    assert by_arm["dp score=learnability"].ranks == {"test": 1, "population": 1}  # alone in its class


def test_an_arm_of_one_scale_is_pooled_over_that_and_few_seeds_have_no_rank(found):
    by_arm = {one.arm: one for one in found.methods}
    assert by_arm["dp score=margin"].scales == (1000,) and by_arm["dp"].scales == (1000, 2000)
    assert by_arm["actgen"].n == 2 and by_arm["actgen"].ranks == {}


def test_what_differs_in_the_sampler_alone_stands_beside_with_its_key(league_study, found):
    variant = next(one for one in found.methods if one.arm == "static sampler.temperature=1.5")
    assert np.exp(-variant.gain("population")) == pytest.approx(0.905, abs=0.01)
    assert [one.is_variant for one in league_study.comparisons] == [False, True]


def test_few_arms_are_no_league(make):
    for words in ("static", "dp"):
        make(f"strategy={words} scale=1k")
    assert league(load(make.root).single()) is None


def test_old_runs_saw_nothing_but_monitor_and_real_ones_what_they_were_trained_on(make):
    for words in ("static", "real"):
        make(f"strategy={words} scale=1k", kept=897)
    runs = load(make.root).runs
    assert consulted_by(runs[runs["strategy"] == "static"]) == (0, 0.0)
    assert consulted_by(runs[runs["strategy"] == "real"]) == (3, 897.0)


def test_ranks_begin_anew_below_what_is_told_apart():
    """Gains 5, 4, 2, 1; only neighbours of less than 1.5 are not told apart."""
    gains = {"a": 5.0, "b": 4.0, "c": 2.0, "d": 1.0}
    contrasts = {arm: {"test": type("Of", (), {"estimate": Estimate(8, gain, 0.1, 7)})} for arm, gain in gains.items()}
    methods = [Standing(arm, 0, 0.0, contrasts[arm], 0.0, 0.0, 0.0) for arm in "dacb"]

    def compare(one, other, world):
        gap = gains[one.arm] - gains[other.arm]
        return Estimate(8, gap, 0.1 if gap > 1.5 else 10.0, 7)

    ranked = with_ranks(methods, ["test"], compare)
    assert [(one.arm, one.ranks["test"], "test" in one.shared) for one in ranked] == [
        ("a", 1, True),
        ("b", 1, True),
        ("c", 3, True),
        ("d", 3, True),
    ]
