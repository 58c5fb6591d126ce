"""Every guidance rule keeps the contract; one in a file of one's own does too, and runs from the command line."""

from pathlib import Path

import pytest
import torch

from dp_common.config import registry
from dp_common.config.resolve import resolve
from dp_common.diffusion.guidance import rule_step
from dp_common.errors import BadInput
from dp_common.lab import runner
from tests.dp_common.diffusion.tensors import batch

TWICE = str(Path(__file__).parents[2] / "plugins" / "twice.py")
RULES = [*registry.plugins("guidance rule"), TWICE]


@pytest.mark.parametrize("rule", RULES)
def test_rows_do_not_look_at_one_another_and_inputs_are_left_alone(rule):
    step, tensors = rule_step(rule), batch()
    before = [tensor.clone() for tensor in tensors]
    together = step(*tensors, 0.36, 0.1, 5)
    singles = [step(*(tensor[i : i + 1] for tensor in tensors), 0.36, 0.1, 5) for i in range(4)]
    for number, whole in enumerate(together):
        torch.testing.assert_close(whole, torch.cat([single[number] for single in singles]))
    assert all(torch.equal(one, other) for one, other in zip(tensors, before))


@pytest.mark.parametrize("rule", RULES)
def test_no_weight_or_no_gradient_moves_nothing(rule):
    x, x0, eps, g = batch()
    for gradient, omega in ((g, 0.0), (torch.zeros_like(g), 0.1)):
        moved = rule_step(rule)(x, x0, eps, gradient, 0.36, omega, 5)
        assert all(torch.equal(one, other) for one, other in zip(moved, (x, x0, eps)))


@pytest.mark.parametrize("rule", RULES)
def test_the_opposite_weight_moves_the_other_way(rule):
    x, x0, eps, g = batch()
    up, down = (rule_step(rule)(x, x0, eps, g, 0.36, omega, 5) for omega in (0.1, -0.1))
    for before, one, other in zip((x, x0, eps), up, down):
        torch.testing.assert_close(one - before, before - other)


def run(root, *words):
    small = ["task=plane", "strategy=dp", "scale=64", "train.seen=2560", "train.batch=64", "sampler.steps=6"]
    resolved = resolve([*small, "dp.schedule=even", "dp.every=2", *words, f"root={root}"])
    return resolved, runner.execute(resolved, quiet=True)


def test_a_rule_of_ones_own_steers_a_run_and_identifies_it(tmp_path):
    """Twice the relative step at ω is the relative step at 2ω: the same images, another run."""
    built_in, expected = run(tmp_path, "dp.omega=0.2")
    own, summary = run(tmp_path, "dp.omega=0.1", f"dp.rule={TWICE}")
    assert summary["store_digest"] == expected["store_digest"] and own.run_id != built_in.run_id
    assert run(tmp_path, "dp.omega=0.1")[1]["store_digest"] != expected["store_digest"]
    assert any("rule" in key for key in own.fingerprints) and not any("rule" in key for key in built_in.fingerprints)


def test_a_rule_that_is_none_is_named():
    with pytest.raises(BadInput, match="dp.rule=relativ: .*Did you mean relative"):
        resolve(["strategy=dp", "dp.rule=relativ"])
    with pytest.raises(BadInput, match="no such file"):
        resolve(["strategy=dp", "dp.rule=./nowhere.py"])
