"""A small pixel UNet with random weights: this sampler beside diffusers' own pipeline, and guidance on it."""

from functools import partial
from typing import Any

from benchmarks.speed_suites import Item, Setting
from dp_common.diffusion.guidance import THROUGH, Guidance

RUN_KEYS = False
NAMES = ("unet.plain", "unet.diffusers_pipeline", "unet.relative.*.every?")


def items(setting: Setting) -> dict[str, Item]:
    """This sampler and the pipeline, and guidance by path and frequency."""
    import torch
    from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel

    from dp_common.diffusion.ddim import ddim
    from dp_common.diffusion.guidance_step import GuidanceStep
    from dp_common.diffusion.schedule import timesteps
    from dp_common.scores import entropy

    batch, steps = min(setting.block, 64), 20
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=(32, 64),
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    ).eval()
    classifier = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 64), torch.nn.GELU(), torch.nn.Linear(64, 10)
    )
    scheduler = DDIMScheduler(clip_sample=False)
    pipeline = DDIMPipeline(unet, scheduler)
    pipeline.set_progress_bar_config(disable=True)
    x, labels = torch.randn(batch, 1, 8, 8), torch.zeros(batch, dtype=torch.long)

    def objective(x0: Any, y: Any) -> Any:
        return entropy.score(classifier(x0), y)

    def ours(guidance: Any = None) -> Any:
        with torch.no_grad():
            return ddim(
                lambda x, t, y: unet(x, t).sample,
                x,
                labels,
                timesteps(steps),
                scheduler.alphas_cumprod.numpy(),
                guidance=guidance,
            )

    found = {
        "unet.plain": Item("images", batch, ours, "unet.diffusers_pipeline"),
        "unet.diffusers_pipeline": Item(
            "images", batch, lambda: pipeline(batch_size=batch, num_inference_steps=steps, output_type="np")
        ),
    }
    for through in THROUGH:
        for every in (1, 5):
            guidance = GuidanceStep(objective, Guidance("entropy", 0.05, "relative", through, every))
            found[f"unet.relative.{through}.every{every}"] = Item(
                "images", batch, partial(ours, guidance), "unet.plain"
            )
    return found
