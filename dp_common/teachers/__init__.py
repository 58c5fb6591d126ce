"""Teachers: diffusion models with a differentiable way from x_t to an image. One file each; the contract:

    class NAME:                    a dataclass; its fields are the keys ``<file name>.<field>``
        prepare(task, device)      fit or load; afterwards the attributes below are there. Raises BadInput for weights that
                                   are missing (where, and how to get them), or that were trained on monitor or test images
        latent_shape               shape of one x_t
        alphas_cumprod             ᾱ_t, numpy float64; final_alpha: ᾱ after the last step
        null_label                 label that means "no class", for classifier-free guidance; None where it cannot
        denoise(x, t, labels)      -> ε, same shape as x; x [B, *latent_shape], t int, labels [B] int64
        decode(x0)                 -> images [B, C, H, W], about [-1, 1]; differentiable
        fingerprint(task)          what else than its fields decides its images (weights, data); cheap, no torch
        recipe                     optional: {key: value} defaults it gives to the other keys (sampler, images), under the task's
        steps_offset               optional: added to the timesteps of ``leading`` spacing (diffusers' scheduler configuration)
        decode_guided(x0)          optional: a cheaper decode, for guidance alone: x̂0 -> images of the task's shape
        grad_scale                 optional: what the score is multiplied by before its gradient is taken through a
                                   half-precision network, and the gradient divided by after
        truth(images, labels)      optional: {"true_label": [B] bool, "log_density": [B]} where the density is known

``conformance.check_teacher`` holds a teacher to it.
"""
