"""The classifier in training: a timm model, AdamW, and the schedule of the budget. It sees training images only."""

import hashlib
import math
from contextlib import nullcontext

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from dp_common.config import registry
from dp_common.config.specification import COOLDOWN, WARMUP
from dp_common.distributed import batch_share
from dp_common.distributed.process_group import SingleProcess
from dp_common.errors import BadInput, Problem, did_you_mean
from dp_common.seeds import derive
from dp_common.training_data import augmentation, loading


def lr_factor(progress):
    """Learning rate over its peak at a fraction of the budget: linear warm-up, constant, cosine cool-down to 0."""
    if progress < WARMUP:
        return progress / WARMUP
    if progress < 1 - COOLDOWN:
        return 1.0
    return (1 + math.cos(math.pi * (progress - 1 + COOLDOWN) / COOLDOWN)) / 2


def build(name, model_args, shape, classes):
    """A timm model for images of ``shape``. Raises BadInput for an unknown name or unfit arguments."""
    import timm

    from dp_common.learner import mlp  # noqa: F401  (it registers its model with timm)

    named = registry.learners().get(name)
    timm_name, args = (named["timm"], named["args"]) if named else (name, {})
    if not timm.is_model(timm_name):
        known = [*registry.learners(), *timm.list_models()]
        raise BadInput(
            "learner",
            name,
            f"one of {', '.join(registry.learners())}, or a timm model name.{did_you_mean(name, known)}",
        )
    args = dict(num_classes=classes, in_chans=shape[0]) | args | model_args
    try:
        try:
            return timm.create_model(timm_name, img_size=shape[1:], **args)
        except TypeError as error:
            if "img_size" not in str(error):
                raise
            return timm.create_model(timm_name, **args)  # convolutional: takes images of any size
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise BadInput(
            "learner", name, f"timm cannot build it for {shape} images: {registry.one_line(error)}"
        ) from error


def check_fits(name, model_args, shape, classes):
    """Does the model take one image of ``shape`` and answer with one logit per class? Raises BadInput."""
    model = build(name, model_args, shape, classes).eval()
    try:
        with torch.no_grad():
            answer = tuple(model(torch.zeros(1, *shape)).shape)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise BadInput("learner", name, f"cannot take {shape} images: {registry.one_line(error)}") from error
    if answer != (1, classes):
        raise BadInput("learner", name, f"answers with {answer}, not with {classes} logits an image")


