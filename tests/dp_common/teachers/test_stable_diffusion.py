"""Latent diffusion from files to images, on tiny models: as in diffusers' pipelines, by the contract of teachers."""

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dp_common import seeds
from dp_common.conformance import check_teacher
from dp_common.diffusion.ddim import cfg, ddim
from dp_common.diffusion.schedule import timesteps
from dp_common.teachers.stable_diffusion import StableDiffusion
from tests.dp_common.teachers.tiny_teachers import ANIMALS, VARIANTS, Named, noise

GROUP = "stable-diffusion"


def pipeline(folder, xl):
    import diffusers

    cls, more = (
        (diffusers.StableDiffusionXLPipeline, dict(add_watermarker=False))
        if xl
        else (diffusers.StableDiffusionPipeline, {})
    )
    pipe = cls.from_pretrained(folder, **more)
    pipe.scheduler = diffusers.DDIMScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.mark.parametrize(
    "name, scale, steps", [("sd", 3.0, 30), ("sd", 3.0, 10), ("sd", 1.0, 10), ("v", 3.0, 10), ("xl", 3.0, 10)]
)
def test_equals_diffusers_pipeline(folders, teacher_of, sampler_of, name, scale, steps):
    teacher, pipe = teacher_of(name), pipeline(folders[name], name == "xl")
    labels, indices = [0, 2, 1, 1], np.array([3, 4, 5, 6])
    start = seeds.normals(0, "latent", indices, teacher.latent_shape, 0)
    words = dict(
        prompt=[ANIMALS.classes[label] for label in labels],
        latents=start,
        guidance_scale=scale,
        num_inference_steps=steps,
    )
    expected, pixels = (pipe(**words, output_type=kind).images for kind in ("latent", "pt"))

    visited = timesteps(steps, "leading", len(teacher.alphas_cumprod), teacher.steps_offset)
    with torch.no_grad():
        latents = ddim(
            cfg(teacher.denoise, scale, teacher.null_label),
            start,
            torch.tensor(labels),
            visited,
            teacher.alphas_cumprod,
            final_alpha=teacher.final_alpha,
        )
    torch.testing.assert_close(latents, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    images = sampler_of(teacher=teacher, steps=steps, spacing="leading", cfg_scale=scale).sample(
        indices, np.array(labels)
    )
    torch.testing.assert_close(((images + 1) / 2).clamp(0, 1), pixels, rtol=1e-4, atol=1e-3)
    assert pixels.std() > 0.02  # else images would agree whatever they show


def test_schedule_is_the_shipped_one(teacher_of):
    from dp_common.diffusion.schedule import alphas_cumprod

    plain, v = teacher_of("sd"), teacher_of("v")
    assert (
        plain.alphas_cumprod == pytest.approx(alphas_cumprod("sd"), rel=1e-5)
        and str(plain.alphas_cumprod.dtype) == "float64"
    )
    assert plain.final_alpha == plain.alphas_cumprod[0] and v.final_alpha == 1.0  # set_alpha_to_one: false, true
    assert plain.steps_offset == 1


def test_v_prediction_is_read_as_noise(teacher_of):
    """From x_t = √ᾱ x0 + √(1−ᾱ) ε and v = √ᾱ ε − √(1−ᾱ) x0, the ε and x0 of v are those the network meant."""
    teacher, x, t = teacher_of("v"), noise(2, 4, 8, 8), 700
    labels, alpha = torch.tensor([0, 1]), teacher_of("v").alphas_cumprod[700]
    eps = teacher.denoise(x, t, labels)
    v = teacher.unet(x, t, encoder_hidden_states=teacher.text[labels]).sample
    x0 = (x - (1 - alpha) ** 0.5 * eps) / alpha**0.5
    torch.testing.assert_close(alpha**0.5 * eps - (1 - alpha) ** 0.5 * x0, v, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", VARIANTS)
def test_keeps_the_contract(folders, name):
    check_teacher(
        "stable-diffusion",
        "task=digits",
        f"stable_diffusion.weights={folders[name]}",
        "stable_diffusion.dtype=fp32",
        "stable_diffusion.checkpointing=true",
        "scale=200",
    )


@pytest.mark.parametrize("name", ["sd", "xl"])
def test_null_rows_in_a_batch_are_the_null_prompt(teacher_of, name):
    teacher, x = teacher_of(name), noise(4, 4, 8, 8)
    mixed = teacher.denoise(x, 500, torch.tensor([3, 3, 0, 2]))
    alone = torch.cat(
        [teacher.denoise(x[i : i + 1], 500, torch.tensor([label])) for i, label in enumerate((3, 3, 0, 2))]
    )
    torch.testing.assert_close(mixed, alone, rtol=1e-4, atol=1e-5)
    assert (teacher.denoise(x, 500, torch.tensor([0, 1, 0, 2])) - mixed)[:2].abs().max() > 1e-4
    assert teacher.null_label == 3
    assert name == "sd" or not teacher.text[3].any() and not teacher.pooled[3].any()  # force_zeros_for_empty_prompt


@pytest.mark.parametrize(
    "keys",
    [dict(guide_decode="full"), dict(guide_decode="reduced"), dict(guide_decode="tiny"), dict(vae_dtype="bf16")],
    ids=str,
)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 12, 12), (3, 16, 16), (3, 32, 32)])
def test_images_have_the_tasks_shape(teacher_of, shape, keys):
    teacher, x0 = (
        teacher_of(task=Named(classes=ANIMALS.classes, shape=shape), **keys),
        noise(2, 4, 8, 8).requires_grad_(),
    )
    for decode in (teacher.decode, teacher.decode_guided):
        images = decode(x0)
        assert images.shape == (2, *shape) and images.dtype == torch.float32
        (gradient,) = torch.autograd.grad(images.square().sum(), x0)
        assert torch.isfinite(gradient).all() and (gradient != 0).float().mean() > 0.9


