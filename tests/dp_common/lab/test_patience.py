"""Patience: T_k = max(1, round(T_0 (|D_k|/|D_0|)^γ)), what a plateau is, and that what cannot fit a budget is
refused.
"""

import pytest

from dp_common.config.specification import Budget
from dp_common.errors import BadInput
from dp_common.lab.patience import Plateau, check_fits, interval_of, patience_after


@pytest.mark.parametrize(
    "initial, size, growth, expected",
    [
        (3, 1000, 1.0, 3),
        (3, 2000, 1.0, 6),
        (3, 4000, 1.0, 12),
        (3, 1300, 1.0, 4),
        (3, 4000, 0.5, 6),
        (3, 2000, 0.5, 4),
        (3, 3000, 2.0, 27),
        (3, 4000, 0.0, 3),
        (7, 10**6, 0.0, 7),
        (1, 1400, 1.0, 1),
        (1, 1600, 1.0, 2),
        (1, 100, 1.0, 1),
    ],
)
def test_golden_values(initial, size, growth, expected):
    assert patience_after(initial, size, 1000, growth) == expected


def reached(plateau, accuracies, size=100):
    return [plateau.reached(accuracy, size) for accuracy in accuracies]


def test_a_plateau_is_so_many_evaluations_without_a_new_best():
    assert reached(Plateau(3), [0.5, 0.5, 0.4, 0.5]) == [False, False, False, True]
    assert reached(Plateau(3), [0.5, 0.5, 0.4, 0.51, 0.5, 0.5, 0.51]) == [False] * 6 + [True]
    assert reached(Plateau(1), [0.0, 0.1, 0.1, 0.2]) == [False, False, True, False]


def test_equal_is_no_new_best_and_the_first_always_is():
    assert reached(Plateau(1), [0.0]) == [False]
    assert reached(Plateau(1), [0.3, 0.3]) == [False, True]


def test_the_count_starts_anew_and_the_best_is_of_the_whole_run():
    assert reached(Plateau(2), [0.6, 0.5, 0.5, 0.55, 0.58, 0.59, 0.61, 0.6, 0.6]) == [
        False,
        False,
        True,
        False,
        True,
        False,
        False,
        False,
        True,
    ]


def test_patience_grows_with_the_set():
    plateau = Plateau(2, growth=1.0)
    assert reached(plateau, [0.5, 0.4, 0.4], 100) == [False, False, True]
    assert reached(plateau, [0.4] * 4, 200) == [False, False, False, True]
    assert reached(plateau, [0.4] * 6, 300) == [False] * 5 + [True]
    fixed = Plateau(2, growth=0.0)
    assert reached(fixed, [0.5, 0.4, 0.4], 100) + reached(fixed, [0.4] * 4, 900) == [
        False,
        False,
        True,
        False,
        True,
        False,
        True,
    ]


def test_interval_is_a_hundredth_of_the_budget():
    assert [interval_of(seen) for seen in (64_000, 128_000, 30)] == [640, 1280, 1]


def budget(stable, batch=100):
    made = Budget(scale=4000, seen=stable * 5 // 4, batch=batch, classes=10)
    assert made.stable == stable
    return made


@pytest.mark.parametrize("growth, needed", [(0.0, 10_000), (1.0, 19_000)])
def test_what_needs_more_than_the_stable_phase_is_refused(growth, needed):
    """Three additions at 1000, 2000, 3000 images, T = 3, an evaluation every 1000, of which the first is always a best:
    τ + Σ T_k·τ, and the last plateau must come while there is still something to learn."""
    args = ("dp.patience", 3, growth, [1000, 2000, 3000], 1000)
    check_fits(*args, budget(needed + 100))
    with pytest.raises(
        BadInput, match=rf"dp\.patience=3: 3 plateaus need {needed:,} images seen, the stable phase has {needed:,}"
    ) as caught:
        check_fits(*args, budget(needed))
    assert caught.value.code == 2


def test_intervals_are_whole_iterations():
    args = ("dp.patience", 2, 0.0, [1000], 950)  # ten batches of 100
    check_fits(*args, budget(3100))
    with pytest.raises(BadInput, match="need 3,000"):
        check_fits(*args, budget(3000))


def test_without_additions_everything_fits():
    check_fits("dp.patience", 10**6, 1.0, [], 1000, budget(100))
