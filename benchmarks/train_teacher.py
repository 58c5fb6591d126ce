"""Train the unet teacher of a task on its real training images.

    python -m benchmarks.train_teacher task=digits [key=value ...]
    python -m benchmarks.train_teacher --help        every key

Ends with three files: the weights ``out`` (default teachers/<task>-split<k>.safetensors), beside them a card (.md) with their
data, settings and quality, and a grid of samples (.png), which is also written while it trains. Use them with
``teacher=unet unet.weights=...``. The same command again goes on after an interruption, or prints the card of what is done; on a
CPU the weights are the same bits either way. The packaged digits teacher was made by

    python -m benchmarks.train_teacher task=digits out=dp_common/teachers/weights/digits.safetensors
"""

import shlex
import sys
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path

from benchmarks.cli import guarded
from dp_common.config import registry
from dp_common.config.options import option
from dp_common.config.resolve import flatten, known_keys, parse, put
from dp_common.config.specification import Data
from dp_common.errors import BadInput, did_you_mean
from dp_common.teacher_training.settings import SIZES, Training, defaults_for


@dataclass
class Here:
    """Keys that do not decide the weights."""

    out: str = option("", "the weights file, .safetensors; empty: teachers/<task>-split<k>.safetensors")
    device: str = option("auto", "auto, cpu, cuda or cuda:N; the bits are promised on the CPU only")
    checkpoint_every: float = option(120.0, "seconds between checkpoints", low=0)
    sample_every: int = option(1000, "steps between sample grids, 0 for none before the end", low=0)
    memory: float = option(4.0, "GiB of training images to hold in memory; larger sets are read at each step", low=0)
    workers: int = option(0, "processes that read images ahead where they are not held in memory", low=0)
    quality: str = option(
        "classifier",
        "judge it by a classifier trained with the task's recipe on the same real images, or not at all",
        choices=("classifier", "none"),
    )
    save: str = option(
        "fp32", "precision of the weights in the file; judged are the weights as saved", choices=("fp32", "bf16")
    )
    distance: str = option(
        "none",
        "FID and KID of its samples to real test images by torchmetrics (extra: quality), which fetches an Inception network",
        choices=("none", "inception"),
    )
    samples: int = option(2000, "images it is judged on", low=10)


@dataclass
class Keys(Training, Here):
    data: Data = field(default_factory=Data)


def main(words):
    flags = [word for word in words if word.startswith("-")]
    if set(flags) & {"--help", "-h"}:
        print(help_text())
        return 0
    if flags:
        raise BadInput(flags[0], None, f"only --help.{did_you_mean(flags[0], ['--help'])}")
    task, name, keys = resolve(words)
    out = Path(keys.out or f"teachers/{name}-split{keys.data.split}.safetensors")
    if out.suffix != ".safetensors":
        raise BadInput("out", keys.out, "a file name that ends in .safetensors")
    from benchmarks.run import stop_on_signals

    print(work(task, name, keys, out, words, stop_on_signals()))
    return 0


def resolve(words):
    """Command-line words -> (task with its data keys set, its name, Keys). Raises BadInput; imports no torch."""
    from omegaconf import OmegaConf

    given = parse(words)
    if "task" not in given:
        raise BadInput("task", None, "needed: task=NAME, such as task=digits")
    plugin = registry.find("task", given.pop("task"))
    cls = plugin.load()
    shape = {"": Keys} | ({plugin.section: cls} if is_dataclass(cls) else {})
    known, conf = (
        known_keys(shape, runtime=False),
        {part: OmegaConf.structured(keys) for part, keys in shape.items()},
    )
    del known["data.monitor"]
    for key in given:
        if key not in known:
            raise BadInput(key, given[key], f"no such key.{did_you_mean(key, known) or ' --help lists them all.'}")
    for key, value in sorted(given.items()):
        put(conf, known, key, value, {})
    task = OmegaConf.to_object(conf[plugin.section]) if plugin.section in conf else cls()
    task.data = OmegaConf.to_object(conf[""]).data
    for key, value in (defaults_for(task.shape) | given).items():
        put(conf, known, key, value, {})
    return task, plugin.name, OmegaConf.to_object(conf[""])


