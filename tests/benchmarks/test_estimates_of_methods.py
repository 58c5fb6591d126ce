"""What scores and rules take beside passes of a classifier is estimated by the rows that tables re-price by."""

import csv

import pytest

from benchmarks import estimates, unit_costs
from benchmarks.estimates import looks
from dp_common.config.resolve import resolve
from results.analysis.method_costs import Units

MOMENTS, DENSITY = looks.UNPRICED["moments"], looks.UNPRICED["density"]


@pytest.fixture(scope="module")
def units():
    with open(unit_costs.path_of("prices", "digits"), newline="") as file:
        seconds = {row["item"]: float(row["seconds_per_unit"]) for row in csv.DictReader(file)}
    return Units(seconds, "mixture.relative.denoiser.every1")


def without(tmp_path, *items):
    """A file of unit costs that lacks some."""
    path = tmp_path / "mine.csv"
    with open(unit_costs.path_of("prices", "digits"), newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["item"] not in items]
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def more(words, asked="", phase="guided"):
    """(seconds of a phase beside passes, what is not priced, the work)."""
    found = estimates.estimate(resolve([*words, "scale=4k"]), asked)
    passes = estimates.hours_of(found.work, found.prices)[phase]
    return (found.hours[phase] - passes) * 3600, found.unpriced, found.work


@pytest.mark.parametrize(
    "words, item",
    [
        (["dp.score=learnability"], "guided.learnability.density"),
        (["dp.score=hardness"], "guided.hardness"),
        (["dp.score=chamfer"], "guided.chamfer"),
        (["dp.score=nll"], "guided.nll"),
        (["dp.score=variance", "heads.source=epistemic"], "guided.variance.epistemic8"),
    ],
)
def test_a_guided_step_by_another_score_costs_what_was_measured(no_gpu, units, words, item):
    seconds, unpriced, work = more(["strategy=dp", *words])
    assert seconds == pytest.approx(work.guided * work.gradients * units.step_more(item)) and not unpriced


def test_candidates_sets_and_rules_cost_what_was_measured(no_gpu, units):
    seconds, unpriced, work = more(["strategy=prune", "prune.score=nll"], phase="score")
    assert (
        seconds == pytest.approx(work.scored * (units.of("scored.nll") - units.of("scored.entropy"))) and not unpriced
    )
    seconds, unpriced, work = more(["strategy=prune", "prune.rule=kcentre"], phase="score")
    assert seconds == pytest.approx(work.scored * units.of("chosen.kcentre")) and not unpriced
    seconds, unpriced, _ = more(["strategy=dp", "dp.score=hardness"], phase="score")
    around = units.of("around.hardness") - units.seconds["mixture.learner.forward"]
    assert seconds == pytest.approx((1000 + 2000 + 3000) * around) and not unpriced


def test_further_passes_cost_what_one_was_measured_to(no_gpu, units):
    found = estimates.estimate(resolve(["strategy=dp", "dp.score=bald", "scale=4k"]))
    assert found.prices.gradient == pytest.approx(units.classifier_pass()) and not found.unpriced


def test_scores_of_logits_alone_take_nothing_more(no_gpu):
    assert more(["strategy=dp"])[:2] == (0.0, ())
    assert more(["strategy=prune"], phase="score")[:2] == (0.0, ())


def test_what_a_file_does_not_have_is_named_again(no_gpu, units, tmp_path):
    words = ["strategy=dp", "dp.score=hardness"]
    assert more(words, without(tmp_path, "guided.hardness"))[:2] == (0.0, (MOMENTS,))
    assert more(words, without(tmp_path, "around.hardness"))[1] == (MOMENTS,)
    assert more(["strategy=lgd"], without(tmp_path, "guided.learnability.density"))[1] == (DENSITY,)
    assert more(words, "h100")[1] == (MOMENTS,)  # reckoned from operations
