"""A gradient in chunks is the gradient; where memory is short the chunk is halved, which is said, and kept."""

import numpy as np
import pytest
import torch

from dp_common.diffusion.guidance import Guidance
from dp_common.diffusion.guidance_step import Chunk, GuidanceStep
from dp_common.errors import Problem

INDICES = np.arange(13)


def sampled(sampler, learner, through, chunk=0, every=2):
    sampler.chunk.size = chunk
    step = sampler.guidance_step(Guidance("entropy", 0.3, through=through, every=every), learner)
    return sampler.sample(INDICES, INDICES % 10, step), step


@pytest.mark.parametrize("through", ["denoiser", "decoder"])
@pytest.mark.parametrize("chunk", [1, 4, 13, 100])
def test_in_chunks_it_is_the_same_gradient(sampler_of, learner, through, chunk):
    sampler = sampler_of(steps=8)
    whole, _ = sampled(sampler, learner, through)
    parts, step = sampled(sampler, learner, through, chunk)
    plain = sampler.sample(INDICES, INDICES % 10)
    assert (whole - plain).abs().max() > 0.01, "else guidance has no effect here"
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-3)  # eight steps carry rounding on
    assert step.counts["gradients"] == 13 * 4


def test_it_is_the_gradient_of_the_whole_chain(sampler_of, learner):
    """Two stages against one backward pass from the score to x_t."""
    sampler = sampler_of(steps=8)
    step = sampler.guidance_step(Guidance("entropy", 0.3), learner)
    t, labels = sampler.timesteps[4], torch.arange(13) % 10
    alpha = float(sampler.teacher.alphas_cumprod[t])

    def predicted(x):
        return (x - (1 - alpha) ** 0.5 * sampler.denoise(x, t, labels)) / alpha**0.5

    x = sampler.latents(INDICES).requires_grad_()
    (expected,) = torch.autograd.grad(step.objective(predicted(x), labels).sum(), x)
    for chunk in (0, 1, 5):
        step.chunk.size = chunk
        g = step.gradient(x, predicted(x), alpha, labels)
        assert (g - expected).norm() < 1e-5 * expected.norm() and expected.norm() > 0, chunk


class ShortOfMemory:
    """A learner on a device that takes so many images at once."""

    def __init__(self, learner, fits):
        self.learner, self.fits, self.tried = learner, fits, []

    def logits(self, images, model=None):
        self.tried.append(len(images))
        if len(images) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return self.learner.logits(images, model)


@pytest.mark.parametrize("through", ["denoiser", "decoder"])
def test_short_of_memory_it_goes_on_in_halves_and_says_so(sampler_of, learner, through):
    sampler, said = sampler_of(steps=8), []
    whole, _ = sampled(sampler, learner, through)
    sampler.chunk = Chunk(0, said.append)
    short = ShortOfMemory(learner, fits=4)
    parts, _ = sampled(sampler, short, through)
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-3)
    assert short.tried[:6] == [13, 6, 3, 3, 3, 3] and max(short.tried[2:]) == 3, "what was learned is kept"
    assert len(said) == 2 and "out of memory" in said[0] and "guidance_chunk=3" in said[1] and "\n" not in said[1]
    again = ShortOfMemory(learner, fits=4)
    sampled(sampler, again, through, chunk=sampler.chunk.size)
    assert max(again.tried) == 3


def test_what_does_not_fit_by_itself_is_an_error(sampler_of, learner):
    sampler = sampler_of(steps=8)
    with pytest.raises(torch.OutOfMemoryError):
        sampled(sampler, ShortOfMemory(learner, fits=0), "denoiser")
    assert sampler.chunk.size == 1


@pytest.mark.parametrize(
    ("score", "said"),
    [(lambda x, labels: x.flatten(1).argmax(1).float(), "has no gradient"), (lambda x, labels: x.sum(), "gave shape")],
)
def test_a_score_that_cannot_be_followed_is_told_its_contract(score, said):
    step = GuidanceStep(score, Guidance("entropy", 0.1))
    with pytest.raises(Problem, match=f"score entropy: one number an image is wanted, .*{said}.*contracts.Score"):
        step.of_rows(torch.zeros(2, 1, 2, 2), torch.zeros(2))
