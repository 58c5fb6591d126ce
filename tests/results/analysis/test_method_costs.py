"""What scores and rules take beside plain images: by hand, from counts; what has no unit cost is told."""

from math import isnan

import pytest

from results import load
from results.analysis import repricing
from results.analysis.method_costs import Units
from results.analysis.repricing import Prices

STEPS = 20
COSTS = {
    "mixture.plain": 1.0,
    "mixture.relative.denoiser.every1": 21.0,
    "mixture.learner.train": 0.0,
    "mixture.learner.forward": 0.5,
    # measured at another time, at half the speed
    "guided.entropy": 42.0,
    "guided.learnability.density": 50.0,
    "guided.bald.snapshots5": 202.0,
    "guided.bald.epistemic5": 46.0,
    "guided.hardness": 46.0,
    "ruled.eps-relative": 44.0,
    "scored.entropy": 1.0,
    "scored.learnability.density": 3.0,
    "around.hardness": 3.0,
    "around.bald.epistemic5": 5.0,
    "chosen.kcentre": 4.0,
    "exact.plain": 6.0,
}
PLAIN, GUIDED, EVERY = 200, 600, 5
OWN = GUIDED * STEPS // EVERY  # guided steps of images


def prices(costs):
    return Prices("costs.csv", "cpu", costs, ("mixture",))


def guided(passes=1, call="generate", made=GUIDED, **changes):
    """The counts of a run with 200 plain images and 600 that were guided at a step in five, by so many classifiers."""
    steps = made * STEPS // EVERY
    return {
        "additions": [
            {"call": "generate", "images": PLAIN, "omega": 0.0, "size": PLAIN},
            {"call": call, "images": GUIDED, "omega": 0.05, "size": PLAIN + GUIDED},
        ],
        "images_generated": PLAIN + made,
        "network_evaluations": STEPS * (PLAIN + made),
        "network_gradients": steps,
        "gradients": passes * steps,
        "classifier_evaluations": passes * steps,
        **changes,
    }


def priced(make, words, counts, costs=COSTS):
    """Seconds by phase of one run, and why it has none."""
    folder = make(f"{words} scale=1k", summary=counts)
    runs = repricing.reprice(load(make.root).runs, prices(costs))
    row = runs[runs["run_id"] == folder.name].iloc[0]
    return {phase: 3600 * row[f"hours_repriced.{phase}"] for phase in ("generate", "guided", "score")}, row


BY_ENTROPY = GUIDED * (1 + 20 / EVERY)


@pytest.mark.parametrize(
    ("words", "passes", "more"),
    [
        ("dp.score=margin", 1, 0.0),  # looks at logits alone
        ("dp.score=learnability", 1, OWN * (25 - 21) / STEPS),
        ("dp.score=bald", 5, 4 * OWN * (101 - 21) / STEPS / 4),
        ("dp.score=bald", 3, 2 * OWN * (101 - 21) / STEPS / 4),  # two additions with fewer snapshots
        ("dp.score=variance heads.count=3", 3, 2 * OWN * (101 - 21) / STEPS / 4),  # passes are passes
        ("dp.score=hardness", 1, OWN * (23 - 21) / STEPS),
    ],
)
def test_a_guided_step_costs_what_its_score_looks_at(make, words, passes, more):
    found, _ = priced(make, f"strategy=dp {words}", guided(passes))
    assert found["generate"] == PLAIN and found["guided"] == pytest.approx(BY_ENTROPY + more)


def test_what_is_made_of_the_set_once_a_call_is_paid_for(make):
    """Its 200 passes are counted by the ledger; moments come on top, 1.5 − 0.5 seconds for each of its images."""
    found, _ = priced(make, "strategy=dp dp.score=hardness", guided(classifier_evaluations=OWN + PLAIN))
    assert found["score"] == pytest.approx(PLAIN * 0.5 + PLAIN * (1.5 - 0.5))
    heads, _ = priced(make, "strategy=dp dp.score=bald heads.source=epistemic", guided())
    assert heads["score"] == pytest.approx(0 + PLAIN * (2.5 - 0.5))


def test_guided_candidates_are_guided_whether_they_are_kept_or_not(make):
    """LGD: twice as many candidates as are kept, guided by another rule, scored by learner and density."""
    counts = guided(call="select", made=2 * GUIDED)
    counts |= {"classifier_evaluations": counts["gradients"] + 2 * GUIDED}
    found, _ = priced(make, "strategy=lgd", counts)
    assert found["generate"] == PLAIN
    assert found["guided"] == pytest.approx(2 * (BY_ENTROPY + OWN * (25 - 21 + 22 - 21) / STEPS))
    assert found["score"] == pytest.approx(2 * GUIDED * (0.5 + (1.5 - 0.5)))


