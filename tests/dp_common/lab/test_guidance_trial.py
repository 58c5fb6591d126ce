"""One guided block before anything is made: where a device has memory of its own, or where it is asked for."""

import pytest
import torch

from dp_common.errors import BadInput, Problem
from dp_common.lab import guidance_trial, runner
from dp_common.learner.classifier import Learner
from dp_common.persistence import ledger


def test_what_does_not_fit_is_known_before_anything_is_made(small, monkeypatch):
    def full(self, images, model=None):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB\nand so on")

    resolved = small("strategy=dp", "dp.every=2", "try_guidance=yes")
    monkeypatch.setattr(Learner, "logits", full)
    with pytest.raises(Problem, match="tried before anything was made.*checkpointing=true") as caught:
        runner.execute(resolved, quiet=True)
    assert "\n" not in str(caught.value)
    assert [r["kind"] for r in ledger.read(runner.folder_of(resolved))] == ["open", "close"]


def test_it_changes_nothing_and_is_not_counted(small, tmp_path):
    tried, plain = (
        runner.execute(small("strategy=dp", f"try_guidance={asked}", f"root={tmp_path}/{asked}"), quiet=True)
        for asked in ("yes", "no")
    )
    for key in ("store_digest", "accuracy", "gradients", "network_evaluations", "classifier_evaluations", "run_id"):
        assert tried[key] == plain[key], key


@pytest.mark.parametrize(
    "words, wanted",
    [
        (["strategy=dp", "dp.every=2"], False),  # on a CPU it would cost more than it saves
        (["strategy=dp", "dp.every=2", "try_guidance=yes"], True),
        (["strategy=dp", "dp.every=2", "try_guidance=yes", "dp.omega=0"], False),
        (["strategy=static", "try_guidance=yes"], False),
    ],
)
def test_it_is_tried_where_there_is_something_to_guide(open_lab, words, wanted):
    one = open_lab(*words)
    guidance = one.run.spec.strategy == "dp" and one.strategy.planned_guidance() or None
    assert guidance_trial.wanted(one.run, guidance) is wanted
    one.run.models.learner.device = torch.device("meta")
    object.__setattr__(one.run.runtime, "try_guidance", "auto")
    assert guidance_trial.wanted(one.run, guidance) is (guidance is not None and guidance.omega != 0)


def test_tf32_is_cudas(small):
    with pytest.raises(BadInput, match="guide_precision=tf32: fp32 or bf16 on cpu"):
        runner.execute(small("guide_precision=tf32"), quiet=True)
