"""Unit costs on this machine: what one image sampled, guided, scored, trained on or written costs.

    python -m benchmarks.speed [out=FILE.csv] [threads=1] [repeat=7] [block=512]

Everything is timed in turn, ``repeat`` times, so that drift of the machine meets all alike; medians are told, and ratios of
medians to the item each is compared with. The file is what ``--dry-run`` and re-pricing read. Items:

    sample.*    the mixture teacher with the digits recipe: plain, and guided by each rule, path and frequency
    unet.*      a small pixel UNet (random weights), where the network is what costs, as with Stable Diffusion; beside it
                diffusers' own DDIMPipeline on the same network, batch and steps
    learner.*   training, plain evaluation, and the gradient with respect to the image
"""

import csv
import io
import platform
import sys
import time
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.cli import guarded
from dp_common import config
from dp_common.errors import BadInput
from dp_common.files import write_atomic
from dp_common.options import RULE_NAMES, THROUGH

FIELDS = ("item", "unit", "seconds_per_unit", "units_per_second", "compared_with", "ratio", "repeats", "threads", "device")


def main(words):
    if {"--help", "-h"} & set(words):
        print(__doc__)
        return 0
    given = {"out": "", "threads": "1", "repeat": "7", "block": "512"}
    for key, value in config.parse(words).items():
        if key not in given:
            raise BadInput(key, value, f"one of {', '.join(given)}")
        given[key] = value
    threads, repeat, block = (config.count(key, given[key]) for key in ("threads", "repeat", "block"))
    items = {**digits_items(threads, block), **unet_items(min(block, 64))}
    rows = table(measure(items, repeat), items, threads, repeat)
    text = as_csv(rows)
    if given["out"]:
        Path(given["out"]).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(given["out"], text.encode())
    for row in rows:
        beside = f"{row['ratio']:.2f} x {row['compared_with']}" if row["compared_with"] else ""
        print(f"{row['item']:38} {row['units_per_second']:>12,.0f} {row['unit']}/s   {beside}")
    return 0


def digits_items(threads, block):
    """{item: (unit, units per call, call, item it is compared with)}"""
    import numpy as np
    import torch

    from dp_common import store
    from dp_common.clock import Clock
    from dp_common.generation import Studio, quantise
    from dp_common.learner import Learner
    from dp_common.seeds import label_of

    torch.set_num_threads(threads)
    run = config.resolve(["strategy=static"])
    run.task.load(0)
    run.teacher.prepare(run.task, torch.device("cpu"))
    learner, studio = Learner(run.spec, run.task, "cpu"), Studio(run.spec, run.teacher, torch.device("cpu"), Clock())
    indices = np.arange(block)
    labels = label_of(indices, len(run.task.classes))
    images = quantise(studio.sample(indices, labels))
    batch = run.spec.train.batch
    examples = images[np.arange(batch) % block], labels[np.arange(batch) % block]

    def guided(rule, through, every):
        guide = studio.guide("entropy", learner, None, omega=0.05, rule=rule, through=through, every=every)
        studio.sample(indices, labels, guide)

    def gradient():
        x = learner.to_float(images).requires_grad_()
        torch.autograd.grad(learner.logits(x).logsumexp(1).sum(), x)

    items = {"sample.plain": ("images", block, partial(studio.sample, indices, labels), None)}
    for rule in RULE_NAMES:
        for through in THROUGH:
            for every in (1, 5) if (rule, through) != ("relative", "denoiser") else (1, 2, 5):
                items[f"sample.{rule}.{through}.every{every}"] = ("images", block, partial(guided, rule, through, every), "sample.plain")
    return items | {
        "learner.train": ("images", batch, partial(learner.step, [examples], 0), None),
        "learner.forward": ("images", block, partial(learner.predict, images), "learner.train"),
        "learner.gradient": ("images", block, gradient, "learner.train"),
        "store.encode": ("images", block, lambda: [store.encode(image) for image in images], None),
    }


def unet_items(batch, steps=20):
    """This sampler and diffusers' pipeline on one small unconditional UNet, 8×8 pixels; and guidance on it."""
    import torch
    from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel

    from dp_common.guidance import Guide
    from dp_common.sampling import ddim
    from dp_common.schedule import timesteps
    from dp_common.scores import entropy

    torch.manual_seed(0)
    unet = UNet2DModel(sample_size=8, in_channels=1, out_channels=1, layers_per_block=1, block_out_channels=(32, 64), norm_num_groups=8,
                       down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D")).eval()
    classifier = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 64), torch.nn.GELU(), torch.nn.Linear(64, 10))
    scheduler = DDIMScheduler(clip_sample=False)
    pipeline = DDIMPipeline(unet, scheduler)
    pipeline.set_progress_bar_config(disable=True)
    x, labels = torch.randn(batch, 1, 8, 8), torch.zeros(batch, dtype=torch.long)
    objective = lambda x0, y: entropy.score(classifier(x0), y)

    def ours(guide=None):
        with torch.no_grad():
            return ddim(lambda x, t, y: unet(x, t).sample, x, labels, timesteps(steps), scheduler.alphas_cumprod.numpy(), guide=guide)

    items = {"unet.plain": ("images", batch, ours, "unet.diffusers_pipeline"),
             "unet.diffusers_pipeline": ("images", batch, lambda: pipeline(batch_size=batch, num_inference_steps=steps, output_type="np"), None)}
    for through in THROUGH:
        for every in (1, 5):
            guide = Guide(objective, 0.05, "relative", through, every)
            items[f"unet.relative.{through}.every{every}"] = ("images", batch, partial(ours, guide), "unet.plain")
    return items


def measure(items, repeat):
    """{item: [seconds per unit] * repeat}, one warm-up round first, all items in turn in each round."""
    seconds = {item: [] for item in items}
    for turn in range(repeat + 1):
        for item, (_, n, call, _) in items.items():
            since = time.perf_counter()
            call()
            if turn:
                seconds[item].append((time.perf_counter() - since) / n)
        print(f"round {turn} of {repeat}", file=sys.stderr)
    return seconds


def table(seconds, items, threads, repeat):
    """Rows of FIELDS: medians, and ratios of medians within this one run."""
    medians = {item: median(values) for item, values in seconds.items()}
    return [{"item": item, "unit": unit, "seconds_per_unit": medians[item], "units_per_second": 1 / medians[item],
             "compared_with": beside or "", "ratio": medians[item] / medians[beside] if beside else None,
             "repeats": repeat, "threads": threads, "device": f"cpu ({platform.machine()})"} for item, (unit, _, _, beside) in items.items()]


def as_csv(rows):
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})
    return buffer.getvalue()


if __name__ == "__main__":
    guarded(main)
