"""One guided step of one block before anything is made: what does not fit the device is known at once, not after hours
of plain images.
"""

import numpy as np
import torch

from dp_common.diffusion.guidance import Guidance
from dp_common.diffusion.guidance_step import GuidanceError
from dp_common.errors import Problem
from dp_common.lab.context import RunContext
from dp_common.lab.score_sources import needs_of
from dp_common.persistence.meter import Meter
from dp_common.seeds import label_of


def wanted(run: RunContext, guidance: Guidance | None) -> bool:
    """Is it to be tried? ``try_guidance``: yes, no, or auto, which is where memory is a device's own. A score that
    looks at more than logits is not: what it looks at is not there before anything is made.
    """
    asked, device = run.runtime.try_guidance, run.models.learner.device
    if guidance is None or not guidance.omega or needs_of(guidance.score):
        return False
    return asked == "yes" or (asked == "auto" and device.type != "cpu")


def try_guidance(run: RunContext, guidance: Guidance | None) -> None:
    """Where it is wanted, guide one block of ``sampler.block`` images at its first guided step, by the present learner.

    Nothing of it is counted, kept, or drawn from a generator that anything else draws from.

    Raises:
        Problem: The device's memory does not do, whatever is decoded and classified at once.
    """
    if guidance is None or not wanted(run, guidance):
        return
    sampler, learner, block = run.models.sampler, run.models.learner, run.spec.sampler.block
    indices = np.arange(block)
    labels = torch.from_numpy(label_of(indices, len(run.data.classes))).to(learner.device)
    meter, sampler.meter = sampler.meter, Meter()
    try:
        step = sampler.guidance_step(guidance, learner)
        number = next(i for i in range(len(sampler.timesteps)) if step.active(i))
        t = sampler.timesteps[number]
        x = sampler.latents(indices).requires_grad_(step.through == "denoiser")
        alpha = float(sampler.teacher.alphas_cumprod[t])
        with torch.set_grad_enabled(x.requires_grad):
            eps = sampler.denoise(x, t, labels)
            x0 = (x - (1 - alpha) ** 0.5 * eps) / alpha**0.5
        step(x, x0, eps, alpha, labels)
    except torch.OutOfMemoryError as error:
        raise Problem(
            f"guidance: out of memory on {learner.device} for a block of {block} images, tried before anything was "
            "made; what starts no new run: a teacher's checkpointing=true, a larger device; what does: "
            f"sampler.block below {block}, through=decoder, a cheaper way to decode for guidance"
        ) from error
    except GuidanceError:
        pass  # latents of another step may well lead nowhere: it is the memory that was tried
    finally:
        sampler.meter = meter
