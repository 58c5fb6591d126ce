"""The theory against the numbers of DESIGN, its own printed form, its limits, and simulation; and the application that draws it."""

from math import acos, pi, sqrt

import numpy as np
import pytest
from scipy import stats

from benchmarks import cli
from benchmarks import theory as application
from dp_common.errors import BadInput, Held
from dp_common.theory.asymptotics import Easy, Hard, Mixed, Random, Scalars, Soft, error, integrated, scalars
from dp_common.theory.simulation import ARMS, estimate, loop, ridge, simulate
from results.analysis import theory as numbers
from results.figures import theory as figures

D = 350
ALL = (Hard(0.3), Easy(0.3), Random(0.4), Soft(0.5), Mixed(((0.5, Hard(0.3)), (0.4, Random(0.7)))))


def sigmoid_pair(t):
    return 4 / (1 + np.exp(-t)) / (1 + np.exp(t))


def printed(
    q,
    phi,
    lam,
    rho,
    r=lambda b, bt, s, rho: (b**2, bt**2),
    bracket=lambda phi, m, dm, r: 2 * phi * dm / (1 + phi * m) * r,
):
    """DESIGN §9 letter by letter, for λ > 0; ``r`` gives the weights of m and m̃ in r, ``bracket`` the last term of ν0."""
    p, gamma, beta, beta_tilde = scalars(q, rho)
    z, s = -lam, sqrt(1 - rho**2)
    b = p - phi - z
    root = sqrt(b**2 - 4 * phi * z)
    m = 2 / (b + root) if b > 0 else (b - root) / (2 * phi * z)
    dm = (phi * m**2 + m) / (b - 2 * phi * z * m)
    mt = 1 / (gamma / (1 + phi * m) - z)
    dmt = mt**2 * (1 + gamma * phi * dm / (1 + phi * m) ** 2)
    across, along = r(beta, beta_tilde, s, rho)
    nu = p * phi * dm + across * dm + along * dmt - bracket(phi, m, dm, across * m + along * mt)
    cosine = (beta * s * m + beta_tilde * rho * mt) / sqrt(nu) if nu > 0 else np.nan
    return acos(cosine) / pi if abs(cosine) <= 1 else np.nan


def z_of(limit, found):
    return (found.mean - limit) / found.se


def within_chance(zs, repeats, share=0.05):
    """Do the largest of these deviations (Bonferroni) and their mean agree with Student's t?"""
    zs = np.asarray(zs)
    t = stats.t(repeats - 1)
    assert 2 * t.sf(np.abs(zs).max()) * len(zs) > share, f"largest |z| {np.abs(zs).max():.2f} of {len(zs)}"
    assert abs(zs.mean()) < 3.3 * t.std() / sqrt(len(zs)), f"mean z {zs.mean():.2f} of {len(zs)}"


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


def test_misprints_disagree_with_simulation():
    """The paper's main-text r, and the bracket of ν0 closed too late, miss what the same simulation confirms of the form used here."""
    misprints = {
        "r": {"r": lambda b, bt, s, rho: (s**2 * b**2, rho**2 * bt**2)},
        "bracket": {"bracket": lambda phi, m, dm, r: 2 * phi * dm / (1 + phi * m * r)},
    }
    missed = dict.fromkeys(misprints, 0)
    for number, (q, n, lam, rho) in enumerate(
        ((Random(1.0), 1000, 1e-2, 0.6), (Easy(0.5), 1000, 1e-2, 0.6), (Easy(0.5), 1000, 1e-2, 0.9))
    ):
        found = estimate(simulate(q, n, D, lam, rho, repeats=16, what=f"misprint {number}"))
        assert abs(z_of(error(q, D / n, lam, rho), found)) < 4
        for name, words in misprints.items():
            wrong = printed(q, D / n, lam, rho, **words)
            missed[name] += not abs(z_of(wrong, found)) < 6  # nan: not even a cosine
    assert missed == dict.fromkeys(misprints, 3)
    of_all = [printed(Random(1.0), 0.35, 1e-2, rho, **misprints["r"]) for rho in (0.6, 0.9)]
    assert abs(of_all[0] - of_all[1]) > 0.01  # where all is kept it would depend on a pruner nobody asked


def grid(rhos, pools, lams, qs, d, repeats, seed, **more):
    for rho in rhos:
        for n in pools:
            for lam in lams:
                for q in qs:
                    p, phi = scalars(q, rho).p, d / n
                    if (
                        abs(p / phi - 1) > 2 * d**-0.5
                        and abs(error(q, phi, lam, rho, d=d) - error(q, phi, lam, rho)) < 1e-3
                    ):
                        found = estimate(
                            simulate(q, n, d, lam, rho, **more, repeats=repeats, seed=seed, what=f"{rho} {n} {lam} {q}")
                        )
                        yield z_of(error(q, phi, lam, rho, **more), found)


