"""Arms that claims speak of, where a study ran several settings of them."""

from results import load
from results.claims.judging.arm_selection import ArmSelection

SIR = "strategy=prune prune.rule=sir prune.oversample=8 scale=1k"


def test_of_several_settings_the_best_on_monitor_is_meant_whatever_test_says(make):
    for omega, monitor, test in ((4, 0.8, 0.95), (16, 0.9, 0.85)):
        for seed in range(2):
            make(f"{SIR} prune.rule_args.omega={omega}", accuracy=test, monitor=monitor, seed=seed)
    make("strategy=prune prune.rule=ccs scale=1k", monitor=0.99)
    make("strategy=prune prune.rule=sir prune.score=margin scale=1k", monitor=0.99)
    selection = ArmSelection(load(make.root).single(), make.root)
    found = selection.best("prune", ("oversample", "rule_args."), rule="sir")
    assert sorted(found["seed"]) == [0, 1] and set(found["accuracy"]) == {0.85}
    assert not len(selection.best("prune", ("oversample",), rule="kcentre"))
