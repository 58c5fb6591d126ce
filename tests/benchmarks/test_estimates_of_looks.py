"""What is looked at beside logits is counted and priced, or said to be in no price."""

import pytest

from benchmarks import estimates
from dp_common.config.resolve import resolve


@pytest.mark.parametrize(
    "words, gradients, forwards, images, reference",
    [
        (["dp.score=entropy"], 0, 0, 0, 0),
        (["dp.score=bald", "heads.count=4"], 3, 0, 0, 0),
        (["dp.score=bald", "heads.source=dropout", "heads.count=4"], 4, 0, 0, 0),
        (["dp.score=variance", "heads.source=epistemic"], 0, 0, 1000 + 2000 + 3000, 0),
        (["dp.score=learnability", "reference.source=classifier", "train.seen=128k"], 1, 0, 0, 32_000),
        (["dp.score=learnability"], 0, 0, 0, 0),
        (["dp.score=chamfer", "exemplars.per_class=3"], 0, 0, 3 * 3 * 10, 0),
        (["strategy=prune", "prune.score=hardness"], 0, 0, 1000 + 2000 + 3000, 0),
        (
            [
                "strategy=prune",
                "prune.rule=covariance",
                "prune.rule_args.real_per_class=7",
                "prune.rule_args.dimensions=6",
            ],
            0,
            1,
            3 * 7 * 10,
            0,
        ),
        (["strategy=actgen"], 0, 0, 3 * 2823, 0),
    ],
)
def test_what_is_looked_at_beside_logits_is_counted_and_priced(no_gpu, words, gradients, forwards, images, reference):
    words = words if words[0].startswith("strategy") else ["strategy=dp", *words]
    found = estimates.estimate(resolve([*words, "scale=4k"]))
    looks = found.work.looks
    assert (looks.gradients, looks.forwards, looks.images, looks.reference) == (gradients, forwards, images, reference)
    per, hours = found.prices, estimates.hours_of(found.work, found.prices)  # without what methods take beside passes
    guided = found.work.guided * (per.guided + found.work.gradients * gradients * per.gradient) * found.work.share
    assert hours["guided"] == pytest.approx(guided / 3600)
    assert hours["train"] == pytest.approx((found.work.seen + reference) * per.train / 3600)
    assert hours["score"] == pytest.approx((found.work.scored * (1 + forwards) + images) * per.score / 3600)


def test_what_is_in_no_price_is_said(no_gpu):
    text = "\n".join(estimates.lines(resolve(["strategy=lgd"]), "h100"))
    assert "not priced: densities of the teacher" in text
    assert "not priced" not in "\n".join(estimates.lines(resolve(["strategy=dp"])))
    runs = [resolve(["strategy=prune", "prune.rule=kcentre"]), resolve(["strategy=actgen"])]
    grid = estimates.grid_lines(runs, "h100")
    assert any("prune.rule=kcentre itself computes; encoding of the images" in line for line in grid)


def test_what_compiling_gains_is_said_and_in_no_price():
    words = ["task=imagenet100", "teacher=stable-diffusion", "strategy=static"]
    plain, compiled = (estimates.lines(resolve([*words, *more])) for more in ([], ["stable_diffusion.compile=yes"]))
    (line,) = set(compiled) - set(plain)
    assert line.strip().startswith("stable_diffusion.compile is not priced: on an H100 plain images came 1.3 times")
    grid = estimates.grid_lines([resolve([*words, "train.compile=yes", f"seed={seed}"]) for seed in range(2)])
    assert sum("train.compile is not priced" in text for text in grid) == 1
