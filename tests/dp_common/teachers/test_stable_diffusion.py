"""Latent diffusion from files to guided images, on tiny models: as in diffusers' pipelines, steerable, refusing."""

import gc
import json
import os
import shutil
import subprocess
import sys
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dp_common import seeds
from dp_common.conformance import check_teacher
from dp_common.contracts import TaskDefaults
from dp_common.diffusion.ddim import cfg, ddim
from dp_common.diffusion.guidance import Guidance
from dp_common.diffusion.guidance_step import GuidanceStep
from dp_common.diffusion.schedule import timesteps
from dp_common.errors import BadInput
from dp_common.scores.entropy import score as entropy
from dp_common.teachers.stable_diffusion import MODELS, StableDiffusion
from tests.dp_common.teachers import tiny_stable_diffusion as tiny_sd


class Named(TaskDefaults):
    """The little that is asked of a task: class names and the shape of images."""

    def __init__(self, classes, shape):
        self.classes, self.shape = classes, shape


ANIMALS = Named(["cat", "a goldfish", "tractor"], (3, tiny_sd.PIXELS, tiny_sd.PIXELS))
VARIANTS = {"sd": {}, "v": dict(prediction="v_prediction", set_alpha_to_one=True), "xl": dict(xl=True)}


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("stable-diffusion")
    made = {name: tiny_sd.make(root / name, **words) for name, words in VARIANTS.items()}
    return made | {"tiny": tiny_sd.make_tiny_decoder(root / "tiny")}


@pytest.fixture(scope="session")
def teacher_of(folders):
    """teacher_of("xl", task, dtype="fp32", ...) -> prepared, kept for the session."""
    kept = {}

    def make(name="sd", task=ANIMALS, **keys):
        which = name, task.shape, *sorted(keys.items())
        if which not in kept:
            kept[which] = StableDiffusion(
                str(folders[name]), tiny_weights=str(folders["tiny"]), **{"dtype": "fp32"} | keys
            )
            kept[which].prepare(task, torch.device("cpu"))
        return kept[which]

    return make


@pytest.fixture
def copy(folders, tmp_path):
    """A pipeline's folder that may be spoiled."""
    return shutil.copytree(folders["sd"], tmp_path / "copy")


def edit(file, **keys):
    """Set keys of a JSON file; None takes one away."""
    config = json.loads(file.read_text()) | keys
    file.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


def refused(folder, *words, task=ANIMALS, **keys):
    with pytest.raises(BadInput) as error:
        StableDiffusion(str(folder), **keys).prepare(task, torch.device("cpu"))
    message = str(error.value)
    assert "\n" not in message and all(word in message for word in words), message


def noise(n, *shape, seed=0):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed))


# ---- equal to diffusers ----


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


# ---- the contract ----


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


# ---- guidance ----


