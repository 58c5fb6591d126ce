"""What a teacher must keep, each rule a function; the contract is ``dp_common.contracts.Teacher``."""

from typing import TYPE_CHECKING, Any

import numpy as np

from dp_common.config.resolve import Resolved, resolve
from dp_common.conformance.rules import Say, hold_to, require, silent
from dp_common.contracts import Teacher, require_ready
from dp_common.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 6


def check_teacher(teacher: str, *words: str, say: Say = silent) -> None:
    """Hold a teacher (a name, or ``./file.py:Class``) to the contract.

    Args:
        teacher: of the command line.
        *words: further ``key=value``, the task among them.
        say: is told of each rule that holds.

    Raises:
        Nonconforming: it breaks a rule.
        Problem: it does not even prepare.
    """
    import torch

    resolved = resolve([f"teacher={teacher}", "strategy=static", "sampler.steps=4", *words])
    resolved.task.load(resolved.spec.data.split)
    fingerprint = resolved.fingerprints["teacher_fingerprint"]
    require(isinstance(fingerprint, str), "has a fingerprint", fingerprint)
    resolved.teacher.prepare(resolved.task, torch.device("cpu"))
    require_ready("teacher", resolved.spec.teacher, resolved.teacher)
    if resolved.teacher.holds_images:
        hold_to([deals_out_images, deals_out_each_once], say, resolved)
        return
    x = torch.randn(ROWS, *resolved.teacher.latent_shape, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(ROWS) % len(resolved.task.classes)
    rules = [has_a_schedule, predicts_noise, knows_no_class, decodes, is_differentiable, samples]
    rules += [encodes] * resolved.teacher.encodes
    hold_to(rules + [knows_its_density] * resolved.teacher.knows_density, say, resolved, x, labels)


def deals_out_images(resolved: Resolved) -> None:
    """deals out images: uint8 of the task's shape, the same every time, each by itself"""
    teacher, rule, indices, labels = resolved.teacher, "deals out images", *first_blocks(resolved)
    images = teacher.stored(indices, labels)
    shape = (len(indices), *resolved.task.shape)
    require(images.shape == shape and images.dtype == np.uint8, rule, (images.shape, images.dtype))
    require(np.array_equal(images, teacher.stored(indices, labels)), rule, "twice the same call gave two results")
    alone = [teacher.stored(indices[i : i + 1], labels[i : i + 1])[0] for i in range(len(indices))]
    require(np.array_equal(images, np.stack(alone)), rule, "a batch differs from its singles")


def deals_out_each_once(resolved: Resolved) -> None:
    """deals out each once: as many of a class as it says, and refuses the next one"""
    teacher, rule, classes = resolved.teacher, "deals out each once", len(resolved.task.classes)
    require(len(teacher.stored_counts) == classes, rule, f"stored_counts of {len(teacher.stored_counts)} classes")
    for label, held in enumerate(teacher.stored_counts):
        last, labels = np.array([label + classes * (held - 1)]), np.array([label])
        if held:
            teacher.stored(last, labels)
        try:
            teacher.stored(last + classes, labels)
        except BadInput:
            continue
        require(False, rule, f"it holds {held} images of class {label} and deals out one more")


def first_blocks(resolved: Resolved) -> "tuple[np.ndarray, np.ndarray]":
    """Indices and labels of the first images, at most two of each class, that the teacher holds."""
    classes = len(resolved.task.classes)
    indices = np.arange(2 * classes)
    held = np.array(resolved.teacher.stored_counts)[indices % classes] > indices // classes
    return indices[held], (indices % classes)[held]


def has_a_schedule(resolved: Resolved, x: "Tensor", labels: "Tensor") -> None:
    """has a schedule: alphas_cumprod falls within (0, 1)"""
    alphas, rule = np.asarray(resolved.teacher.alphas_cumprod), "has a schedule"
    falls = alphas.ndim == 1 and (np.diff(alphas) < 0).all() and 0 < alphas[-1] < alphas[0] < 1
    require(falls, rule, alphas[:3])
    require(0 < resolved.teacher.final_alpha <= 1, rule, f"final_alpha={resolved.teacher.final_alpha}")


def predicts_noise(resolved: Resolved, x: "Tensor", labels: "Tensor") -> None:
    """predicts noise: a finite fp32 ε of x's shape at every noise level, each row by itself, its arguments left as they
    were
    """
    import torch

    teacher, before, rule = resolved.teacher, x.clone(), "predicts noise"
    for t in noise_levels(teacher):
        eps = teacher.denoise(x, t, labels)
        right = eps.shape == x.shape and eps.dtype == x.dtype and bool(torch.isfinite(eps).all())
        require(right, rule, (eps.shape, eps.dtype))
        require(torch.equal(x, before), rule, "it changes the x it is given")
        alone = torch.cat([teacher.denoise(x[i : i + 1], t, labels[i : i + 1]) for i in range(len(x))])
        gap = f"a batch differs from its singles by {(eps - alone).abs().max():.2g}"
        require(torch.allclose(eps, alone, rtol=1e-3, atol=1e-3), rule, gap)


def noise_levels(teacher: Teacher) -> tuple[int, int, int]:
    """Timesteps: the highest, the middle one, the lowest."""
    return len(teacher.alphas_cumprod) - 1, len(teacher.alphas_cumprod) // 2, 0


def knows_no_class(resolved: Resolved, x: "Tensor", labels: "Tensor") -> None:
    """knows no class, where it has a null label: a batch of [no class, class], as classifier-free guidance asks, equals
    its halves
    """
    import torch

    teacher, rule = resolved.teacher, "knows no class"
    if teacher.null_label is None:
        return
    t, null = len(teacher.alphas_cumprod) // 2, torch.full_like(labels, teacher.null_label)
    both = teacher.denoise(torch.cat([x, x]), t, torch.cat([null, labels]))
    halves = torch.cat([teacher.denoise(x, t, null), teacher.denoise(x, t, labels)])
    require(torch.allclose(both, halves, rtol=1e-3, atol=1e-3), rule, float((both - halves).abs().max()))
    require(not torch.equal(*halves.chunk(2)), rule, "ε with and without the class are the same")


def decodes(resolved: Resolved, x: "Tensor", labels: "Tensor") -> None:
    """decodes to images of the task's shape, for guidance too"""
    import torch

    shape = (len(x), *resolved.task.shape)
    for name, decode in (("decode", resolved.teacher.decode), ("decode_guided", resolved.teacher.decode_guided)):
        images = decode(x)
        require(images.shape == shape and images.dtype == torch.float32, "decodes", (name, images.shape, images.dtype))


def encodes(resolved: Resolved, x: "Tensor", labels: "Tensor") -> None:
    """encodes, where it can: finite latents of its own shape, each image by itself"""
    import torch

    teacher, rule = resolved.teacher, "encodes"
    images = teacher.decode(x).clamp(-1, 1)
    latents = teacher.encode(images)
    require(latents.shape == x.shape and bool(torch.isfinite(latents).all()), rule, latents.shape)
    alone = torch.cat([teacher.encode(images[i : i + 1]) for i in range(len(images))])
    require(torch.allclose(latents, alone, rtol=1e-3, atol=1e-3), rule, "a batch differs from its singles")


def is_differentiable(resolved: Resolved, x: "Tensor", labels: "Tensor") -> None:
    """is differentiable from x_t to the image"""
    import torch

    teacher, rule = resolved.teacher, "is differentiable"
    for t in noise_levels(teacher):
        wanted = x.clone().requires_grad_()
        total = teacher.decode_guided((wanted - teacher.denoise(wanted, t, labels)) / 2).sum()
        (gradient,) = torch.autograd.grad(total, wanted)
        right = bool(torch.isfinite(gradient).all()) and bool((gradient != 0).any())
        require(right, rule, f"gradient {gradient.flatten()[:3]} at t={t}")


def samples(resolved: Resolved, x: "Tensor", labels: "Tensor") -> None:
    """samples: the same images every time, plain, and others when guided"""
    import torch

    from dp_common.diffusion.guidance import Guidance
    from dp_common.diffusion.image_sampler import ImageSampler
    from dp_common.learner.classifier import Learner
    from dp_common.persistence.meter import Meter

    sampler = ImageSampler(resolved.spec, resolved.teacher, torch.device("cpu"), Meter())

    def draw(guidance: Any = None) -> "Tensor":
        return sampler.sample(np.arange(ROWS), labels.numpy(), guidance)

    learner = Learner(resolved.spec, resolved.task, "cpu")
    guidance = sampler.guidance_step(Guidance("entropy", 0.1), learner)
    plain = draw()
    require(torch.equal(plain, draw()), "samples", "twice the same call gave two results")
    require(not torch.equal(plain, draw(guidance)), "samples", "guidance changed nothing")


def knows_its_density(resolved: Resolved, x: "Tensor", labels: "Tensor") -> None:
    """knows its density: draws of it are images, more probable under it than other images"""
    import torch

    teacher, rule, shape = resolved.teacher, "knows its density", (ROWS, *resolved.task.shape)
    drawn, again = teacher.exact(labels, 0), teacher.exact(labels, 0)
    require(drawn.shape == shape and torch.equal(drawn, again), rule, f"exact: {tuple(drawn.shape)}, or not repeated")
    density = teacher.log_density(drawn)
    require(density.shape == (ROWS, len(resolved.task.classes)), rule, f"log_density: {tuple(density.shape)}")
    diagnostics = teacher.density_diagnostics(drawn, labels)
    own = density.gather(1, labels[:, None])[:, 0]
    require(torch.allclose(diagnostics["log_density"], own), rule, "density_diagnostics contradict log_density")
    other = teacher.log_density(torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 4 - 2)
    require(bool(own.mean() > other.gather(1, labels[:, None]).mean()), rule, "noise is as probable as its own draws")
