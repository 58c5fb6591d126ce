"""What a teacher must keep, each rule a function."""

import numpy as np

from dp_common.config.resolve import resolve
from dp_common.conformance.rules import require


def check_teacher(teacher, *words, say=lambda line: None):
    """Hold ``teacher`` (a name, or ``./file.py:Class``) to the contract; ``words`` are further ``key=value``, the task among them.

    Raises Nonconforming, or a Problem where it does not even prepare. ``say`` is told of each rule that holds.
    """
    import torch

    resolved = resolve([f"teacher={teacher}", "strategy=static", "sampler.steps=4", *words])
    resolved.task.load(resolved.spec.data.split)
    require(
        isinstance(resolved.fingerprints["teacher_fingerprint"], str),
        "has a fingerprint",
        resolved.fingerprints["teacher_fingerprint"],
    )
    resolved.teacher.prepare(resolved.task, torch.device("cpu"))
    x = torch.randn(6, *resolved.teacher.latent_shape, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(6) % len(resolved.task.classes)
    for rule in (has_a_schedule, predicts_noise, knows_no_class, decodes, is_differentiable, samples):
        rule(resolved, x, labels)
        say(f"ok  {rule.__doc__}")


def has_a_schedule(resolved, x, labels):
    """has a schedule: alphas_cumprod falls within (0, 1)"""
    alphas = np.asarray(resolved.teacher.alphas_cumprod)
    require(
        alphas.ndim == 1 and (np.diff(alphas) < 0).all() and 0 < alphas[-1] < alphas[0] < 1,
        "has a schedule",
        alphas[:3],
    )
    require(0 < resolved.teacher.final_alpha <= 1, "has a schedule", f"final_alpha={resolved.teacher.final_alpha}")


def predicts_noise(resolved, x, labels):
    """predicts noise: a finite fp32 ε of x's shape at every noise level, each row by itself, its arguments left as they were"""
    import torch

    teacher, before = resolved.teacher, x.clone()
    for t in noise_levels(teacher):
        eps = teacher.denoise(x, t, labels)
        require(
            eps.shape == x.shape and eps.dtype == x.dtype and bool(torch.isfinite(eps).all()),
            "predicts noise",
            (eps.shape, eps.dtype),
        )
        require(torch.equal(x, before), "predicts noise", "it changes the x it is given")
        alone = torch.cat([teacher.denoise(x[i : i + 1], t, labels[i : i + 1]) for i in range(len(x))])
        require(
            torch.allclose(eps, alone, rtol=1e-3, atol=1e-3),
            "predicts noise",
            f"a batch differs from its singles by {(eps - alone).abs().max():.2g}",
        )


def noise_levels(teacher):
    return len(teacher.alphas_cumprod) - 1, len(teacher.alphas_cumprod) // 2, 0


def knows_no_class(resolved, x, labels):
    """knows no class, where it has a null label: a batch of [no class, class], as classifier-free guidance asks, equals its halves"""
    import torch

    teacher = resolved.teacher
    if teacher.null_label is None:
        return
    t, null = len(teacher.alphas_cumprod) // 2, torch.full_like(labels, teacher.null_label)
    both = teacher.denoise(torch.cat([x, x]), t, torch.cat([null, labels]))
    halves = torch.cat([teacher.denoise(x, t, null), teacher.denoise(x, t, labels)])
    require(torch.allclose(both, halves, rtol=1e-3, atol=1e-3), "knows no class", float((both - halves).abs().max()))
    require(not torch.equal(*halves.chunk(2)), "knows no class", "ε with and without the class are the same")


def decodes(resolved, x, labels):
    """decodes to images of the task's shape, for guidance too"""
    import torch

    for name in ("decode", "decode_guided"):
        if name == "decode" or hasattr(resolved.teacher, name):
            images = getattr(resolved.teacher, name)(x)
            require(
                images.shape == (len(x), *resolved.task.shape) and images.dtype == torch.float32,
                "decodes",
                (name, images.shape, images.dtype),
            )


def is_differentiable(resolved, x, labels):
    """is differentiable from x_t to the image"""
    import torch

    teacher = resolved.teacher
    for t in noise_levels(teacher):
        wanted = x.clone().requires_grad_()
        decode = getattr(teacher, "decode_guided", teacher.decode)
        (gradient,) = torch.autograd.grad(decode((wanted - teacher.denoise(wanted, t, labels)) / 2).sum(), wanted)
        require(
            bool(torch.isfinite(gradient).all()) and bool((gradient != 0).any()),
            "is differentiable",
            f"gradient {gradient.flatten()[:3]} at t={t}",
        )


def samples(resolved, x, labels):
    """samples: the same images every time, plain, and others when guided"""
    import torch

    from dp_common.diffusion.guidance import Guidance
    from dp_common.diffusion.image_sampler import ImageSampler
    from dp_common.learner.classifier import Learner
    from dp_common.persistence.meter import Meter

    studio = ImageSampler(resolved.spec, resolved.teacher, torch.device("cpu"), Meter())
    draw = lambda guidance=None: studio.sample(np.arange(6), labels.numpy(), guidance)
    guidance = studio.guidance_step(Guidance("entropy", 0.1), Learner(resolved.spec, resolved.task, "cpu"))
    plain = draw()
    require(torch.equal(plain, draw()), "samples", "twice the same call gave two results")
    require(not torch.equal(plain, draw(guidance)), "samples", "guidance changed nothing")
