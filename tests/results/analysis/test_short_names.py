"""What one preset of a rival made is called by it; what was chosen beside stands behind."""

import pytest

from results.analysis.short_names import name_of

LTG = {
    "dp.score": {"value": "variance", "source": "preset rivals/ltg"},
    "heads.count": {"value": 8, "source": "preset rivals/ltg"},
    "scale": {"value": 1000, "source": "command line"},
}
OMEGA = {"dp.omega": {"value": 0.2, "source": "command line"}}
PAPER = {"dp.every": {"value": 1, "source": "preset paper/imagenet100-128k"}}


@pytest.mark.parametrize(
    ("arm", "chosen", "name"),
    [
        ("dp score=variance heads.count=8", LTG, "rivals/ltg"),
        ("dp omega=0.2 score=variance heads.count=8", LTG | OMEGA, "rivals/ltg omega=0.2"),
        ("dp every=1", PAPER, None),
        ("dp omega=0.2", OMEGA, None),
        ("dp", None, None),
    ],
)
def test_a_method_is_called_by_its_preset(arm, chosen, name):
    assert name_of(arm, chosen, "dp") == name
