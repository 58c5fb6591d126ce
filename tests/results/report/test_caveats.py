"""A caveat that does not apply is not there."""

from results.analysis.study import load
from results.report import caveats, headline


def kept_in_mind(root):
    comparison = load(root).single()
    return " ".join(caveats.of_comparison(comparison, headline.gaps_of(comparison)))


def test_caveats_are_those_that_apply(make):
    make("strategy=static scale=1k", accuracy=0.9)
    one = kept_in_mind(make.root)
    assert (
        "One seed: there are no intervals" in one
        and "200 images, so one image is 0.5 points" in one
        and "±4.2 points" in one
    )  # 1.96 sqrt(.09/200)
    for absent in ("below their scale", "kinds of device", "Not finished", "uncommitted", "monitor=paper"):
        assert absent not in one
    make("strategy=static scale=1k seed=1", kept=400)
    make("strategy=static scale=1k seed=2", state="failed")
    make("strategy=static scale=1k seed=3", device="NVIDIA H100")
    more = kept_in_mind(make.root)
    assert (
        "4 seeds: a 95 % interval reaches 1.59 standard deviations" in more
        and "Finished below their scale: 1 run. They" in more
    )
    assert "Not finished: 1 failed" in more and "2 kinds of device (NVIDIA H100, cpu)" in more
