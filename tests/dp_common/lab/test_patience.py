"""Patience: T_k = max(1, round(T_0 (|D_k|/|D_0|)^γ)), what a plateau is, and that what cannot fit a budget is
refused.
"""

import pytest

from dp_common.config.specification import Budget
from dp_common.errors import BadInput
from dp_common.lab.patience import (
    Additions,
    Plateau,
    check_fits,
    check_schedule,
    evaluations_before,
    interval_of,
    patience_after,
)


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


class Keys:
    """A strategy's keys, of which each test sets some."""

    schedule, patience, patience_growth, deadline, at, interval, additions = "patience", 3, 0.0, "even", 0.0, 100, 3

    def __init__(self, **keys):
        self.__dict__ |= keys


def times(accuracies, stable=1200, **keys):
    """Images seen at which additions come, with an evaluation after each 100 and one accuracy for each of these."""
    keys = Keys(**keys)
    additions, found = Additions(keys, budget(stable)), []
    for number, accuracy in enumerate(accuracies, 1):
        if len(found) < keys.additions and additions.due(accuracy, 1000, 100 * number):
            found.append(100 * number)
    return found


RISING = [number / 100 for number in range(1, 12)]


def test_a_plateau_is_waited_for_up_to_even_spacing_of_what_is_left():
    assert times(RISING) == [300, 600, 900]  # no plateau ever comes
    assert times(RISING, additions=5) == [200, 400, 600, 800, 1000]
    assert times(RISING, deadline="none") == []
    # a plateau at 200: of the 1,000 that are left the next addition has a third, the last half of what is left then
    early = [0.5, 0.5, *(0.5 + value for value in RISING[:9])]
    assert times(early, patience=1) == [200, 600, 900]
    assert times([0.5] * 11, patience=1, deadline="even") == times([0.5] * 11, patience=1, deadline="none")


def test_after_a_deadline_patience_counts_anew():
    """The deadline is at 300, where three evaluations were already waited for one less than patience."""
    accuracies = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert times(accuracies, patience=3) == [300, 600, 900]
    assert times(accuracies, patience=3, deadline="none") == [400, 700, 1000]


def test_even_spacing_and_a_given_moment_look_at_no_accuracy():
    for accuracies in (RISING, [0.5] * 11):
        assert times(accuracies, schedule="even") == [300, 600, 900]
        assert times(accuracies, at=0.4, additions=1) == [600]  # 0.4 of 1,500


def test_evaluations_before_the_first_addition_are_as_few_as_can_be():
    few = [evaluations_before(Keys(**keys), budget(1200)) for keys in ({}, {"patience": 1}, {"schedule": "even"})]
    assert few == [3, 2, 3]  # the deadline, a plateau, even spacing: of 1,200 with three additions at 300
    assert evaluations_before(Keys(at=0.01), budget(1200)) == 1 == evaluations_before(Keys(interval=500), budget(1200))


def test_with_a_deadline_every_schedule_reaches_its_scale_or_is_refused():
    """As many evaluations before the end of the stable phase as there are additions is what it takes."""
    for keys in ({}, {"schedule": "even"}):
        check_schedule("dp", Keys(interval=300, **keys), [1, 2, 3], budget(1300))
        with pytest.raises(BadInput, match="dp.interval=300: 2 of 3 additions come before .* of 900 images") as caught:
            check_schedule("dp", Keys(interval=300, **keys), [1, 2, 3], budget(900))
        assert caught.value.code == 2
    check_schedule("dp", Keys(patience=99), [1, 2, 3], budget(1200))
    with pytest.raises(BadInput, match=r"dp\.patience=99: 3 plateaus need .*dp\.deadline=even"):
        check_schedule("dp", Keys(patience=99, deadline="none"), [1, 2, 3], budget(1200))
