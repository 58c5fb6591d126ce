"""The specification of a run: every key that decides its result, typed. ``identity.py`` makes a run id of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dp_common.config.options import option
from dp_common.device import NAMES as DEVICES
from dp_common.device import PATTERN as DEVICE

RECIPE = 1  # raised when the same specification would give other numbers: run ids change with it

OF_FILES = ("cifar10", "cifar100", "fashion-mnist", "imagenet100", "imagenet1k", "mnist", "svhn")  # under data.root


@dataclass
class Data:
    """``data.*``: the real images and how they are split."""

    split: int = option(0, "seed of the split of real data into train, monitor and test", low=0, high=2**32 - 1)
    monitor: str = option(
        "disjoint",
        "what patience looks at: a set disjoint from test, or, as in the paper, the test set itself",
        choices=("disjoint", "paper"),
    )
    limit: int = option(0, "use at most this many images of each real split, balanced over classes; 0: all", low=0)
    root: str = option(
        "data",
        "folder of the real data sets: torchvision's root, or with train/ and val/ of ImageNet",
        place=True,
        tasks=OF_FILES,
    )
    train: str = option(
        "",
        "task=folder: real training images, one folder per class or a tar of such folders",
        place=True,
        tasks=("folder",),
    )
    test: str = option("", "task=folder: real test images, likewise", place=True, tasks=("folder",))


@dataclass
class Images:
    """``images.*``: how generated images are stored."""

    format: str = option(
        "png", "how generated images are stored; what is trained on is what was stored", choices=("png", "jpeg", "webp")
    )
    quality: int = option(95, "of jpeg and webp", low=1, high=100)


@dataclass
class Sampler:
    """``sampler.*``: from noise to images."""

    steps: int = option(20, "DDIM steps", low=1, high=1000)
    spacing: str = option("trailing", "which timesteps are visited", choices=("leading", "trailing", "linspace"))
    eta: float = option(0.0, "stochasticity: 0 deterministic DDIM, 1 ancestral", low=0, high=1)
    cfg_scale: float = option(
        1.0, "classifier-free guidance, uncond + s (cond - uncond); the paper's lambda is s - 1", low=0
    )
    cfg_low: float = option(
        0.0, "classifier-free guidance only above this noise level, sigma = sqrt((1 - abar) / abar)", low=0
    )
    cfg_high: float = option(0.0, "classifier-free guidance only up to this noise level; 0: no bound", low=0)
    temperature: float = option(
        1.0, "factor on the variance within the modes of what is sampled; 1: as the teacher has it", above=0
    )
    mode_variance: float = option(
        0.0, "variance within a mode of the teacher's latents, for a temperature that is not exact; 0: not given", low=0
    )
    exact: bool = option(
        False, "plain images are draws from the teacher's density itself, by no diffusion, where it is known"
    )
    clip: str = option(
        "none", "clipping of the predicted image inside the sampler", choices=("none", "keep_eps", "rederive")
    )
    # hashed, though it is chosen for memory: kernels of another batch size round differently, and every image with them
    block: int = option(512, "images sampled at once; also the unit of work dealt to ranks", low=1)


@dataclass
class Train:
    """``train.*``: the learner's training; the budget among it."""

    seen: int = option(64_000, "the budget: images seen in training, equal for every strategy and scale", low=1)
    batch: int = option(128, "images per iteration", low=1)
    lr: float = option(2e-3, "learning rate of AdamW after warm-up", above=0)
    weight_decay: float = option(0.05, "weight decay of AdamW", low=0)
    # hashed unless it is the whole batch: gradients of parts are summed in another order, drop-path is drawn per part
    micro: int = option(0, "images per forward pass, gradients being added up to a whole batch; 0: the batch", low=0)
    order: str = option(
        "uniform",
        "examples drawn uniformly from memory, or streamed from disk in shuffled blocks",
        choices=("uniform", "block"),
    )
    label_smoothing: float = option(0.0, "label smoothing", low=0, high=0.5)
    clip_grad: float = option(0.0, "gradient norm limit, 0 for none", low=0)
    ema: float = option(0.0, "decay of the averaged weights, 0 for none", low=0, high=0.99999)
    mixup: float = option(0.0, "alpha of Mixup, 0 for none; with cutmix, one of the two by lot", low=0)
    cutmix: float = option(0.0, "alpha of CutMix, 0 for none", low=0)
    randaugment: int = option(0, "magnitude of RandAugment (two operations), 0 for none", low=0, high=30)
    pad: int = option(0, "pixels of padding before a random crop of the image's own size, 0 for none", low=0, high=64)
    crop: float = option(1.0, "smallest area of a random resized crop, 1 for none", above=0, high=1)
    flip: bool = option(False, "mirror every other image by lot")
    compile: bool = option(False, "torch.compile the learner")  # hashed: fused kernels round differently
    model_args: dict[str, Any] = option(
        {}, "the learner's own arguments, train.model_args.NAME=VALUE; of timm's, timm.create_model's"
    )