def test_what_is_made_again_is_paid_again_and_a_rule_that_looks_at_features_too(make):
    counts = {
        "additions": [
            {"call": "generate", "images": 200, "omega": 0.0, "size": 200},
            {"call": "select", "images": 100, "omega": 0.0, "size": 300},
        ],
        "images_generated": 200 + 800,
        "network_evaluations": STEPS * (200 + 800 + 100),
        "classifier_evaluations": 2 * 800 + 200,
    }
    found, _ = priced(make, "strategy=prune prune.rule=kcentre", counts)
    assert found["generate"] == 1100 and found["score"] == pytest.approx(1800 * 0.5 + 800 * 2.0)


def test_an_image_that_starts_from_another_costs_its_part_of_the_way(make):
    """12 of 20 steps, of which two are guided."""
    counts = guided(network_evaluations=STEPS * PLAIN + 12 * GUIDED, network_gradients=2 * GUIDED)
    counts |= {"gradients": 2 * GUIDED, "classifier_evaluations": 2 * GUIDED + 900}
    found, _ = priced(make, "strategy=actgen", counts)
    assert (found["generate"], found["score"]) == (PLAIN, 450)
    assert found["guided"] == pytest.approx(GUIDED * 0.6 * (1 + 20 / 6))


def test_by_the_decoder_alone_further_classifiers_are_told_from_guided_steps(make):
    costs = COSTS | {"mixture.relative.decoder.every1": 11.0}
    counts = guided(3, network_gradients=0, decoder_evaluations=PLAIN + GUIDED + OWN)
    found, _ = priced(make, "strategy=dp dp.score=bald dp.through=decoder", counts, costs)
    assert found["guided"] == pytest.approx(GUIDED * (1 + 10 / EVERY) + 2 * OWN * (101 - 21) / STEPS / 4)


def test_exact_draws_are_not_free(make):
    found, _ = priced(make, "strategy=static sampler.exact=true", {"network_evaluations": 0})
    assert found["generate"] == pytest.approx(1000 * 3.0)


@pytest.mark.parametrize(
    ("words", "counts", "item"),
    [
        ("strategy=dp dp.score=chamfer", guided(), "guided.chamfer"),
        ("strategy=dp dp.score=bald", guided(5), "guided.learnability.classifier"),
        ("strategy=dp dp.rule=predecessor", guided(), "mixture.predecessor.denoiser.every5"),
        ("strategy=dp dp.score=nll", guided(), "guided.nll"),
        ("strategy=static sampler.exact=true", {"network_evaluations": 0}, "exact.plain"),
    ],
)
def test_what_was_not_measured_is_told_and_not_priced_as_entropy(make, words, counts, item):
    bare = {name: cost for name, cost in COSTS.items() if name.startswith("mixture.") or name == "guided.entropy"}
    found, row = priced(make, words, counts, bare)
    assert all(map(isnan, found.values())) and row["repriced_why"] == f"costs.csv has no item {item}"


def test_unit_costs_by_method_are_taken_by_their_ratio():
    assert Units(COSTS, "mixture.relative.denoiser.every1").of("guided.entropy") == 21
    assert Units({"guided.nll": 3.0}, "mixture.relative.denoiser.every1").of("guided.nll") == 3


def test_the_packaged_costs_know_every_score_and_rule_of_the_project():
    from benchmarks import unit_costs
    from dp_common.config import registry
    from results.analysis.method_costs import item_of, suffix_of

    units = Units(repricing.load(unit_costs.FOLDER / "digits.csv").seconds, "mixture.relative.denoiser.every1")
    for source in ("density", "classifier"):
        for heads in ("snapshots", "epistemic"):
            values = {"teacher": "mixture", "reference.source": source, "heads.source": heads}
            for name, score in registry.plugins("score").items():
                if needs := frozenset(score.constant("NEEDS", ())):
                    heads_of_passes = "heads" in needs and heads == "snapshots"
                    named = f"guided.{name}{suffix_of(values, needs)}"
                    assert units.classifier_pass() if heads_of_passes else units.of(item_of(named, units)), named
    for name, rule in registry.plugins("selection rule").items():
        if rule.constant("NEEDS", ()):
            assert units.of(f"chosen.{name}") > 0
