"""Comparisons that differ in how images are sampled alone stand beside each other, however old their runs are."""

from results import load
from results.claims.judging.arm_selection import ArmSelection


def test_a_key_that_came_later_keeps_no_variant_apart(make):
    make("strategy=dp scale=1k")
    make("strategy=static scale=1k")
    make("strategy=static sampler.temperature=1.5 scale=1k", without=("train.pad", "heads.count"))
    home, variant = load(make.root).comparisons
    assert variant.is_variant and set(home.whole.arms) == {"static", "dp", "static sampler.temperature=1.5"}
    found = ArmSelection(home, make.root, others=(home, variant)).elsewhere("static", "sampler.temperature")
    assert list(found) == [1.5] and len(found[1.5]) == 1
    back = ArmSelection(variant, make.root, others=(home, variant)).elsewhere("static", "sampler.temperature")
    assert list(back) == [1.0]


def test_what_differs_in_more_is_no_variant(make):
    make("strategy=static scale=1k")
    make("strategy=static sampler.temperature=1.5 scale=1k train.seen=32k")
    assert not any(one.is_variant for one in load(make.root).comparisons)