@dataclass
class Reference:
    """``reference.*``: what knows the real images, for scores that ask for it."""

    source: str = option(
        "auto",
        "the teacher's own density, or a classifier trained once on the teacher's real images and paid for; "
        "auto: the density where it is known",
        choices=("auto", "density", "classifier"),
    )
    seen: int = option(0, "images that the classifier sees in its training; 0: a quarter of train.seen", low=0)

    def trained(self, knows_density: bool) -> bool:
        """Is it a classifier, for want of a density that is known, or because that is asked for?"""
        return self.source == "classifier" or (self.source == "auto" and not knows_density)

    def images(self, seen: int, batch: int) -> int:
        """Images that the classifier sees, whole batches, beside a learner that sees ``seen``."""
        return -(-(self.seen or seen // 4) // batch) * batch


@dataclass
class Heads:
    """``heads.*``: several answers to one image, for scores that look at how they differ."""

    source: str = option(
        "snapshots",
        "snapshots: the learner at its last evaluations; dropout: thinned by masks that stay; "
        "epistemic: linear heads, each trained on its own half of the set",
        choices=("snapshots", "dropout", "epistemic"),
    )
    count: int = option(5, "K, how many; of snapshots as far as there are", low=2)


@dataclass
class Exemplars:
    """``exemplars.*``: real images of each class, for scores that look at such."""

    per_class: int = option(2, "k, the first of each class in the run's own order", low=1)


@dataclass
class Population:
    """``population.*``: held-out images of the teacher's own distribution, to test on in its own world."""

    images: int = option(
        -1, "how many; -1: 20,000 exact samples where the teacher's density is known, else none", low=-1
    )


@dataclass
class Spec:
    """Keys that decide the result. Each strategy, teacher and task adds its own under its name: ``dp.omega``."""

    task: str = option("digits", "the classification problem", plugin="task")
    teacher: str = option("mixture", "the diffusion model that makes the images", plugin="teacher")
    learner: str = option("vit-digits", "the classifier: a named learner, or any timm model", plugin="learner")
    strategy: str = option("dp", "what to generate, keep and train on, and when", plugin="strategy")
    scale: int = option(4_000, "images in the final training set", low=1, high=1_000_000_000)
    seed: int = option(0, "decides latents, initial weights and the order of examples", low=0, high=2**63 - 1)
    precision: str = option(
        "fp32",
        "arithmetic of the learner's training (bf16: autocast); a teacher has its own dtype",
        choices=("fp32", "bf16"),
    )
    threads: int = option(
        1, "CPU threads of one process; identifies a run, since sums round differently", low=1, high=1024
    )
    evaluate: str = option("end", "test accuracy at the end only, or after each interval too", choices=("end", "curve"))
    probe: str = option(
        "none",
        "measured at the end, apart from the price. hardness: how hard each addition was before, when and after it "
        "came; truth: that, and how far it is from guidance's target, where the teacher's density is known",
        choices=("none", "hardness", "truth"),
    )
    guide_precision: str = option(
        "fp32",
        "arithmetic of the learner where it guides, scores and is tested; its logits are fp32. tf32: products on "
        "CUDA's tensor cores; bf16: autocast",
        choices=("fp32", "tf32", "bf16"),
    )
    guide_with: str = option(
        "ema", "weights that guide, score and are tested: averaged where enabled, or raw", choices=("ema", "raw")
    )
    data: Data = field(default_factory=Data)
    sampler: Sampler = field(default_factory=Sampler)
    images: Images = field(default_factory=Images)
    train: Train = field(default_factory=Train)
    reference: Reference = field(default_factory=Reference)
    heads: Heads = field(default_factory=Heads)
    exemplars: Exemplars = field(default_factory=Exemplars)
    population: Population = field(default_factory=Population)


@dataclass
class Runtime:
    """Keys that change no number and are not hashed."""

    root: str = option("results/runs", "folder of runs", place=True)
    device: str = option("auto", DEVICES, pattern=DEVICE)
    deterministic: bool = option(
        False, "on CUDA, only kernels that give the same bits each time; an operation that has none ends the run"
    )
    checkpoint_every: float = option(600.0, "seconds between checkpoints, taken at the strategy's next yield", low=0)
    lease_ttl: float = option(
        60.0, "seconds without a heartbeat after which another process may take a run over", above=0
    )
    rank_timeout: float = option(
        60.0, "several ranks: seconds without a sign of life after which a rank is gone", above=2
    )
    limit: str = option(
        "", "wall-clock time after which this attempt commits and ends, such as 90s, 30m or 2h; empty: none"
    )
    readers: int = option(0, "processes that decode and augment images beside the main one", low=0)
    decoded: str = option(
        "auto",
        "folder in which real images that are looked at again and again, too many for memory, are kept decoded; auto: "
        "deliberate-practice-bench/decoded in your cache folder ($XDG_CACHE_HOME, else ~/.cache); no: nowhere",
        place=True,
    )
    shard: int = option(4096, "images per shard file", low=1)
    pool: bool = option(
        False,
        "plain images are made once for all runs of a root: taken from <root>/pool where they are, else kept there. "
        "What they cost when they were made is in the price",
    )
    pool_candidates: str = option(
        "take",
        "with pool=yes, of candidates that are scored and chosen from: take those that are there, or keep the others "
        "there too, as png whatever images.format is, so that scores see the same pixels",
        choices=("take", "keep"),
        typed_as="pool.candidates",
    )
    guidance_chunk: int = option(
        0,
        "images decoded and classified at once while a guidance gradient is taken, for memory; 0: sampler.block, and "
        "half of it, and so on, where the device's memory does not do",
        low=0,
    )
    try_guidance: str = option(
        "auto",
        "guide one step of one block before anything is made, so that what does not fit is known at once; auto: where "
        "the device is not a CPU",
        choices=("auto", "yes", "no"),
    )


ROW_GROUP = 64  # images of a row group at most, which block order moves as one; frozen
PAIRS = 64  # Mixup and CutMix pair images within blocks of so many consecutive positions; frozen
WARMUP, COOLDOWN = 0.1, 0.2  # of the budget: linear warm-up, cosine cool-down (nothing is added in it); frozen


@dataclass(frozen=True)
class Budget:
    """What a strategy may plan with. All counts are images."""

    scale: int  # images in the final training set
    seen: int  # images seen in training, a multiple of batch
    batch: int
    classes: int

    @property
    def stable(self) -> int:
        """Images seen before the cool-down: the last moment for additions."""
        return int(self.seen * (1 - COOLDOWN)) // self.batch * self.batch


def canonical(values: Mapping[str, Any]) -> bytes:
    """The bytes that are hashed: JSON with sorted keys; floats by shortest round-trip repr."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def short(count: int) -> str:
    """4000 -> 4k, 1300000 -> 1300k, 2000000 -> 2M, 123 -> 123."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if count and count % size == 0:
            return f"{count // size}{letter}"
    return str(count)
