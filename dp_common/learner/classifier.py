"""The classifier in training: a timm model, AdamW, and the schedule of the budget. It sees training images only."""

import hashlib
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from dp_common import device as devices
from dp_common.arrays import Flags, Images, Labels, Tensors
from dp_common.config.specification import COOLDOWN, WARMUP, Spec
from dp_common.distributed import batch_share
from dp_common.distributed.process_group import ProcessGroup, SingleProcess
from dp_common.learner.build import build
from dp_common.real_images.splits import AnySplit, LazySplit
from dp_common.seeds import derive
from dp_common.training_data import augmentation, loading


def lr_factor(progress: float) -> float:
    """Learning rate over its peak at a fraction of the budget: linear warm-up, constant, cosine cool-down to 0."""
    if progress < WARMUP:
        return progress / WARMUP
    if progress < 1 - COOLDOWN:
        return 1.0
    return (1 + math.cos(math.pi * (progress - 1 + COOLDOWN) / COOLDOWN)) / 2


class Learner:
    """The classifier in training, with its optimiser; the ranks of a group train as one, each a share of the batch.

    Images go in as uint8 [B, C, H, W] (training, evaluation) or as floats about [-1, 1] (``logits``, differentiable).

    Args:
        spec: Seed, network and recipe (``spec.train``).
        task: Has ``shape`` and ``classes``.
        device: Where it is trained.
        readers: Processes that decode real images that are not in memory; 0: this one.
        group: The ranks; None: this process alone.
    """

    def __init__(
        self,
        spec: Spec,
        task: Any,
        device: torch.device | str,
        readers: int = 0,
        group: ProcessGroup | None = None,
    ) -> None:
        self.spec, self.device, self.readers = spec, torch.device(device), readers
        self.group = group or SingleProcess()
        self.shape, self.classes = tuple(task.shape), len(task.classes)
        self.chunk = max(16, min(512, 2**26 // int(np.prod(self.shape))))  # images per forward pass when evaluating
        self.reset()

    def reset(self) -> None:
        """The initial weights of the seed, shared by all its strategies, and no optimiser state."""
        train = self.spec.train
        torch.manual_seed(derive(self.spec.seed, "weights"))
        self.model = self.new_model()
        parallel = self.model
        if self.group.size > 1:
            parallel = DistributedDataParallel(self.model, [self.device] if self.device.type == "cuda" else None)
        self.forward = torch.compile(parallel) if train.compile else parallel
        self.optimizer = torch.optim.AdamW(weight_decay_groups(self.model, train.weight_decay), lr=0.0, fused=True)
        self.average: Any = None
        if train.ema:
            from torch.optim.swa_utils import get_ema_multi_avg_fn

            from dp_common.learner.averaging import Average

            self.average = Average(self.model, get_ema_multi_avg_fn(train.ema), use_buffers=True)

    def new_model(self) -> torch.nn.Module:
        """A network of the recipe, with the initial weights of torch's global generator."""
        return build(self.spec.learner, self.spec.train.model_args, self.shape, self.classes).to(self.device)

    @property
    def guiding(self) -> torch.nn.Module:
        """The one model behind guidance, scores, monitor and test: in evaluation mode."""
        averaged = self.average is not None and self.spec.guide_with == "ema"
        return (self.average.module if averaged else self.model).eval()

    def step(self, micro_batches: Iterable[tuple[Images, Labels]], seen: int) -> Tensor:
        """One iteration; returns this rank's share of the mean loss, a scalar fp32 tensor.

        Gradients of micro-batches and ranks are added up, so that a batch larger than a device, or on several, is the
        same iteration (but for layers that look at the batch, such as BatchNorm).

        Args:
            micro_batches: (uint8 [n, C, H, W], labels [n]) of consecutive positions, together this rank's share of
                one batch.
            seen: Images of the budget that were seen before this batch.
        """
        train, ranks = self.spec.train, self.group.size
        start, stop = batch_share.batch_slice(train, self.group.rank, ranks)
        position, total = seen + start, 0.0
        for group in self.optimizer.param_groups:
            group["lr"] = train.lr * lr_factor((seen + train.batch) / train.seen)
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        for (images, labels), last in with_last(micro_batches):
            # drop-path and the like: by position
            devices.seed(self.device, derive(self.spec.seed, "augment", position))
            with nullcontext() if last or ranks == 1 else self.forward.no_sync():
                loss = self.loss(self.to_float(images), devices.send(torch.as_tensor(labels), self.device), position)
                loss = loss * (len(labels) / train.batch)
                (loss * ranks if ranks > 1 else loss).backward()  # DDP takes the mean over ranks
            position, total = position + len(labels), total + loss.detach()
        if position != seen + stop:
            raise ValueError(f"micro-batches of {position - seen - start} images for a share of {stop - start}")
        if train.clip_grad:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), train.clip_grad)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        return total

    def synchronise(self) -> None:
        """Give every rank the first one's weights and buffers.

        Sums may round differently on different devices, and BatchNorm sees its own images only.
        """
        if self.group.size == 1:
            return
        averaged = self.average.state_dict().values() if self.average else ()
        for value in [*self.model.state_dict().values(), *averaged]:
            if value.device == self.device:  # the average's count stays on the CPU, which NCCL cannot reach
                torch.distributed.broadcast(value, 0)

    def loss(self, images: Tensor, labels: Tensor, first: int) -> Tensor:
        """Mean training loss of float images at positions first, first + 1, ..., mixed where the recipe mixes; fp32."""
        train = self.spec.train
        if train.mixup or train.cutmix:
            images, labels = augmentation.mixed(images, labels, first, self.spec.seed, train, self.classes)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.spec.precision == "bf16"):
            logits = self.forward(images)
        return cross_entropy(logits.float(), labels, label_smoothing=train.label_smoothing)

    def to_float(self, images: Images) -> Tensor:
        """uint8 images -> floats in [-1, 1] of the same shape, on the device."""
        return devices.send(torch.as_tensor(images), self.device).float() / 127.5 - 1

    def logits(self, images: Tensor, model: torch.nn.Module | None = None) -> Tensor:
        """fp32 logits [B, classes] of float images about [-1, 1], eval mode, no augmentation; differentiable in the
        images alone: what gradients by weights would need is not kept. Computed as ``guide_precision`` says.
        """
        bf16 = self.spec.guide_precision == "bf16"
        with frozen(model or self.guiding) as fixed, torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            return fixed(images.float()).float()

    @contextmanager
    def arithmetic(self) -> Iterator[None]:
        """fp32 products as ``guide_precision=tf32`` has them, for as long as the ``with`` block lasts; a gradient is to
        be taken within it too.
        """
        before = devices.tf32()
        devices.set_tf32(before or self.spec.guide_precision == "tf32")
        try:
            yield
        finally:
            devices.set_tf32(before)

    @torch.no_grad()
    def predict(self, images: Images, model: torch.nn.Module | None = None) -> Tensor:
        """fp32 logits [n, classes] of uint8 images, on the CPU."""
        model = model or self.guiding
        chunks = [images[i : i + self.chunk] for i in range(0, len(images), self.chunk)]
        with self.arithmetic():
            return torch.cat([self.logits(self.to_float(chunk), model).cpu() for chunk in chunks])

    def correct(self, split: AnySplit) -> Flags:
        """Was each image of a real split classified right, among the classes that split holds? [n] bool, on every rank.

        Chunk i of the split is looked at by rank i mod ranks.
        """
        batches, group = loading.SplitBatches(split, self.chunk), self.group
        readers = self.readers if isinstance(split, LazySplit) else 0
        numbers = range(group.rank, len(batches), group.size)
        flags, threads = [np.empty(0, bool)], bool(readers) and batches.holds(numbers)
        items = loading.stream(batches, numbers, readers, self.device.type == "cuda", threads)
        for number, images in zip(numbers, items):
            guesses = guesses_among(self.predict(images).numpy(), split.among)
            flags.append(guesses == split.labels[number * self.chunk : number * self.chunk + len(guesses)])
        by_rank = [np.frombuffer(data, bool) for data in group.all_gather(np.concatenate(flags).tobytes())]
        start_of = [number // group.size * self.chunk for number in range(len(batches))]
        return np.concatenate(
            [by_rank[number % group.size][start : start + self.chunk] for number, start in enumerate(start_of)]
        )

    def frozen_copy(self) -> Tensors:
        """A copy of the guiding model that training no longer touches."""
        return {key: value.detach().clone() for key, value in self.guiding.state_dict().items()}

    def model_of(self, weights: Tensors) -> torch.nn.Module:
        """A model holding frozen weights, in evaluation mode."""
        model = self.new_model()
        model.load_state_dict(weights)
        return model.eval()

    def digest(self) -> str:
        """Of the guiding weights: 32 hexadecimal digits."""
        return weights_digest(self.guiding.state_dict())

    def state(self) -> Tensors:
        """Everything training needs to go on, as flat tensors."""
        tensors = {f"model.{key}": value for key, value in self.model.state_dict().items()}
        for number, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{key}": value for key, value in slots.items()}
        if self.average is not None:
            tensors |= {f"average.{key}": value for key, value in self.average.state_dict().items()}
        return tensors

    def load(self, tensors: Tensors) -> None:
        """Go on from what ``state`` returned."""
        owned: dict[str, Tensors] = {"model": {}, "optimizer": {}, "average": {}}
        for key, value in tensors.items():
            owner, _, name = key.partition(".")
            owned[owner][name] = value
        self.model.load_state_dict(owned["model"])
        slots: dict[int, Tensors] = {}
        for key, value in owned["optimizer"].items():
            number, _, name = key.partition(".")
            slots.setdefault(int(number), {})[name] = value
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": slots})
        if self.average is not None:
            self.average.load_state_dict(owned["average"])


def weight_decay_groups(model: torch.nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters for AdamW: first those without weight decay (biases, and whatever has one dimension), then those with
    it; as ``timm.optim.param_groups_weight_decay``, whose import takes a second.
    """
    groups: dict[bool, list[torch.nn.Parameter]] = {False: [], True: []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decays = bool(weight_decay) and parameter.ndim > 1 and not name.endswith(".bias")
            groups[decays].append(parameter)
    by_decay = [(groups[False], 0.0), (groups[True], weight_decay)]
    return [{"params": parameters, "weight_decay": decay} for parameters, decay in by_decay if parameters]


@contextmanager
def frozen(model: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """The model with weights that take no gradient, for as long as the ``with`` block lasts."""
    trained = [weight for weight in model.parameters() if weight.requires_grad] if torch.is_grad_enabled() else []
    for weight in trained:
        weight.requires_grad_(False)
    try:
        yield model
    finally:
        for weight in trained:
            weight.requires_grad_(True)


def guesses_among(logits: np.ndarray, among: np.ndarray | None) -> Labels:
    """The most likely class of each row of [n, classes], among these labels where a split holds only some of them."""
    return logits.argmax(1) if among is None else np.asarray(among)[logits[:, among].argmax(1)]


def with_last(items: Iterable[Any]) -> Iterator[tuple[Any, bool]]:
    """(item, is it the last one?) of each."""
    items = iter(items)
    for item in items:
        for following in items:
            yield item, False
            item = following
        yield item, True


def weights_digest(state: Tensors) -> str:
    """Of names and values, in order of name: 32 hexadecimal digits."""
    h = hashlib.sha256()
    for key in sorted(state):
        h.update(key.encode())
        h.update(state[key].detach().cpu().contiguous().numpy().tobytes())
    return h.hexdigest()[:32]
