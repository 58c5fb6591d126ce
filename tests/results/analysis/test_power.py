"""Simulated power: against closed forms, against whole tables, and how many seeds it asks for."""

from math import isnan

import numpy as np
import pytest
from scipy import stats

from results.analysis import power
from results.analysis.effects import Components, judged, tost, two_way_interval
from results.analysis.power import Design
from results.analysis.stats import over_seeds
from tests.results.analysis.test_effects import OBSERVED, table

SEEDS = Components(1.0, 0.0, 0.0)


@pytest.mark.parametrize(("effect", "n"), [(1.0, 10), (0.5, 10), (0.8, 20), (-1.0, 10)])
def test_over_seeds_it_is_that_of_the_t_test(effect, n):
    exact = stats.nct.sf(stats.t.ppf(0.975, n - 1), n - 1, abs(effect) * np.sqrt(n))
    assert power.power(Design(SEEDS), effect, n) == pytest.approx(exact, abs=0.025)


def test_nothing_is_found_of_nothing_nor_by_one_seed():
    assert power.power(Design(SEEDS), 0.0, 50) == 0 and power.power(Design(SEEDS), 9.0, 1) == 0


@pytest.mark.parametrize("n", [5, 12])
def test_it_is_that_of_whole_tables(n):
    """The mean squares that are drawn are those of tables that are made."""
    rng, design, effect = np.random.default_rng(0), Design(OBSERVED, 300), 1.5
    made = np.mean([judged(two_way_interval(table(rng, n, 300, OBSERVED, effect))) == "above" for _ in range(800)])
    assert power.power(design, effect, n) == pytest.approx(made, abs=0.045)


def test_of_equivalence():
    rng, design = np.random.default_rng(1), power.equivalence(Components(0.09**2, 0.0, 0.0))
    for effect, word in ((0.02, "equal"), (0.2, "above"), (-0.2, "below")):
        made = np.mean([tost(over_seeds(effect + 0.09 * rng.standard_normal(12))) == word for _ in range(1500)])
        assert power.power(design, effect, 12) == pytest.approx(made, abs=0.04)


def test_the_seeds_it_asks_for_decide_in_four_studies_of_five():
    """The least number that does, and studies of so many seeds do."""
    design = (Design(OBSERVED, 450), 1.5)
    n = power.seeds_needed((design,))
    assert power.power(*design, n) >= 0.8 > power.power(*design, n - 1)
    rng = np.random.default_rng(2)
    made = np.mean([judged(two_way_interval(table(rng, n, 450, OBSERVED, 1.5))) == "above" for _ in range(500)])
    assert made > 0.75


def test_a_conjunction_takes_more_and_its_parts_are_all_decided():
    one, two = (Design(SEEDS), 1.0), (Design(SEEDS), 0.9)
    n = power.seeds_needed((one, two))
    assert n > max(power.seeds_needed((one,)), power.seeds_needed((two,)))
    assert power.power(*one, n) * power.power(*two, n) >= 0.8


def test_where_images_set_the_floor_no_number_of_seeds_does():
    small = (Design(OBSERVED, 450), 0.4)  # the images alone have a standard error of 0.23 points
    assert power.seeds_needed((small,)) is None and power.is_hopeless((small,))
    dear = (Design(SEEDS), 0.1)
    assert power.seeds_needed((dear,)) is None and not power.is_hopeless((dear,))  # 787 seeds would


def test_a_difference_at_a_look_must_be_larger_than_without():
    assert power.power(Design(SEEDS, alpha=0.0002), 1.5, 8) < power.power(Design(SEEDS), 1.5, 8) - 0.2


@pytest.mark.parametrize("n", [4, 16])
def test_the_detectable_effect_is_found_in_four_studies_of_five(n):
    effect = power.detectable(Design(OBSERVED, 450), n)
    assert power.power(Design(OBSERVED, 450), effect, n) == pytest.approx(0.8, abs=0.02)
    assert isnan(power.detectable(Design(SEEDS), 1))
