"""What the files of a Stable Diffusion decide: its identity, and what is refused of them in one line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dp_common.errors import BadInput
from dp_common.teachers.stable_diffusion import MODELS, StableDiffusion
from tests.dp_common.teachers.tiny_teachers import ANIMALS, Named, edit, refused

GROUP = "stable-diffusion"


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
