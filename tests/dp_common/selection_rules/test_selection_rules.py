"""Every selection rule keeps the contract and what is kept is what its definition says; sir samples the target Q."""

from pathlib import Path

import numpy as np
import pytest

from dp_common.config import registry
from dp_common.config.resolve import resolve
from dp_common.conformance import Nonconforming, check_selection_rule
from dp_common.conformance.__main__ import main
from dp_common.errors import BadInput, Problem
from dp_common.lab import runner
from dp_common.lab.selection_rule import Keys, chosen_rows, parameters_of, selection_rule, shares, uniforms
from dp_common.persistence import ledger
from dp_common.selection_rules.ccs import water_filling
from dp_common.selection_rules.sir import effective

BAND = str(Path(__file__).parents[2] / "plugins" / "band.py")
RULES = [*registry.plugins("selection rule"), BAND]


def pool(n, seed=0):
    """Scores as entropies are: many small, few large, bounded."""
    return np.random.default_rng(seed).beta(0.6, 2.0, n).astype(np.float32)


def kept(name, scores, keep, seed=0, **parameters):
    """Indices that a rule keeps of one group."""
    rule, indices = selection_rule(name, parameters), np.arange(len(scores))
    if rule.streams:
        keys = Keys(rule, seed)(scores, np.zeros(len(scores), int), indices)
        return np.sort(np.lexsort((indices, -keys))[:keep])
    return chosen_rows(rule, scores, indices, np.zeros(len(scores), int), keep, "global", seed)


def highest(values, keep):
    return np.sort(np.argsort(-values, kind="stable")[:keep])


@pytest.mark.parametrize("rule", RULES)
def test_conforming(rule):
    told = []
    check_selection_rule(rule, say=told.append)
    assert len(told) == 4


def test_these_are_all_the_rules():
    """A new rule belongs into the tests below."""
    assert set(registry.plugins("selection rule")) == {
        "top",
        "bottom",
        "sir",
        "ccs",
        "moderate",
        "newest",
        "lot",
        "covariance",
        "kcentre",
    }


@pytest.mark.parametrize(
    "body, broken",
    [
        ("def keys(self, scores, labels, uniforms): return scores - scores.mean()", "keys by themselves"),
        ("def keys(self, scores, labels, uniforms): return scores[:1]", "one key per candidate"),
        ("def choose(self, scores, labels, uniforms, keep): return scores.argsort()[: keep - 1]", "as many as asked"),
        ("def choose(self, scores, labels, uniforms, keep): scores.sort(); return range(keep)", "its input alone"),
    ],
)
def test_cheats_are_found(tmp_path, body, broken, capsys):
    path = tmp_path / "cheat.py"
    path.write_text(f"class Cheat:\n    {body}\n")
    with pytest.raises(Nonconforming, match=broken):
        check_selection_rule(str(path))
    assert main([f"selection_rule={path}"]) == 1 and "NOT CONFORMING" in capsys.readouterr().out


# ---------------------------------------------------------------------- each by its definition


def test_top_and_bottom_are_the_two_ends():
    scores = pool(500)
    assert kept("top", scores, 50).tolist() == highest(scores, 50).tolist()
    assert kept("bottom", scores, 50).tolist() == highest(-scores, 50).tolist()


def test_newest_is_a_window_whatever_the_scores():
    assert kept("newest", pool(100), 30).tolist() == list(range(70, 100))


def test_lot_is_another_at_each_turn_and_takes_any():
    scores, turns = pool(4000), [kept("lot", pool(4000), 3000, turn=turn) for turn in range(4)]
    assert kept("lot", -scores, 3000, turn=1).tolist() == turns[1].tolist()
    stayed = set(range(4000))
    for turn in turns:  # what stayed before is no more likely to stay than the rest: 3/4 of any
        both = stayed & set(turn.tolist())
        assert len(both) / len(stayed) == pytest.approx(0.75, abs=0.03)
        stayed = both


def test_sir_joins_random_and_top():
    scores = pool(1000)
    at_random = highest(uniforms(0, np.arange(1000)), 100)
    assert kept("sir", scores, 100, omega=0).tolist() == at_random.tolist()
    assert kept("sir", scores, 100, omega=1e9).tolist() == kept("top", scores, 100).tolist()
    assert kept("sir", scores, 100, omega=-1e9).tolist() == kept("bottom", scores, 100).tolist()
    means = [scores[kept("sir", scores, 100, omega=omega)].mean() for omega in (-4, 0, 4, 16)]
    assert means == sorted(means)