@pytest.fixture(scope="module")
def classify():
    """A random but smooth classifier of 16×16 colour images, unsure of some and sure of others."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(3 * 256, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3)
        ).requires_grad_(False)
    net[1].weight *= 3
    net[3].weight *= 4
    return net


def sample(teacher, guidance=None, n=8, steps=8, seed=0):
    """Latents [n, 4, 8, 8] of CFG 3."""
    visited = timesteps(steps, "leading", len(teacher.alphas_cumprod), teacher.steps_offset)
    with torch.no_grad():
        return ddim(
            cfg(teacher.denoise, 3.0, teacher.null_label),
            noise(n, *teacher.latent_shape, seed=seed),
            torch.arange(n) % 3,
            visited,
            teacher.alphas_cumprod,
            guidance=guidance,
            final_alpha=teacher.final_alpha,
        )


def guidance_of(teacher, classify, omega, through="denoiser", times=1.0, scale=None):
    objective = lambda x0, labels: times * entropy(classify(teacher.decode_guided(x0)), labels)
    return GuidanceStep(objective, Guidance("entropy", omega, through=through), scale or teacher.grad_scale)


@pytest.mark.parametrize(
    "name, guide_decode, through",
    [
        ("sd", "full", "denoiser"),
        ("sd", "reduced", "denoiser"),
        ("sd", "tiny", "denoiser"),
        ("sd", "full", "decoder"),
        ("sd", "tiny", "decoder"),
        ("v", "full", "denoiser"),
        ("xl", "full", "denoiser"),
    ],
)
def test_guidance_raises_entropy(teacher_of, classify, name, guide_decode, through):
    teacher = teacher_of(name, guide_decode=guide_decode)
    with torch.no_grad():
        down, plain, up = (
            entropy(
                classify(teacher.decode_guided(sample(teacher, guidance_of(teacher, classify, omega, through)))), None
            ).mean()
            for omega in (-0.03, 0.0, 0.03)
        )
    assert down + 0.05 < plain < up - 0.05


@pytest.mark.parametrize("keys", [dict(checkpointing=True), dict(channels_last=True)], ids=str)
def test_same_gradient_however_it_is_computed(teacher_of, classify, keys):
    """Checkpointing and layout change memory, not images."""
    first, second = (
        sample(teacher, guidance_of(teacher, classify, 0.05), steps=3) for teacher in (teacher_of(), teacher_of(**keys))
    )
    torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-3)


def test_compiled_networks_are_for_what_takes_no_gradient(teacher_of, classify, monkeypatch):
    called = []

    def compiled(network):
        return lambda *args, **kwargs: called.append(torch.is_grad_enabled()) or network(*args, **kwargs)

    monkeypatch.setattr(torch, "compile", compiled)
    teacher, eager = teacher_of(compile=True), teacher_of()
    with torch.no_grad():
        assert torch.equal(*(one.decode(sample(one, steps=3)) for one in (eager, teacher)))
    assert called == [False] * 4
    called.clear()
    sample(teacher, guidance_of(teacher, classify, 0.05), steps=3)
    assert not called


def test_a_guided_batch_equals_its_singles(teacher_of, classify):
    teacher, x, labels = teacher_of(), noise(3, 4, 8, 8), torch.tensor([0, 1, 2])

    def gradient(rows):
        wrt = x[rows].requires_grad_()
        eps = cfg(teacher.denoise, 3.0, 3)(wrt, 500, labels[rows])
        return guidance_of(teacher, classify, 1.0).gradient(wrt, wrt - eps, 0.5, labels[rows])

    together, alone = gradient(slice(0, 3)), torch.cat([gradient(slice(i, i + 1)) for i in range(3)])
    assert (together.flatten(1).norm(dim=1) > 0).all()
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-6)


def gradient_at(teacher, classify, times, scale=None, t=500):
    """∇_{x_t} of ``times`` the entropy of x̂0's image, [4, 4, 8, 8], and the guide that took it."""
    x, labels, alpha = noise(4, 4, 8, 8).requires_grad_(), torch.arange(4) % 3, float(teacher.alphas_cumprod[t])
    x0 = (x - (1 - alpha) ** 0.5 * teacher.denoise(x, t, labels)) / alpha**0.5
    guide = guidance_of(teacher, classify, 1.0, times=times, scale=scale)
    return guide.gradient(x, x0, alpha, labels), guide


@pytest.mark.parametrize("name", ["sd", "xl"])
@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
def test_half_precision_stays_finite(teacher_of, classify, name, dtype):
    """Also with gradients as small as a sure classifier's; they point where those of fp32 do, none is NaN."""
    teacher, exact = teacher_of(name, dtype=dtype), teacher_of(name)
    assert teacher.grad_scale == (1024 if dtype == "fp16" else 1)
    for times in (1.0, 1e-6):
        (g, guide), (wanted, _) = gradient_at(teacher, classify, times), gradient_at(exact, classify, times)
        cosine = torch.cosine_similarity(g.flatten(1), wanted.flatten(1))
        assert g.dtype == torch.float32 and guide.counts["not_moved"] == 0 and (cosine > 0.9).all(), cosine
    for times in (1.0, 1e-6, 1e-30, 0.0):
        latents = sample(teacher, guidance_of(teacher, classify, 0.05, times=times), n=4, steps=3)
        with torch.no_grad():
            assert torch.isfinite(latents).all() and torch.isfinite(teacher.decode(latents)).all()


def test_grad_scale_is_what_keeps_small_gradients_in_fp16(teacher_of, classify):
    wanted, _ = gradient_at(teacher_of(), classify, 1e-6)
    kept, lost = (
        (gradient_at(teacher_of(dtype="fp16"), classify, 1e-6, scale)[0] - wanted).norm() / wanted.norm()
        for scale in (None, 1.0)
    )
    assert kept < 0.1 and lost > 3 * kept, (kept, lost)


