"""The look of arms."""

import json

from results.figures.drawing.style import arm_look


def test_arms_look_the_same_whoever_stands_beside_them():
    few, many = (
        arm_look(["static", "dp"]),
        arm_look(["static", "dp", "prune", "dp omega=0", "dp omega=0.1", "prune oversample=16"]),
    )
    assert all(few[arm] == many[arm] for arm in few) and len(set(many.values())) == len(many)
    assert json.dumps(list(many)) == json.dumps(
        ["static", "prune", "prune oversample=16", "dp", "dp omega=0", "dp omega=0.1"]
    )