def test_theory_equals_simulation():
    zs = list(grid((0.6, 0.9, 1.0), (250, 1000), (1e-6, 1e-2), ALL, D, 12, seed=1))
    assert len(zs) > 50
    within_chance(zs, 12)


@pytest.mark.slow
def test_theory_equals_simulation_widely():
    qs = [q(keep) for q in (Hard, Easy, Random, Soft) for keep in (0.1, 0.3, 0.5, 0.8, 0.95)]
    within_chance(list(grid((-0.4, 0.9, 1.0), (250, 600, 2500), (0, 1e-6, 1e-2, 0.3), qs, D, 20, seed=2)), 20)


@pytest.mark.parametrize("q", [Hard(0.5), Easy(0.5), Soft(0.5), ALL[-1]], ids=repr)
def test_imperfect_labels_equal_simulation(q):
    zs = []
    for words in (
        {"rho": 0.9, "rho_g": 0.8, "rho_sg": 0.72},
        {"rho": 0.8, "rho_g": 0.8, "rho_sg": 1.0},
        {"rho": 0.9, "flip": 0.2},
        {"rho": 0.6, "rho_g": 0.7, "rho_sg": 0.9, "flip": 0.1},
        {"rho": 1.0, "rho_g": 0.8, "rho_sg": 0.8},
    ):
        found = estimate(simulate(q, 1000, D, 1e-2, **words, repeats=12, seed=3, what=f"{q} {words}"))
        zs.append(z_of(error(q, D / 1000, 1e-2, **words), found))
    within_chance(zs, 12)


def test_noise_along_the_pruner_explains_what_the_limit_misses():
    """Of a pool of 32 times what is kept, tiny λ: simulation is far from the limit of d → ∞ and near that with the noise at this d."""
    q, n = Hard(1 / 32), 32_000
    found = estimate(simulate(q, n, D, 1e-6, 0.9, repeats=80, what="noise"))
    assert z_of(error(q, D / n, 1e-6, 0.9), found) > 3
    assert abs(z_of(error(q, D / n, 1e-6, 0.9, d=D), found)) < 2.5
    assert error(Hard(0.5), 0.35, 1e-2, 0.9, d=10**9) == pytest.approx(error(Hard(0.5), 0.35, 1e-2, 0.9), abs=1e-7)


def test_ridge_has_one_answer_by_any_way():
    rng = np.random.default_rng(0)
    for k in (20, 60):
        x, y = rng.standard_normal((k, 40)), np.sign(rng.standard_normal(k))
        wanted = np.linalg.solve(x.T @ x / 100 + 0.1 * np.eye(40), x.T @ y / 100)
        np.testing.assert_allclose(ridge(x, y, 0.1, 100), wanted, atol=1e-10)
        np.testing.assert_allclose(ridge(x, y, 0, 100), np.linalg.pinv(x) @ y, atol=1e-9)
    assert not ridge(np.empty((0, 5)), np.empty(0), 0.1, 10).any()


def test_simulation_is_a_function_of_seed_and_name():
    words = {"q": Hard(0.5), "n": 100, "d": 30, "lam": 1e-2, "rho": 0.9, "repeats": 3}
    assert (simulate(**words) == simulate(**words)).all()
    assert (simulate(**words)[:2] == simulate(**words | {"repeats": 2})).all()
    assert (simulate(**words) != simulate(**words, seed=1)).all() and (
        simulate(**words) != simulate(**words, what="other")
    ).all()
    assert (simulate(**words | {"q": Random(1e-12)}) == 0.5).all()


def test_adaptive_beats_frozen_beats_random_in_the_toy():
    found = [loop(100, 200, 200, 3, 4, 1e-2, seed=seed) for seed in range(12)]
    for one in found:
        assert len({values[0] for values in one.values()}) == 1  # paired: one initial set
        assert one["adaptive"][1] == one["frozen"][1] and set(one) == set(ARMS)
    for a, b in (("adaptive", "frozen"), ("frozen", "random")):
        gain = estimate([one[b][-1] - one[a][-1] for one in found])
        assert gain.mean > 4 * gain.se
    assert all((values == found[0][arm]).all() for arm, values in loop(100, 200, 200, 3, 4, 1e-2, seed=0).items())