def work(task, name, keys, out, words, stop, say=lambda line: print(line, file=sys.stderr, flush=True)):
    """Train, or go on, or find it done; returns the card. Raises Problem and its kinds."""
    import torch

    from dp_common import files
    from dp_common.persistence import provenance
    from dp_common.teacher_training import card as cards
    from dp_common.teacher_training import quality as judged
    from dp_common.teacher_training.source import Source
    from dp_common.teacher_training.trainer import Trainer, refuse_difference
    from dp_common.teachers import unet

    settings = Training(**{f.name: getattr(keys, f.name) for f in fields(Training)})
    shown = flatten(settings) | {"data.split": keys.data.split, "data.limit": keys.data.limit}
    if is_dataclass(task):
        shown |= {f"{name}.{f.name}": getattr(task, f.name) for f in fields(task) if not f.metadata.get("place")}
    provenance.fix_threads(settings.threads)
    device = provenance.device_named(keys.device)
    task.load(keys.data.split)
    identity = {"task": name, "data fingerprint": task.fingerprint(), **shown}
    if out.is_file():
        about, _ = unet.read(out)
        refuse_difference(
            out,
            {"task": about["task"], "data fingerprint": about["data"]["fingerprint"], **about["settings"]},
            identity,
        )
        out.with_suffix(".checkpoint").unlink(missing_ok=True)  # of an end that was cut short
        say(f"{out} is finished")
        return cards.card(about, out)
    if keys.distance != "none":
        judged.need_torchmetrics()
    trainer = Trainer(settings, task.shape, len(task.classes), device, identity)
    source = Source(task, keys.memory * 2**30, keys.workers, stop)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("out", out, f"cannot write there: {error.strerror}") from error
    checkpoint = out.with_suffix(".checkpoint")
    if checkpoint.is_file():
        trainer.load(checkpoint)
        say(f"going on after step {trainer.done:,} of {settings.steps:,}")
    about = {
        "task": name,
        "classes": list(task.classes),
        "shape": list(task.shape),
        "architecture": trainer.architecture,
        "prediction": settings.prediction,
        "schedule": settings.schedule,
        "settings": shown,
    }

    def weights():
        state = trainer.average.module.state_dict()
        return {key: value.to(torch.bfloat16) if keys.save == "bf16" else value for key, value in state.items()}

    def teacher():
        made = unet.UNet()
        net = unet.build(trainer.architecture)
        net.load_state_dict(weights())
        made.adopt(net, about, device)
        return made

    def grid():
        columns = min(len(task.classes), 10)
        images, _ = judged.samples(teacher(), cards.GRID * columns, columns, device, settings.seed)
        files.write_atomic(out.with_suffix(".png"), cards.grid_png(images, columns))

    say(
        f"{sum(p.numel() for p in trainer.net.parameters()):,} parameters, {len(source.labels):,} real training images, {device}"
    )
    trainer.train(source, stop, keys.checkpoint_every, checkpoint, say, keys.sample_every, grid)
    grid()
    quality = {}
    if keys.quality == "classifier":
        say(f"training a classifier on the same real images, to judge {keys.samples:,} samples")
        quality = judged.quality(teacher(), trainer, task, source, keys.samples, device, stop)
    if keys.distance == "inception":
        say(f"FID and KID of {keys.samples:,} samples")
        quality |= judged.distances(
            *judged.beside_real(teacher(), task, keys.samples, device, settings.seed, stop), device
        )
    versions = {
        package: provenance.installed(package)
        for package in (
            "torch",
            "diffusers",
            "numpy",
            "scikit-learn",
            *(["torchmetrics"] if keys.distance != "none" else []),
        )
    }
    about |= {
        "parameters": sum(p.numel() for p in trainer.net.parameters()),
        "quality": quality,
        "seconds": round(trainer.seconds, 1),
        "command": "python -m benchmarks.train_teacher " + shlex.join(words),
        "versions": versions,
        "device": f"{provenance.device_label(device)} ({provenance.cpu_model()}, {settings.threads} thread(s))",
        "data": {
            "fingerprint": identity["data fingerprint"],
            "images": len(source.labels),
            "hashes": len(source.hashes),
            "hash_digest": files.digest(source.hashes.tobytes()),
            "twins": source.twins,
        },
    }
    text = cards.card(about, out)
    files.write_atomic(out.with_suffix(".md"), text.encode())
    kept = {f"weights.{key}": value for key, value in weights().items()}
    unet.write(out, about, kept | {"training_images": torch.from_numpy(source.hashes.copy())})
    checkpoint.unlink(missing_ok=True)
    say(f"use it with: teacher=unet unet.weights={out}")
    return text


def help_text():
    lines = [
        __doc__,
        "Keys:",
        "",
        f"  {'task=':30} the classification problem; its own keys, <task>.<key>, are taken too",
    ]
    for key, (_, _, f) in known_keys({"": Keys}, runtime=False).items():
        if key == "data.monitor":
            continue
        rules = f.metadata
        allowed = f" one of {', '.join(map(str, rules['choices']))};" if rules.get("choices") else ""
        lines.append(f"  {key + '=' + str(f.default):30}{allowed} {rules.get('about', '')}")
    lines += ["", "For larger images other defaults hold (untuned):"]
    lines += [
        f"  up to {size} pixels: " + " ".join(f"{k}={v}" for k, v in values.items()) for size, values in SIZES[1:-1]
    ]
    lines += ["  above: " + " ".join(f"{k}={v}" for k, v in SIZES[-1][1].items())]
    return "\n".join(lines)


if __name__ == "__main__":
    guarded(main)
