"""Which runs are shown where not all can be."""

from results.analysis.study import load
from results.figures.drawing.selection import one_scale


def test_one_scale_is_the_largest_at_which_most_arms_are_complete_with_most_seeds(make):
    for scale in (500, 1000):
        for seed in range(2):
            make(f"strategy=static scale={scale} seed={seed}")
            make(f"strategy=dp scale={scale} seed={seed}")
    make("strategy=static scale=2k seed=0")
    make("strategy=static scale=2k seed=1")
    make("strategy=dp scale=2k seed=0")
    assert one_scale(load(make.root).runs) == 1000
    for strategy in ("static", "dp"):
        make(f"strategy={strategy} scale=4k seed=0")  # all that was planned there, and too few to look at
    assert one_scale(load(make.root).runs) == 1000