def test_agreement_can_say_no_and_the_second_simulation_stands():
    def line(x, limit, mean, se, repeats=16, **more):
        return {
            "kind": "point",
            "figure": "imperfect",
            "panel": ["flips"],
            "series": "hard",
            "x": x,
            "limit": limit,
            "finite": limit,
            "simulated": mean,
            "se": se,
            "repeats": repeats,
            "beyond": "",
            **more,
        }

    rng = np.random.default_rng(0)
    fine = [line(x, 0.2, *estimate(0.2 + 0.01 * rng.standard_normal(16))) for x in range(100)]
    assert numbers.agreement(fine)[1]["agrees"] and not numbers.suspects(fine)
    wrong = [*fine, line(100, 0.2, 0.22, 0.0025)]
    assert not numbers.agreement(wrong)[1]["agrees"] and numbers.suspects(wrong) == {
        ("imperfect", "flips", "hard", 100)
    }
    for mean, agrees in ((0.2004, True), (0.21, False)):
        points, found = numbers.agreement([*wrong, line(100, 0.2, mean, 0.0008, 160, again=True)])
        assert found["agrees"] == agrees and found["again"] == 1 and len(points) == 101
    assert not numbers.agreement([*fine[:-1], line(99, 0.2, 0.3, 0.001)])[1]["agrees"]
    assert numbers.agreement([*fine[:-1], line(99, 0.2, 0.3, 0.001) | {"beyond": "peak"}])[1]["agrees"]


SMALL = ["d=24", "n=60", "lam=1e-3", "repeats=3"]


def run(capsys, *words):
    application.main(list(words))
    return capsys.readouterr()


def test_the_application_writes_a_ledger_of_its_own_and_resumes(tmp_path, capsys):
    from results.reading.runs import load

    path = tmp_path / "runs" / numbers.NAME
    first = run(capsys, *SMALL, f"root={tmp_path / 'runs'}", f"out={tmp_path / 'a'}")
    assert "Limit against simulation" in first.out and "frozen - random" in first.out
    names = {f"{name}.{ending}" for name in figures.DRAWN for ending in ("svg", "png", "csv")} | {
        "loop-differences.csv"
    }
    assert {file.name for file in (tmp_path / "a").iterdir()} == names
    whole, options = path.read_bytes(), cli.parse(SMALL, application.Options)

    def again(content):
        path.write_bytes(content)
        with application.Journal(path, options) as journal:
            application.bring_up(journal, options, SMALL)
            return journal.records

    assert (
        again(whole + b'{"n": 9, torn') == numbers.read(path) and path.read_bytes() == whole
    )  # nothing is computed again
    lines = whole.splitlines(keepends=True)
    records = again(b"".join(lines[:-20]) + lines[-20][:30])  # killed on the way: only the rest is
    assert len(records) == len(lines) + 1 and records[:-21] == numbers.read(path)[:-21]
    drawn = figures.draw(records, None, tmp_path / "a" / "..")
    assert [figure.name for figure in drawn] == list(figures.DRAWN) and all(
        "d = 24" in figure.caption for figure in drawn
    )
    for file in [*(path for figure in drawn for path in figure.paths), tmp_path / "loop-differences.csv"]:
        assert (tmp_path / "a" / file.name).read_bytes() == file.read_bytes()
    with pytest.raises(BadInput, match="holds no runs"):  # not mistaken for a run
        load(tmp_path / "runs")
    with application.Journal(path, application.Options()), pytest.raises(Held):
        application.Journal(path, application.Options())


@pytest.mark.parametrize(
    "word, part",
    [
        ("repeat=3", "Did you mean repeats"),
        ("lam=-1", "lam=-1"),
        ("lam=x", "a number"),
        ("rho=2", "rho=2"),
        ("n=10.5", "whole number"),
        ("n=100,100", "different"),
        ("repeats=1", "repeats=1"),
        ("rho=nan", "rho=nan"),
    ],
)
def test_a_wrong_key_is_one_line(word, part):
    with pytest.raises(BadInput, match=part) as caught:
        cli.parse([word], application.Options)
    assert "\n" not in str(caught.value)


def test_a_damaged_line_is_named(tmp_path):
    from dp_common.errors import Damaged
    from dp_common.persistence.ledger import encode

    path = tmp_path / "theory.jsonl"
    path.write_bytes(encode({"n": 0, "kind": "open"}) + encode({"n": 2, "kind": "point"}))
    with pytest.raises(Damaged, match="theory.jsonl:2"):
        numbers.read(path)
    path.write_bytes(encode({"n": 0, "kind": "open"}).replace(b"open", b"shut"))
    with pytest.raises(Damaged, match="theory.jsonl:1"):
        numbers.read(path)