@pytest.mark.parametrize("name", VARIANTS)
def test_images_are_encoded_as_in_diffusers(teacher_of, name):
    """latents = (z − mean) · scaling / std, as its image-to-image pipelines have it; z: the mean of the posterior."""
    teacher, images = teacher_of(name), noise(2, *ANIMALS.shape).clamp(-1, 1)
    config, z = teacher.vae.config, teacher.vae.encode(images).latent_dist.mean
    mean, std = (torch.tensor(getattr(config, f"latents_{key}") or [one]) for key, one in (("mean", 0.0), ("std", 1.0)))
    expected = (z - mean.view(1, -1, 1, 1)) * config.scaling_factor / std.view(1, -1, 1, 1)
    torch.testing.assert_close(teacher.encode(images), expected)


@pytest.mark.parametrize("shape, dtype", [((1, 8, 8), "fp32"), ((3, 12, 12), "bf16")])
def test_images_of_the_tasks_shape_are_encoded(teacher_of, shape, dtype):
    """Grey ones as three equal channels, others resized to what the model draws."""
    teacher = teacher_of("sd", Named(["cat", "dog"], shape), dtype=dtype)
    images = noise(2, *shape).clamp(-1, 1)
    latents = teacher.encode(images)
    assert latents.shape == (2, *teacher.latent_shape) and latents.dtype == torch.float32
    whole = torch.nn.functional.interpolate(images.expand(2, 3, -1, -1), (16, 16), mode="bilinear", antialias=True)
    torch.testing.assert_close(latents, teacher_of("sd", dtype=dtype).encode(whole))


def test_resolution_sets_latents(teacher_of):
    assert teacher_of(resolution=32).latent_shape == (4, 16, 16)
    assert teacher_of("xl", resolution=32).time_ids.tolist() == [[32, 32, 0, 0, 32, 32]]
    assert teacher_of("xl").time_ids.tolist() == [[16, 16, 0, 0, 16, 16]]


def test_xl_vae_is_upcast_where_its_configuration_says_so(teacher_of):
    assert (
        teacher_of("xl", dtype="bf16").vae.dtype == torch.float32
        and teacher_of("xl", dtype="bf16").unet.dtype == torch.bfloat16
    )
    assert teacher_of("sd", dtype="bf16").vae.dtype == torch.bfloat16
    assert teacher_of("xl", dtype="bf16", vae_dtype="bf16").vae.dtype == torch.bfloat16


def test_reads_weights_named_as_of_old(folders, teacher_of, copy):
    """The files of 1.4 and 1.5 name text encoder and VAE attention weights as their diffusers and transformers did."""
    from safetensors.torch import load_file, save_file

    def rename(file, new):
        save_file({new(name): tensor for name, tensor in load_file(file).items()}, file, metadata={"format": "pt"})

    def old(name):
        for now, then in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
            name = name.replace(now, then) if "attentions" in name else name
        return name

    rename(copy / "text_encoder/model.safetensors", lambda name: "text_model." + name.removeprefix("text_model."))
    rename(copy / "vae/diffusion_pytorch_model.safetensors", old)
    aged, teacher, x0 = StableDiffusion(str(copy), dtype="fp32"), teacher_of(), noise(2, 4, 8, 8)
    aged.prepare(ANIMALS, torch.device("cpu"))
    assert torch.equal(aged.text, teacher.text) and torch.equal(aged.decode(x0), teacher.decode(x0))


def test_texts_are_encoded_once_and_the_encoders_freed(folders, sampler_of, monkeypatch):
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    encoders, batches = [], []
    for cls in (CLIPTextModel, CLIPTextModelWithProjection):

        def forward(self, input_ids, *args, forward=cls.forward, **kwargs):
            if not any(alive() is self for alive in encoders):
                encoders.append(weakref.ref(self))
                batches.append(len(input_ids))
            return forward(self, input_ids, *args, **kwargs)

        monkeypatch.setattr(cls, "forward", forward)
    task = SimpleNamespace(
        classes=ANIMALS.classes, prompts=["a cat, Felis catus", "a fish", "a tractor"], shape=ANIMALS.shape
    )
    teacher = StableDiffusion(str(folders["xl"]), dtype="fp32", template="a photo of {name}")
    teacher.prepare(task, torch.device("cpu"))
    sampler_of(teacher=teacher, steps=2, cfg_scale=3).sample(np.arange(4), np.arange(4) % 3)
    assert batches and set(batches) == {4}  # three classes and the null prompt
    gc.collect()
    assert not any(alive() for alive in encoders)
    assert teacher.prompts(task)[0] == "a photo of a cat, Felis catus"
