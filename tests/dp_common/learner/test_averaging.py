"""Averaged weights are torch's, to the bit, buffers included or copied."""

import copy

import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dp_common.learner.averaging import Average


@pytest.mark.parametrize("use_buffers", [True, False])
def test_averages_are_those_of_torch(use_buffers):
    torch.manual_seed(0)
    model, mix = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)), get_ema_multi_avg_fn(0.9)
    ours = Average(model, mix, use_buffers=use_buffers)
    theirs = AveragedModel(copy.deepcopy(model), multi_avg_fn=mix, use_buffers=use_buffers)
    for _ in range(3):
        model(torch.randn(8, 3))  # moves the buffers
        with torch.no_grad():
            for weight in model.parameters():
                weight += torch.randn_like(weight)
        ours.update_parameters(model)
        theirs.update_parameters(model)
    found, expected = ours.state_dict(), theirs.state_dict()
    assert found.keys() == expected.keys() and all(torch.equal(found[key], expected[key]) for key in expected)
    assert not torch.equal(found["module.0.weight"], model[0].weight)