# ---- what is refused ----


def test_missing_folder_is_refused(tmp_path):
    refused(tmp_path / "nowhere", "stable_diffusion.weights", "no such folder", "sd-1.5")
    refused("sd-1-5", "stable_diffusion.weights=sd-1-5", "Did you mean sd-1.5?")


PARTS = [
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/merges.txt",
    "tokenizer/tokenizer_config.json",
    "tokenizer/vocab.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
]
SPARE = ["tokenizer/special_tokens_map.json"]  # tokenizer_config.json says the same


def test_these_are_all_parts(folders):
    files = [path.relative_to(folders["sd"]).as_posix() for path in folders["sd"].rglob("*") if path.is_file()]
    assert sorted(files) == sorted(PARTS + SPARE)


@pytest.mark.parametrize("file", PARTS)
def test_a_part_that_is_missing_is_named_before_torch_is_asked(copy, file):
    (copy / file).unlink()
    refused(copy, f"{copy} has no {file}")
    with pytest.raises(BadInput, match=f"has no {file}"):
        StableDiffusion(str(copy)).require_files(ANIMALS)


@pytest.mark.parametrize("file", PARTS)
@pytest.mark.parametrize("harm", ["half", "empty", "garbage"])
def test_a_part_that_is_broken_is_one_line(copy, file, harm):
    before = (copy / file).read_bytes()
    (copy / file).write_bytes({"half": before[: len(before) // 2], "empty": b"", "garbage": b"\xff\0{"}[harm])
    if (file, harm) in (("tokenizer/merges.txt", "half"), ("tokenizer/merges.txt", "empty")):
        return  # a shorter list of merges is one
    refused(copy, "stable_diffusion.weights", Path(file).parent.name if "/" in file else file)


def test_a_missing_part_is_found_by_a_dry_run(copy, capsys):
    from benchmarks.run import main

    (copy / "tokenizer/merges.txt").unlink()
    with pytest.raises(BadInput, match="has no tokenizer/merges.txt"):
        main(["--dry-run", "teacher=stable-diffusion", f"stable_diffusion.weights={copy}"])
    assert main(["--dry-run", "teacher=stable-diffusion"]) == 0  # nobody said where they are


def test_weights_that_are_not_all_there_are_refused(copy):
    """diffusers itself would go on with random numbers."""
    from safetensors.torch import load_file, save_file

    file = copy / "unet/diffusion_pytorch_model.safetensors"
    kept = {name: tensor for name, tensor in load_file(file).items() if not name.startswith("conv_out")}
    save_file(kept, file, metadata={"format": "pt"})
    refused(copy, "unet lacks 2 of its weights", "conv_out.bias")
    file.write_bytes(file.read_bytes()[:1000])
    refused(copy, "unet does not load")


def test_missing_tiny_decoder_is_refused(folders, tmp_path):
    refused(
        folders["sd"],
        "stable_diffusion.tiny_weights",
        "no such folder",
        guide_decode="tiny",
        tiny_weights=str(tmp_path / "nowhere"),
    )
    refused(
        folders["sd"],
        "stable_diffusion.tiny_weights",
        "has no config.json",
        guide_decode="tiny",
        tiny_weights=str(tmp_path),
    )


@pytest.mark.parametrize(
    "file, keys, words",
    [
        ("scheduler/scheduler_config.json", dict(prediction_type="sample"), "prediction_type sample"),
        ("scheduler/scheduler_config.json", dict(rescale_betas_zero_snr=True), "rescale_betas_zero_snr"),
        ("scheduler/scheduler_config.json", dict(beta_schedule=None), "beta_schedule"),
        ("model_index.json", dict(_class_name="FluxPipeline"), "FluxPipeline"),
        ("vae/config.json", dict(latent_channels=16), "vae does not load"),
    ],
)
def test_unsupported_models_are_refused(copy, file, keys, words):
    edit(copy / file, **keys)
    refused(copy, words)


def test_keys_that_cannot_work_are_refused(folders):
    sd = folders["sd"]
    refused(sd, "stable_diffusion.revision=abc", revision="abc")
    refused(sd, "stable_diffusion.template", "{name}", template="a photo")
    refused(sd, "stable_diffusion.resolution=15", "a multiple of 2", resolution=15)
    refused(sd, "stable_diffusion.guide_reduce=3", "divisor", guide_decode="reduced", guide_reduce=3)
    refused(sd, "text_encoder/model.fp16.safetensors", variant="fp16")
    refused(sd, "at most 77 tokens", task=Named(classes=["cat " * 80], shape=(3, 16, 16)))
    refused(sd, "1 or 3 channels", task=Named(classes=["cat"], shape=(4, 16, 16)))


def test_dry_run_and_refusal_come_before_torch(tmp_path):
    """In a process of its own: the hub's client reads its environment once."""
    program = """if True:
        import sys
        from dp_common.config.resolve import resolve
        resolved = resolve(["strategy=static", "teacher=stable-diffusion"])
        sampler = resolved.spec.sampler
        print(sampler.cfg_scale, sampler.spacing, resolved.fingerprints["teacher_fingerprint"])
        try:
            resolved.teacher.prepare(resolved.task, "cpu")
        except Exception as error:
            print(type(error).__name__, error)
        print("torch" in sys.modules)"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        text=True,
        capture_output=True,
        timeout=60,
    )
    resolved, refusal, torch_imported = done.stdout.splitlines()
    assert resolved.startswith(f"3.0 leading hub:{MODELS['sd-1.5']}@main ") and torch_imported == "False"
    assert refusal.startswith("BadInput stable_diffusion.weights=sd-1.5: ") and f"{tmp_path}/hub" in refusal
    assert f"hf download {MODELS['sd-1.5']} --include 'model_index.json'" in refusal


def test_hub_id_is_read_from_the_cache(folders, tmp_path, monkeypatch):
    """A hub cache laid out as the hub's client does, offline."""
    from huggingface_hub import constants

    cache = tmp_path / "models--someone--tiny-sd"
    shutil.copytree(folders["sd"], cache / "snapshots" / ("0" * 40))
    (cache / "refs").mkdir()
    (cache / "refs/main").write_text("0" * 40)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    teacher = StableDiffusion("someone/tiny-sd", dtype="fp32")
    teacher.prepare(ANIMALS, torch.device("cpu"))
    assert teacher.latent_shape == (4, 8, 8) and teacher.fingerprint(ANIMALS).startswith("hub:someone/tiny-sd@main ")
    refused("someone/tiny-sd", "hf download someone/tiny-sd --revision other", revision="other")


# ---- identity ----


def test_fingerprint_is_of_the_content_wherever_it_is(copy, tmp_path):
    mark = lambda folder, **keys: StableDiffusion(str(folder), **keys).fingerprint(ANIMALS)
    before, marks = mark(copy), set()
    moved = copy.rename(tmp_path / "moved")
    assert mark(moved) == before
    (moved / ".cache/huggingface").mkdir(parents=True)
    (moved / ".cache/huggingface/notes.json").write_text("{}")
    assert mark(moved) == before
    changes = [
        ("scheduler/scheduler_config.json", b" "),
        ("tokenizer/merges.txt", b"a b\n"),
        ("unet/diffusion_pytorch_model.safetensors", b"\0"),
    ]
    for file, more in changes:
        marks.add(mark(moved))
        (moved / file).write_bytes((moved / file).read_bytes() + more)
    weights = moved / "vae/diffusion_pytorch_model.safetensors"
    marks.add(mark(moved))
    weights.write_bytes(bytes(len(weights.read_bytes())))  # as long as before
    marks |= {
        mark(moved),
        mark(moved, template="a {name}"),
        mark(moved, guide_decode="tiny"),
        mark(moved, guide_decode="tiny", tiny_weights="a/b"),
    }
    assert len(marks) == len(changes) + 5 and before in marks


def test_fingerprint_needs_nothing_that_is_there():
    mark = lambda weights, **keys: StableDiffusion(weights, **keys).fingerprint(ANIMALS).split()[0]
    assert mark("sd-1.5") == mark(MODELS["sd-1.5"]) == "hub:stable-diffusion-v1-5/stable-diffusion-v1-5@main"
    assert mark("a/b", revision="abc") == "hub:a/b@abc"
    assert mark("/no/such/folder") == "name:/no/such/folder"


def test_fingerprint_follows_the_prompts():
    other = Named(classes=["dog"], shape=ANIMALS.shape)
    assert StableDiffusion().fingerprint(ANIMALS) != StableDiffusion().fingerprint(other)