class Learner:
    """Images go in as uint8 [B, C, H, W] (training, evaluation) or as floats about [-1, 1] (``logits``, differentiable).

    ``readers`` processes decode real images that are not in memory. The ranks of ``group`` train as one: each a share of the batch.
    """

    def __init__(self, spec, task, device, readers=0, group=SingleProcess()):
        self.spec, self.train_spec, self.device, self.readers, self.group = (
            spec,
            spec.train,
            torch.device(device),
            readers,
            group,
        )
        self.shape, self.classes = task.shape, len(task.classes)
        self.piece = max(16, min(512, 2**26 // int(np.prod(self.shape))))  # images per forward pass when evaluating
        self.reset()

    def reset(self):
        """The initial weights of the seed, shared by all its strategies, and no optimiser state."""
        from timm.optim import param_groups_weight_decay

        torch.manual_seed(derive(self.spec.seed, "weights"))
        self.model = build(self.spec.learner, self.train_spec.model_args, self.shape, self.classes).to(self.device)
        parallel = self.model
        if self.group.size > 1:
            parallel = DistributedDataParallel(self.model, [self.device] if self.device.type == "cuda" else None)
        self.forward = torch.compile(parallel) if self.train_spec.compile else parallel
        self.optimizer = torch.optim.AdamW(
            param_groups_weight_decay(self.model, self.train_spec.weight_decay), lr=0.0, fused=True
        )
        self.average = None
        if self.train_spec.ema:
            from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

            self.average = AveragedModel(
                self.model, multi_avg_fn=get_ema_multi_avg_fn(self.train_spec.ema), use_buffers=True
            )

    @property
    def guiding(self):
        """The one model behind guidance, scores, monitor and test."""
        averaged = self.average is not None and self.spec.guide_with == "ema"
        return (self.average.module if averaged else self.model).eval()

    def step(self, parts, seen):
        """One iteration at ``seen`` images of the budget; returns this rank's share of the mean loss as a tensor.

        ``parts``: (images, labels) of consecutive positions, together this rank's share of one batch; gradients of parts and ranks
        are added up, so that a batch larger than a device, or on several, is the same iteration (but for layers that look at the
        batch, such as BatchNorm).
        """
        train, ranks, total = self.train_spec, self.group.size, 0.0
        start, stop = batch_share.batch_slice(train, self.group.rank, ranks)
        at = seen + start
        for group in self.optimizer.param_groups:
            group["lr"] = train.lr * lr_factor((seen + train.batch) / train.seen)
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        for (images, labels), last in with_last(parts):
            torch.manual_seed(derive(self.spec.seed, "augment", at))  # drop-path and the like: a function of position
            with nullcontext() if last or ranks == 1 else self.forward.no_sync():
                loss = self.loss(self.to_float(images), torch.as_tensor(labels).to(self.device), at) * (
                    len(labels) / train.batch
                )
                (loss * ranks if ranks > 1 else loss).backward()  # DDP takes the mean over ranks
            at, total = at + len(labels), total + loss.detach()
        if at != seen + stop:
            raise ValueError(f"parts of {at - seen - start} images for a share of {stop - start}")
        if train.clip_grad:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), train.clip_grad)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        return total

    def agree(self):
        """Give every rank the first one's weights and buffers: sums may round differently, and BatchNorm sees its own images only."""
        if self.group.size > 1:
            for value in [
                *self.model.state_dict().values(),
                *(self.average.state_dict().values() if self.average else ()),
            ]:
                if (
                    value.device == self.device
                ):  # the average's count of updates stays on the CPU, which NCCL cannot reach
                    torch.distributed.broadcast(value, 0)

    def loss(self, images, labels, first):
        """Mean training loss of float images at positions first, first + 1, ..., mixed where the recipe mixes; fp32."""
        train = self.train_spec
        if train.mixup or train.cutmix:
            images, labels = augmentation.mixed(images, labels, first, self.spec.seed, train, self.classes)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.spec.precision == "bf16"):
            logits = self.forward(images)
        return cross_entropy(logits.float(), labels, label_smoothing=train.label_smoothing)

    def to_float(self, images):
        return torch.as_tensor(images).to(self.device, non_blocking=True).float() / 127.5 - 1

    def logits(self, images, model=None):
        """fp32 logits [B, classes] of float images about [-1, 1], eval mode, no augmentation; differentiable."""
        return (model or self.guiding)(images.float()).float()

    @torch.no_grad()
    def predict(self, images, model=None):
        """fp32 logits of uint8 images, on the CPU."""
        model = model or self.guiding
        pieces = [images[i : i + self.piece] for i in range(0, len(images), self.piece)]
        return torch.cat([self.logits(self.to_float(piece), model).cpu() for piece in pieces])

    def correct(self, split):
        """Was each image of a real split classified right, among the classes that split holds: [n] bool."""
        pieces, group = loading.Pieces(split, self.piece), self.group
        readers = self.readers if not hasattr(split, "images") else 0
        mine = range(group.rank, len(pieces), group.size)
        logits = [self.predict(images).numpy() for images in loading.stream(pieces, mine, readers)]
        guesses = [
            part.argmax(1) if split.among is None else np.asarray(split.among)[part[:, split.among].argmax(1)]
            for part in logits
        ]
        flags = [
            guess == split.labels[number * self.piece : number * self.piece + len(guess)]
            for number, guess in zip(mine, guesses)
        ]
        told = [
            np.frombuffer(data, bool)
            for data in group.all_gather(np.concatenate([*flags, np.empty(0, bool)]).tobytes())
        ]
        return np.concatenate(
            [
                told[number % group.size][number // group.size * self.piece :][: self.piece]
                for number in range(len(pieces))
            ]
        )

    def frozen_copy(self):
        """A copy of the guiding model that training no longer touches."""
        return {key: value.detach().clone() for key, value in self.guiding.state_dict().items()}

    def model_of(self, weights):
        """A model holding frozen weights."""
        model = build(self.spec.learner, self.train_spec.model_args, self.shape, self.classes).to(self.device)
        model.load_state_dict(weights)
        return model.eval()

    def digest(self):
        return weights_digest(self.guiding.state_dict())

    def state(self):
        """Everything training needs to go on, as flat tensors."""
        tensors = {f"model.{key}": value for key, value in self.model.state_dict().items()}
        for number, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{key}": value for key, value in slots.items()}
        if self.average is not None:
            tensors |= {f"average.{key}": value for key, value in self.average.state_dict().items()}
        return tensors

    def load(self, tensors):
        parts = {"model": {}, "optimizer": {}, "average": {}}
        for key, value in tensors.items():
            part, _, rest = key.partition(".")
            parts[part][rest] = value
        self.model.load_state_dict(parts["model"])
        slots = {}
        for key, value in parts["optimizer"].items():
            number, _, name = key.partition(".")
            slots.setdefault(int(number), {})[name] = value
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": slots})
        if self.average is not None:
            self.average.load_state_dict(parts["average"])


def with_last(items):
    """(item, is it the last one?) of each."""
    items = iter(items)
    for item in items:
        for following in items:
            yield item, False
            item = following
        yield item, True


def weights_digest(state):
    h = hashlib.sha256()
    for key in sorted(state):
        h.update(key.encode())
        h.update(state[key].detach().cpu().contiguous().numpy().tobytes())
    return h.hexdigest()[:32]


def torch_scalar(value):
    """An fp32 tensor: sums of losses go on from a stored one as if they had never stopped."""
    return torch.tensor(value, dtype=torch.float32)


def check_finite(loss, seen):
    if not math.isfinite(loss):
        raise Problem(f"the training loss became {loss} at {seen} images seen; lower train.lr or set train.clip_grad")