def test_sir_keeps_what_exact_rejection_accepts():
    """Accepted with probability exp(ω(H − max H)): independent draws from Q. Both have its mean and distribution
    function within Monte-Carlo error; top and random are far from it.
    """
    omega, scores = 3.0, pool(200_000)
    accepted = scores[np.random.default_rng(1).random(len(scores)) < np.exp(omega * (scores.astype(float) - 1))]
    sampled = scores[kept("sir", scores, 4000, omega=omega)]
    error = accepted.std() * np.sqrt(1 / len(accepted) + 1 / len(sampled))
    assert len(accepted) > 10_000 and abs(sampled.mean() - accepted.mean()) < 3 * error
    steps = np.sort(accepted)
    distance = np.abs(np.arange(1, 4001) / 4000 - np.searchsorted(steps, np.sort(sampled)) / len(steps)).max()
    assert distance < 1.63 * np.sqrt(1 / 4000 + 1 / len(accepted))  # Kolmogorov-Smirnov at 1 %
    for other in ("top", "bottom"):
        assert abs(scores[kept(other, scores, 4000)].mean() - accepted.mean()) > 20 * error
    assert abs(scores.mean() - accepted.mean()) > 20 * error


def test_sir_measures_its_effective_candidates_and_refuses_to_be_q_with_few():
    assert effective(np.zeros(80)) == pytest.approx(80) and effective(np.array([0.0, -1e9])) == pytest.approx(1)
    assert effective(np.log([1, 2, 3])) == pytest.approx(36 / 14)
    scores, groups = pool(1000), np.arange(1000) % 2
    found, note = selection_rule("sir", {"omega": 1}).measure(scores, groups, 100)
    assert set(found) == {"ess", "ess.0", "ess.1"} and found["ess"] == min(found["ess.0"], found["ess.1"]) > 400
    assert note == ""
    found, note = selection_rule("sir", {"omega": 60}).measure(scores, groups, 20)
    assert found["ess"] < 50 and "not a sample of Q in 2 of 2 groups" in note
    _, note = selection_rule("sir", {"omega": 1}).measure(scores, groups, 980)
    assert "where 490 are needed" in note  # more kept than there are effective candidates


def test_ccs_without_cut_or_strata_is_random():
    scores = pool(300)
    expected = highest(uniforms(0, np.arange(300)), 60)
    assert kept("ccs", scores, 60, cut=0, strata=1).tolist() == expected.tolist()


def test_ccs_cuts_the_hardest_and_covers_the_rest_evenly():
    scores = pool(1000)
    chosen = scores[kept("ccs", scores, 100, cut=0.2, strata=5)]
    bound = np.sort(scores)[799]
    assert chosen.max() <= bound
    edges = np.linspace(scores.min(), bound, 6)
    available, got = (np.histogram(values, edges)[0] for values in (scores[scores <= bound], chosen))
    assert got.tolist() == [20] * 5 and (available >= 20).all()
    assert kept("ccs", scores, 950, cut=0.2).size == 950  # the cut leaves as many as are kept


@pytest.mark.parametrize("sizes, budget", [([5, 0, 100, 30], 60), ([1, 1, 1], 3), ([10, 10, 10], 7), ([0, 9], 9)])
def test_water_is_filled_in(sizes, budget):
    got = water_filling(np.array(sizes), budget)
    assert got.sum() == budget and (got <= sizes).all()
    open_ = got[got < sizes]
    assert not len(open_) or (open_.max() - open_.min() <= 1 and got.max() <= open_.min() + 1)


def test_moderate_keeps_the_middle():
    scores = np.float32([0, 10, 2, 3, 4, 100, 1])
    assert kept("moderate", scores, 3).tolist() == [2, 3, 4]


