"""The limit against the numbers of docs/definitions.md, its own printed form, its limits and symmetries."""

from math import acos, pi

import numpy as np
import pytest
from scipy import stats

from dp_common.errors import BadInput
from dp_common.theory.asymptotics import error
from dp_common.theory.selections import Easy, Hard, Mixed, Random, Scalars, Soft, integrated, scalars
from tests.dp_common.theory.printed import ALL, D, printed


def sigmoid_pair(t):
    return 4 / (1 + np.exp(-t)) / (1 + np.exp(t))


@pytest.mark.parametrize(
    "q, n, lam, wanted",
    [
        (Hard(0.5), 1000, 1e-6, 0.1715),
        (Easy(0.5), 1000, 1e-6, 0.2560),
        (Hard(0.8), 600, 1e-6, 0.2212),
        (Easy(0.2), 600, 1e-6, 0.2681),
        (Hard(0.5), 1000, 1e-2, 0.1943),
    ],
)
def test_golden_numbers(q, n, lam, wanted):
    assert error(q, D / n, lam, 0.9) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("q", ALL, ids=repr)
@pytest.mark.parametrize("rho", [-0.7, 0.0, 0.6, 0.999999, 1.0])
def test_closed_forms_equal_quadrature(q, rho):
    assert scalars(q, rho) == pytest.approx(integrated(lambda t: q(t), rho), abs=1e-9)


def test_scalars_at_a_perfect_pruner():
    """β = 0 and β̃ = E[q|G|], and nothing jumps on the way there."""
    q = Hard(0.4)
    xi = q.threshold
    assert scalars(q, 1.0) == pytest.approx(
        Scalars(0.4, 0.4 - 2 * xi * stats.norm.pdf(xi), 0, 2 * (stats.norm.pdf(0) - stats.norm.pdf(xi))), abs=1e-12
    )
    assert scalars(q, 1 - 1e-13) == pytest.approx(scalars(q, 1.0), abs=1e-6)
    assert scalars(sigmoid_pair, 1 - 1e-13) == pytest.approx(scalars(sigmoid_pair, 1.0), abs=1e-6)


def test_soft_keeps_its_share_and_is_even():
    for keep in (0.05, 0.5, 0.99, 1.0):
        assert scalars(Soft(keep), 0.3).p == pytest.approx(keep, abs=1e-8)
    assert error(sigmoid_pair, 0.35, 1e-3, 0.9) == pytest.approx(
        error(Soft(scalars(sigmoid_pair, 0.9).p), 0.35, 1e-3, 0.9), abs=1e-8
    )


@pytest.mark.parametrize("q", [*ALL, sigmoid_pair], ids=lambda q: getattr(q, "__name__", repr(q)))
def test_equals_the_printed_form(q):
    for rho in (-0.5, 0.6, 0.9, 1.0):
        for n in (120, 250, 600, 5000):
            for lam in (1e-6, 1e-2, 1.0):
                assert error(q, D / n, lam, rho) == pytest.approx(printed(q, D / n, lam, rho), abs=1e-7)


@pytest.mark.parametrize("q", [*ALL, Hard(0.9)], ids=repr)
@pytest.mark.parametrize("rho", [0.6, 1.0])
def test_no_ridge_is_the_limit_of_little(q, rho):
    for n in (150, 400, 2000):
        for tiny in (1e-300, 1e-14, 1e-9):
            assert error(q, D / n, 0, rho) == pytest.approx(error(q, D / n, tiny, rho), abs=1e-5)


def test_the_interpolation_peak():
    for q in (Hard(0.35), Easy(0.35), Random(0.35)):
        assert error(q, 0.35, 0, 0.9) == 0.5 and error(q, 0.35, 0, 0.9, d=D) == pytest.approx(0.5)
        assert 0.4 < error(q, 0.35 * (1 + 1e-6), 0, 0.9) < 0.5
        assert error(q, 0.35, 1e-300, 0.9) == pytest.approx(0.5, abs=1e-3)
        assert error(q, 0.35, 1e-2, 0.9) < 0.4


def test_everything_is_a_number_in_range():
    for q in (*ALL, Hard(1e-6), Easy(1e-6), Hard(1.0), Easy(1.0), Soft(1e-3)):
        for rho in (-1.0, 0.0, 0.9, 1.0):
            for phi in (1e-4, 0.3, 1.0, 50.0):
                for lam in (0, 1e-300, 1e-6, 1.0, 1e6):
                    for d in (350, np.inf):
                        assert 0 <= error(q, phi, lam, rho, d=d) <= 1


def test_keeping_all_is_the_same_by_any_rule():
    values = [error(q(1.0), 0.35, 1e-3, 0.6) for q in (Hard, Easy, Random, Soft)]
    assert values == pytest.approx([values[0]] * 4, abs=1e-12)
    assert error(Random(0.5), 0.35, 1e-3, -0.8) == pytest.approx(
        error(Random(0.5), 0.35, 1e-3, 0.3), abs=1e-12
    )  # nobody is asked


def test_wrong_labels_have_the_symmetries_they_must():
    right = error(Hard(0.5), 0.35, 1e-2, 0.9)
    assert error(Hard(0.5), 0.35, 1e-2, 0.9, rho_g=1, rho_sg=0.9) == right
    assert error(Hard(0.5), 0.35, 1e-2, 0.9, flip=0.5) == 0.5
    assert error(Hard(0.5), 0.35, 1e-2, 0.9, flip=1) == pytest.approx(1 - right)
    assert error(Hard(0.5), 0.35, 1e-2, -0.9, rho_g=-1, rho_sg=0.9) == pytest.approx(1 - right)  # not |m0|
    # of endless right data, what is left is the generator's own error
    assert error(Random(1.0), 1e-9, 0, 0.5, rho_g=0.8, rho_sg=0.4) == pytest.approx(acos(0.8) / pi, abs=1e-4)


@pytest.mark.parametrize(
    "words, part",
    [
        ({"phi": 0}, "phi=0"),
        ({"lam": -1}, "lam=-1"),
        ({"lam": np.nan}, "lam=nan"),
        ({"rho": 1.1}, "rho=1.1"),
        ({"flip": 2}, "flip=2"),
        ({"rho_g": 0.5}, "rho_sg"),
        ({"rho_g": 0.5, "rho_sg": -0.9}, "no three directions"),
        ({"q": lambda t: np.exp(np.asarray(t, float) / 50) / 2}, "even"),
        ({"q": lambda t: 1.5 + 0 * t}, "even"),
        ({"q": lambda t: 0 * t}, "keep something"),
        ({"d": 1}, "d=1"),
    ],
)
def test_bad_input_is_told_in_one_line(words, part):
    with pytest.raises(BadInput, match=part) as caught:
        error(**{"q": Hard(0.5), "phi": 0.35, "lam": 1e-2, "rho": 0.9} | words)
    assert "\n" not in str(caught.value)
    for keep in (0, 1.2, np.nan):
        with pytest.raises(BadInput):
            Hard(keep)
    with pytest.raises(BadInput):
        Mixed(((0.7, Hard(0.5)), (0.5, Random(1.0))))
