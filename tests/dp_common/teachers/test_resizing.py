"""Resizing by matrices is torch's antialiased resizing, and so is its gradient."""

import pytest
import torch
from torch.nn.functional import interpolate

from dp_common.teachers._resizing import resized


def test_it_is_an_average_of_what_was_drawn():
    """Antialiased: at a quarter of the size stripes turn grey, not the colour of those in the middle of each four."""
    stripes = torch.tensor([1.0, -1.0, -1.0, 1.0]).repeat(1, 3, 16, 4)
    small = resized(stripes, (1, 4, 4))
    assert small.shape == (1, 1, 4, 4) and small[..., 1:-1].abs().max() < 0.3


@pytest.mark.parametrize("drawn, wanted", [((24, 24), (10, 10)), ((8, 8), (12, 12)), ((20, 14), (7, 9))])
def test_images_and_gradients_are_those_of_interpolate(drawn, wanted):
    torch.manual_seed(0)
    ours = torch.randn(2, 3, *drawn, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    found = resized(ours, (3, *wanted))
    expected = interpolate(theirs, wanted, mode="bilinear", antialias=True)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    weights = torch.randn_like(expected)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-5)


def test_what_has_the_size_is_left_alone():
    images = torch.randn(1, 3, 4, 4)
    assert resized(images, (3, 4, 4)) is images
