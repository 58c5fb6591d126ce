"""Stable Diffusion 1.x, 2.x and XL through diffusers: diffusion of a VAE's latents, by a text of what to draw.

    ε(x_t, t, y)     the UNet in ``dtype``, given the text embedding of class y's prompt; row C of the table is the
                     null prompt. Weights that predict v = √ᾱ ε − √(1−ᾱ) x0 are read as ε = √ᾱ v + √(1−ᾱ) x_t
    image            VAE(x̂0 / scaling_factor + shift), resized to the task's pixels: all of it differentiable

The schedule, the prediction type, ``steps_offset`` and ``set_alpha_to_one`` are those of the scheduler configuration
that ships with the weights. Texts are encoded once, in fp32; the text encoders are then freed.
"""

import hashlib
import json
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dp_common.config.options import option
from dp_common.contracts import Task, TeacherDefaults
from dp_common.errors import BadInput
from dp_common.teachers._stable_diffusion_files import (
    LICENCES,
    MODELS,
    TINY,
    TINY_WEIGHTS,
    WEIGHTS,
    encode,
    fetch,
    files_of,
    hub_is_offline,
    identity,
    load,
    locate,
    read_index,
    require,
)

if TYPE_CHECKING:
    import torch

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


@dataclass
class StableDiffusion(TeacherDefaults):
    """Stable Diffusion 1.x, 2.x or XL through diffusers; the prompt is the class name"""

    preview = True
    recipe: ClassVar[dict[str, Any]] = {
        "sampler.spacing": "leading",  # what these weights ship with
        "sampler.cfg_scale": 3.0,  # λ = 2, one of the two values the paper names; its λ is s − 1
        "sampler.steps": 30,  # ours: the paper gives none; 30 is arXiv 2310.00158's
        "sampler.block": 16,  # ours: a guided block at 512 pixels keeps activations of 32 UNet rows and 16 decodings
        "images.format": "jpeg",  # ours: of photographs png makes several times the bytes
    }
    weights: str = option(
        "sd-1.5", f"{', '.join(MODELS)}, another hub id, or a local folder in diffusers' format", place=True
    )
    revision: str = option("", "branch, tag or commit of a hub id; empty: main")
    variant: str = option("", "fp16: the hub's half-size files, where they are offered")
    template: str = option("{name}", "prompt of a class; {name} is its name, or the prompt the task has for it")
    resolution: int = option(
        0, "pixels the model draws, before they are resized to the task's; 0: what it was trained on", low=0
    )
    dtype: str = option("bf16", "arithmetic of the UNet", choices=tuple(DTYPES))
    vae_dtype: str = option(
        "auto",
        "arithmetic of the VAE; auto: dtype, but fp32 for an XL whose configuration says force_upcast",
        choices=("auto", *DTYPES),
    )
    guide_decode: str = option(
        "full",
        "how x0 becomes pixels for guidance: the VAE, the VAE on averaged-down latents, or a tiny decoder",
        choices=("full", "reduced", "tiny"),
    )
    guide_reduce: int = option(2, "guide_decode=reduced: latents are averaged over squares of this side", low=2)
    tiny_weights: str = option(
        "",
        "guide_decode=tiny: hub id or folder of an AutoencoderTiny; empty: madebyollin/taesd, or taesdxl for XL",
        place=True,
    )
    checkpointing: bool = option(
        False, "gradient checkpointing of UNet and VAE: guided images in less memory, for more time", runtime=True
    )
    compile: bool = option(False, "torch.compile UNet and VAE, for all that takes no gradient")
    channels_last: bool = option(False, "channels-last layout of UNet and VAE; on an H100 slower")

    @property
    def licence(self) -> str:
        """That of the weights by name or hub id; of others it is not known."""
        return LICENCES.get(MODELS.get(self.weights, self.weights), "")

    def prepare(self, task: Task, device: "torch.device | str") -> None:
        """Load everything to ``device``.

        Raises:
            BadInput: weights are missing, not whole, or not of a kind that draws the task's images; said before torch
                is imported where that is possible.
        """
        prompts = self.prompts(task)
        if task.shape[0] not in (1, 3) or task.shape[1] != task.shape[2]:
            raise BadInput(
                "teacher",
                "stable-diffusion",
                f"makes square images of 1 or 3 channels; the task's are {list(task.shape)}",
            )
        folder = fetch(WEIGHTS, self.weights, self.revision, files_of(self.suffix))
        index = read_index(self.weights, folder, self.suffix)
        self.xl = index["_class_name"] == "StableDiffusionXLPipeline"
        if self.guide_decode == "tiny":
            tiny_weights, tiny_files = (
                self.tiny_weights or TINY[index["_class_name"]],
                ["config.json", "diffusion_pytorch_model.safetensors"],
            )
            tiny_folder = fetch(TINY_WEIGHTS, tiny_weights, "", tiny_files)
            for file in tiny_files:
                require(TINY_WEIGHTS, tiny_weights, tiny_folder, file)

        import torch
        from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel

        self.unet_dtype = getattr(torch, DTYPES[self.dtype])
        self.layout = torch.channels_last if self.channels_last else torch.preserve_format
        self.read_schedule(folder)
        text, pooled = encode(
            folder, self.xl, prompts, device, self.variant, index.get("force_zeros_for_empty_prompt", True)
        )
        self.text, self.null_label = text.to(self.unet_dtype), len(prompts)

        place = dict(device=device, memory_format=self.layout)
        unet = load(UNet2DConditionModel, folder, "unet", self.unet_dtype, self.variant).to(**place)
        # diffusers' default of force_upcast is true, also for 1.x and 2.x, which say nothing of it and do not overflow:
        # only an XL is asked.
        upcast = self.xl and json.loads((folder / "vae/config.json").read_text()).get("force_upcast", True)
        vae_dtype = self.vae_dtype if self.vae_dtype != "auto" else "fp32" if upcast else self.dtype
        self.vae = load(AutoencoderKL, folder, "vae", getattr(torch, DTYPES[vae_dtype]), self.variant).to(**place)
        self.tiny: Any = None
        if self.guide_decode == "tiny":
            self.tiny = load(AutoencoderTiny, tiny_folder, None, self.unet_dtype, None, TINY_WEIGHTS).to(**place)
        self.read_shapes(unet.config, self.vae.config, task)
        if self.xl:
            side = float(self.latent_shape[1] * self.factor)
            self.pooled = pooled.to(self.unet_dtype)  # type: ignore[union-attr]
            self.time_ids = torch.tensor(
                [[side, side, 0.0, 0.0, side, side]], device=device
            )  # original size, crop, target size
        if self.checkpointing:
            for network in filter(None, (unet, self.vae, self.tiny)):
                network.enable_gradient_checkpointing()
        self.unet = unet
        self.use_compiled(self.compile)

    def use_compiled(self, wanted: bool) -> None:
        """Call UNet and VAE compiled, or not, where no gradient is taken: to compile the way back takes minutes."""
        import torch

        self.fast_unet, self.fast_decode = self.unet, self.vae.decode
        if wanted:
            self.fast_unet, self.fast_decode = torch.compile(self.unet), torch.compile(self.vae.decode)

    @property
    def suffix(self) -> str:
        """That of the files of its weights."""
        return f".{self.variant}" if self.variant else ""

    def require_files(self, task: Task) -> None:
        """Raise BadInput where a folder is not there or not whole, or hub ids are not to be had without a network.

        Where there is one, ``prepare`` asks the hub.
        """
        self.prompts(task)
        folder, hub = locate(self.weights)
        if folder is not None or hub is None or hub_is_offline():
            folder = fetch(WEIGHTS, self.weights, self.revision, files_of(self.suffix))
            read_index(self.weights, folder, self.suffix)

    def prompts(self, task: Task) -> list[str]:
        """A text for each class, in label order. Raises BadInput."""
        if "{name}" not in self.template:
            raise BadInput(
                "stable_diffusion.template", self.template, "a text with {name} in it, such as 'a photo of a {name}'"
            )
        return [self.template.replace("{name}", name) for name in task.prompts]

    def read_schedule(self, folder: Path) -> None:
        """The attributes of the contract that the weights' own scheduler configuration decides. Raises BadInput."""
        from diffusers import DDIMScheduler

        shipped = json.loads((folder / "scheduler/scheduler_config.json").read_text())
        if not shipped.get("beta_schedule") and not shipped.get(
            "trained_betas"
        ):  # DDIMScheduler would put its own default in
            raise BadInput(
                WEIGHTS,
                self.weights,
                f"its scheduler ({shipped.get('_class_name')}) states no beta_schedule: weights with a "
                "discrete noise schedule",
            )
        scheduler = DDIMScheduler.from_config(shipped)
        self.prediction, self.steps_offset = scheduler.config.prediction_type, scheduler.config.steps_offset
        if self.prediction not in ("epsilon", "v_prediction"):
            raise BadInput(
                WEIGHTS,
                self.weights,
                f"prediction_type {self.prediction} in its scheduler configuration: epsilon or v_prediction",
            )
        self.alphas_cumprod = scheduler.alphas_cumprod.double().numpy()
        if not self.alphas_cumprod[-1] > 0:
            raise BadInput(
                WEIGHTS,
                self.weights,
                "its schedule ends at pure noise, ᾱ = 0 (rescale_betas_zero_snr), where ε says nothing "
                "of x0: weights whose ᾱ stays above 0",
            )
        self.final_alpha = 1.0 if scheduler.config.set_alpha_to_one else float(self.alphas_cumprod[0])

    def read_shapes(self, unet: Any, vae: Any, task: Task) -> None:
        """Latent and image shapes, and what takes latents to the VAE's own, from the configurations.

        Raises BadInput.
        """
        import torch

        if not unet.in_channels == unet.out_channels == vae.latent_channels:
            raise BadInput(
                WEIGHTS,
                self.weights,
                f"its UNet takes {unet.in_channels} channels and its VAE has {vae.latent_channels}: "
                "a text-to-image model (not one for inpainting or editing)",
            )
        self.factor = 2 ** (len(vae.block_out_channels) - 1)  # pixels per latent
        if not self.resolution and not isinstance(unet.sample_size, int):
            raise BadInput(
                WEIGHTS,
                self.weights,
                f"draws {unet.sample_size} latents, not square ones: set stable_diffusion.resolution",
            )
        if self.resolution % self.factor:
            raise BadInput("stable_diffusion.resolution", self.resolution, f"a multiple of {self.factor}")
        side = self.resolution // self.factor or unet.sample_size
        if self.guide_decode == "reduced" and side % self.guide_reduce:
            raise BadInput(
                "stable_diffusion.guide_reduce", self.guide_reduce, f"a divisor of the latents' side, {side}"
            )
        self.latent_shape, self.image_shape = (vae.latent_channels, side, side), tuple(task.shape)

        def per_channel(values: Any) -> "torch.Tensor":
            return torch.tensor(values, device=self.vae.device).view(1, -1, 1, 1)

        self.scale, self.shift = 1 / vae.scaling_factor, vae.shift_factor or 0.0
        if vae.latents_mean is not None and vae.latents_std is not None:  # some XL: channels were normalised one by one
            self.scale, self.shift = per_channel(vae.latents_std) * self.scale, per_channel(vae.latents_mean)

    @property
    def grad_scale(self) -> float:  # type: ignore[override]
        """What lifts a score's gradient out of fp16's subnormals (below 6e-5) and, of entropies, far from 65504."""
        return 1024.0 if "fp16" in (self.dtype, self.vae_dtype) else 1.0

    def denoise(self, x: "torch.Tensor", t: int, labels: "torch.Tensor") -> "torch.Tensor":
        """ε [B, *latent_shape] fp32 of x_t and labels [B]."""
        import torch

        extra = {"text_embeds": self.pooled[labels], "time_ids": self.time_ids.expand(len(x), -1)} if self.xl else None
        steps = torch.full((len(x),), t, device=x.device)  # a tensor: torch.compile would compile anew for each int
        out = (self.unet if torch.is_grad_enabled() else self.fast_unet)(
            x.to(dtype=self.unet_dtype, memory_format=self.layout),
            steps,
            encoder_hidden_states=self.text[labels],
            added_cond_kwargs=extra,
            return_dict=False,
        )[0].float()
        if self.prediction == "epsilon":
            return out
        alpha = float(self.alphas_cumprod[t])
        return sqrt(alpha) * out + sqrt(1 - alpha) * x

    def decode(self, x0: "torch.Tensor") -> "torch.Tensor":
        """x̂0 [B, *latent_shape] as images [B, *image_shape] fp32, about [-1, 1]."""
        import torch

        from dp_common.teachers._resizing import resized

        latents = (x0 * self.scale + self.shift).to(dtype=self.vae.dtype, memory_format=self.layout)
        decode = self.vae.decode if torch.is_grad_enabled() else self.fast_decode
        return resized(decode(latents, return_dict=False)[0].float(), self.image_shape)

    def encode(self, images: "torch.Tensor") -> "torch.Tensor":
        """x0 [B, *latent_shape] of images [B, C, H, W] about [-1, 1], resized: the mean of the VAE's posterior."""
        from torch.nn.functional import interpolate

        side = self.latent_shape[1] * self.factor
        images = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
        images = interpolate(images.float(), (side, side), mode="bilinear", antialias=True)
        latents = self.vae.encode(images.to(dtype=self.vae.dtype, memory_format=self.layout)).latent_dist.mean
        return (latents.float() - self.shift) / self.scale

    def decode_guided(self, x0: "torch.Tensor") -> "torch.Tensor":
        """The same for guidance, as ``guide_decode`` says."""
        from torch.nn.functional import avg_pool2d

        from dp_common.teachers._resizing import resized

        if self.guide_decode == "tiny":  # it was taught the scaled latents: its own scaling_factor is 1
            latents = (x0 / self.tiny.config.scaling_factor).to(dtype=self.tiny.dtype, memory_format=self.layout)
            return resized(self.tiny.decode(latents, return_dict=False)[0].float(), self.image_shape)
        return self.decode(avg_pool2d(x0, self.guide_reduce) if self.guide_decode == "reduced" else x0)

    def fingerprint(self, task: Task) -> str:
        """Where the weights are from or what they hold, and the texts.

        For a folder that is not there (a dry run), its name.
        """
        texts = hashlib.sha256(json.dumps(self.prompts(task)).encode()).hexdigest()[:8]
        parts = [identity(self.weights, self.revision), f"prompts:{texts}"]
        if self.guide_decode == "tiny":
            parts.append("tiny:" + (identity(self.tiny_weights, "") if self.tiny_weights else "default"))
        return " ".join(parts)