def test_classes_share_equally_and_a_rule_sees_one_at_a_time():
    scores, labels, indices = pool(90), np.arange(90) % 3, np.arange(100, 190)
    scores[labels == 1] += 5
    rows = chosen_rows(selection_rule("moderate"), scores, indices, labels, 31, "class", 0)
    assert np.bincount(labels[rows]).tolist() == [11, 10, 10]
    assert shares(np.array([0, 0, 0, 0, 1, 2, 2]), 6) == {0: 3, 1: 1, 2: 2}
    order = np.random.default_rng(0).permutation(90)
    again = chosen_rows(selection_rule("ccs"), scores[order], indices[order], labels[order], 31, "class", 0)
    assert sorted(indices[order][again]) == sorted(
        indices[chosen_rows(selection_rule("ccs"), scores, indices, labels, 31, "class", 0)]
    )


def test_a_rule_that_breaks_its_word_is_named(tmp_path):
    path = tmp_path / "few.py"
    path.write_text("class Few:\n    def choose(self, scores, labels, uniforms, keep):\n        return [0] * keep\n")
    with pytest.raises(Problem, match=r"rule Few: choose\(\) must return 5 different rows of 20"):
        kept(str(path), pool(20), 5)


# ---------------------------------------------------------------------- from the command line


def test_bad_input_is_named_in_one_line(tmp_path):
    for words, said in (
        (["prune.rule=topp"], "prune.rule=topp: .*Did you mean top"),
        (["prune.rule_args.omega=3"], "prune.rule_args.omega=3: rule top has no parameters"),
        (["prune.rule=sir", "prune.rule_args.omgea=3"], "prune.rule_args.omgea=3: no such key. Did you mean"),
        (["prune.rule=ccs", "prune.rule_args.cut=2"], "prune.rule_args.cut=2: .*0.99"),
        (["prune.rule=sir", "prune.rule_args.omega=inf"], "prune.rule_args.omega=inf: a finite number"),
        (["prune.rule=covariance", "prune.rule_args.dimensions=32"], "prune.rule_args.dimensions=32: at most real_per"),
    ):
        with pytest.raises(BadInput, match=said) as caught:
            resolve(["strategy=prune", *words])
        assert caught.value.code == 2 and "\n" not in str(caught.value)
    path = tmp_path / "none.py"
    path.write_text("class Nothing:\n    pass\n")
    with pytest.raises(BadInput, match="has neither keys.* or choose.*; the contract is dp_common.contracts.Selection"):
        resolve(["strategy=prune", f"prune.rule={path}"])


def test_parameters_identify_a_run_however_they_are_said():
    plain = resolve(["strategy=prune"])
    assert (
        plain.values["prune.rule_args"] == {} and resolve(["strategy=prune", "prune.rule=top"]).run_id == plain.run_id
    )
    one, same, other = (
        resolve(["strategy=prune", "prune.rule=sir", *words])
        for words in ([], ["prune.rule_args.omega=3"], ["prune.rule_args={omega: 4}"])
    )
    assert one.run_id == same.run_id != other.run_id and one.values["prune.rule_args.omega"] == 3.0
    assert set(one.chosen) == set(same.chosen) and other.chosen["prune.rule_args.omega"]["value"] == 4.0
    assert parameters_of(selection_rule("ccs")) == {"cut": 0.2, "strata": 50}
    work = {r: resolve(["strategy=prune", f"prune.rule={r}"]) for r in ("top", "ccs")}
    made = {r: run.strategy.planned_work(run.budget)["generated"] for r, run in work.items()}
    assert made["ccs"] - made["top"] == 3000  # what is chosen is made again


def test_a_rule_of_ones_own_selects_in_a_run_and_identifies_it(tmp_path):
    small = ["task=plane", "strategy=prune", "scale=64", "train.seen=2560", "train.batch=64", "sampler.steps=4"]
    small += ["prune.rounds=1", "prune.at=0.5", "prune.oversample=4", f"root={tmp_path}"]
    own = resolve([*small, f"prune.rule={BAND}", "prune.rule_args.cut=0.25"])
    assert own.values["prune.rule"] == "band" and any("rule" in key for key in own.fingerprints)
    summary = runner.execute(own, quiet=True)
    assert summary["scale_reached"] and summary["images_generated"] == 16 + 4 * 48
    calls = [r for r in ledger.read(runner.folder_of(own)) if r["kind"] == "call" and r["name"] == "select"]
    assert calls[0]["args"]["rule"] == "band" and calls[0]["args"]["parameters"] == {"cut": 0.25}
    assert summary["network_evaluations"] == 4 * (16 + 4 * 48 + 48)  # the chosen were made twice, and paid for
