"""What scores look at beside logits (``NEEDS``): where it comes from, what it costs, what of the real world it saw.

One mechanism for guidance and selection: a ``Scorer`` is a score bound to its sources for one call of the lab. What
is the same for all images of the call (moments, memory, peers, heads, exemplars) is made once, before the first.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dp_common import device as devices
from dp_common.arrays import DecodedImages
from dp_common.config import registry
from dp_common.config.resolve import Resolved
from dp_common.config.specification import Spec
from dp_common.errors import BadInput, Problem
from dp_common.lab.context import RunContext
from dp_common.lab.kept_models import KeptModels
from dp_common.lab.static_checks import BLIND
from dp_common.learner.features import features_of, head_of, moments_of, peers_of, with_features
from dp_common.learner.heads import dropping, thinned, trained_heads
from dp_common.persistence.meter import Meter
from dp_common.real_images.splits import real_order
from dp_common.seeds import rank_of

INFORMED = ("reference", "density")  # by a model of the real images: information class I1
FEATURES = ("features", "moments", "memory", "peers", "exemplars")  # that are read where the logits are made


def needs_of(*scores: str) -> frozenset[str]:
    """Names of what these scores look at beside logits."""
    return frozenset(need for score in scores for need in registry.find("score", score).load().NEEDS)


def reference_is_trained(spec: Spec, teacher: Any) -> bool:
    """Is the reference a classifier, for want of a density that is known, or because that is asked for?"""
    return spec.reference.trained(teacher.knows_density)


def snapshots_kept(resolved: Resolved) -> int:
    """Evaluations whose weights a run keeps: as many as it has heads, where one of its scores looks at such."""
    heads = resolved.spec.heads
    asked = any("heads" in needs_of(name) for _, name, _ in resolved.scores)
    return heads.count if asked and heads.source == "snapshots" else 0


def check(resolved: Resolved) -> None:
    """Refuse scores and rules that look at what the learner's network does not have. Raises BadInput."""
    from dp_common.learner.build import build

    spec, task = resolved.spec, resolved.task
    network = (spec.learner, spec.train.model_args, task.shape, len(task.classes))
    for key, name, guides in resolved.scores:
        module = registry.find("score", name, key).load()
        if guides and module.BLIND:
            raise BadInput(key, name, BLIND)
        needs = frozenset(module.NEEDS)
        if needs & {*FEATURES, "heads"}:
            model = build(*network)
            if needs & set(FEATURES) or spec.heads.source == "epistemic":
                head_of(model, spec.learner, len(task.classes))
            elif spec.heads.source == "dropout":
                dropping(model, spec.learner)
    for plugin in resolved.plugins.values():
        if plugin.kind == "selection rule" and plugin.load().NEEDS:
            head_of(build(*network), spec.learner, len(task.classes))


class ScoreSources:
    """What there is to look at in one call of the lab.

    Args:
        run: What is worked with; its meter counts every forward pass.
        kept: The models beside the learner.
        model: The network that answers, such as a frozen one; None: the learner as it is.
    """

    def __init__(self, run: RunContext, kept: KeptModels, model: Any = None) -> None:
        self.run, self.kept, self.model = run, kept, model
        self.learner, self.teacher = run.models.learner, run.models.teacher
        self.meter = run.io.meter

    def scorer(self, score: str) -> "Scorer":
        """A score with all that it needs.

        Args:
            score: Its name.

        Raises:
            Problem: It needs what no key of the run told beforehand, or what there is not enough of yet.
        """
        needs = needs_of(score)
        self.require(score, needs)
        self.look_around(needs)
        return Scorer(registry.find("score", score).load(), needs, self)

    def require(self, score: str, needs: frozenset[str]) -> None:
        """Raises Problem where something is missing."""
        if "heads" not in needs or self.run.spec.heads.source != "snapshots":
            return
        if not self.run.snapshots:
            raise Problem(f"score {score} needs snapshots, which are kept where a key names it: option(plugin='score')")
        if self.model is not None:
            raise Problem(f"score {score} by a frozen learner: not with heads.source=snapshots; dropout or epistemic")
        if len(self.kept.snapshots) < 2:
            raise Problem(
                f"score {score} needs two evaluations on monitor before it, and there were {len(self.kept.snapshots)}: "
                "heads.source=dropout or epistemic, or a later addition"
            )

    def look_around(self, needs: frozenset[str]) -> None:
        """Make what is the same for all images of the call: on each rank alike, before images are shared out."""
        for need, name in (("moments", "moments"), ("memory", "memory"), ("peers", "peers"), ("exemplars", "shown")):
            if need in needs:
                getattr(self, name)
        if "heads" in needs and self.run.spec.heads.source == "epistemic":
            self.trained  # noqa: B018

    # ------------------------------------------------------------------ for each image, differentiable

    def look(
        self, images: Tensor, labels: Tensor, needs: frozenset[str], places: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Any]]:
        """(logits [B, C], what is needed by name) of images [B, C, H, W] about [-1, 1], labels [B], and places within
        their classes [B]; counted.
        """
        features = None
        self.meter.count(classifier_evaluations=len(images))
        if needs & set(FEATURES) or ("heads" in needs and self.run.spec.heads.source == "epistemic"):
            logits, features = with_features(self.learner, images, self.model)
        else:
            logits = self.learner.logits(images, self.model)
        makers: dict[str, Callable[[], Any]] = {
            "reference": lambda: self.reference(images),
            "heads": lambda: self.heads(images, logits, features),
            "features": lambda: features,
            "moments": lambda: self.moments,
            "memory": lambda: self.memory[:2],
            "peers": lambda: self.peers,
            "exemplars": lambda: self.dealt(labels, places),
            "density": lambda: self.teacher.log_density(images).gather(1, labels[:, None])[:, 0],
        }
        return logits, {need: makers[need]() for need in needs}

    def dealt(self, labels: Tensor, places: Tensor | None) -> Tensor:
        """[B, k, D] features of each image's exemplars, first the one that its place is dealt in turns."""
        k = self.shown.shape[1]
        turn = torch.zeros_like(labels) if places is None else places
        order = (turn[:, None] + torch.arange(k, device=labels.device)) % k
        return self.shown[labels[:, None], order]

    def reference(self, images: Tensor) -> Tensor:
        """[B, C] log-probabilities, up to a constant, by the density at equal priors or by the classifier."""
        if not reference_is_trained(self.run.spec, self.teacher):
            return self.teacher.log_density(images)
        self.count_passes(images, 1, 1)
        return self.learner.logits(images, self.kept.reference)

    def heads(self, images: Tensor, logits: Tensor, features: Tensor | None) -> Tensor:
        """[B, K, C] logits."""
        source, count, learner = self.run.spec.heads.source, self.run.spec.heads.count, self.learner
        if source == "epistemic":
            weights, biases = self.trained
            return torch.einsum("bd,kdc->bkc", features, weights) + biases
        if source == "snapshots":  # the newest is the learner as it is
            answers = [learner.logits(images, model) for model in self.kept.snapshots[:-1]] + [logits]
            self.count_passes(images, len(answers) - 1, len(answers) - 1)
            return torch.stack(answers, 1)
        self.count_passes(images, count, count - 1)
        model, answers = self.model or learner.guiding, []
        for number in range(count):
            with thinned(model, self.run.spec.learner, self.run.spec.seed, number):
                answers.append(learner.logits(images, model))
        return torch.stack(answers, 1)

    def count_passes(self, images: Tensor, forwards: int, gradients: int) -> None:
        """Passes beside the learner's own: forwards, and where a gradient will be taken so many backwards."""
        backwards = gradients * len(images) if images.requires_grad else 0
        self.meter.count(classifier_evaluations=forwards * len(images), gradients=backwards)

    # ------------------------------------------------------------------ once a call

    @cached_property
    def memory(self) -> tuple[Tensor, Tensor, np.ndarray]:
        """Features [M, D], labels [M] and indices [M] of the present training set."""
        features, labels, indices = [], [], []
        for _, decoded in self.run.data.training_set.chunks():
            self.meter.count(classifier_evaluations=len(decoded.images))
            features.append(features_of(self.learner, decoded.images, self.model))
            labels.append(torch.from_numpy(np.array(decoded.labels)))
            indices.append(decoded.indices)
        if not features:
            raise Problem("a score that looks at the training set, and that is empty")
        return torch.cat(features), torch.cat(labels).to(self.learner.device), np.concatenate(indices)

    def present(self) -> tuple[Tensor, Tensor]:
        """Features and labels of the present training set, none where it is empty."""
        if not len(self.run.data.training_set):
            width = head_of(self.learner.guiding, self.run.spec.learner, self.learner.classes).in_features
            return torch.empty(0, width), torch.empty(0, dtype=torch.int64)
        return self.memory[:2]

    def exemplars(self, per_class: int) -> tuple[Tensor, Tensor]:
        """Features and labels of the first ``per_class`` real images of each class, in the run's own order."""
        real = self.run.data.real
        rows = real_order(self.run.spec.seed, real.labels, per_class * self.learner.classes, "class")
        self.meter.count(classifier_evaluations=len(rows))
        features = features_of(self.learner, np.asarray(real.read(rows)), self.model)
        return features, torch.from_numpy(np.asarray(real.labels)[rows].astype(np.int64)).to(self.learner.device)

    @cached_property
    def shown(self) -> Tensor:
        """Features of the exemplars, [classes, k, D]."""
        features, of = self.exemplars(self.run.spec.exemplars.per_class)
        return torch.stack([features[of == label] for label in range(self.learner.classes)])

    @cached_property
    def moments(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of the features of the present training set; see ``learner.features.moments_of``."""
        return moments_of(*self.memory[:2], self.learner.classes)

    @cached_property
    def peers(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of the features of the present training set; see ``learner.features.peers_of``."""
        return peers_of(*self.memory, self.learner.classes, self.run.spec.seed)

    @cached_property
    def trained(self) -> tuple[Tensor, Tensor]:
        """Epistemic heads on the present training set."""
        spec, classes = self.run.spec, self.learner.classes
        return trained_heads(*self.memory, classes, spec.heads.count, spec.seed)


class Scorer:
    """A score bound to its sources: images in, scores out, differentiable."""

    def __init__(self, module: Any, needs: frozenset[str], sources: ScoreSources) -> None:
        self.module, self.needs, self.sources = module, needs, sources
        self.places = sources.learner.classes if "exemplars" in needs else 0

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """[B] of images [B, C, H, W] about [-1, 1] and labels [B], with ``places`` C of label + C place."""
        places = None
        if self.places:
            labels, places = labels % self.places, labels // self.places
        logits, found = self.sources.look(images, labels, self.needs, places)
        return self.module.score(logits, labels, **found)

    @torch.no_grad()
    def of_stored(self, decoded: DecodedImages, meter: Meter) -> Tensor:
        """[n] on the CPU, of stored images; ``meter`` counts what it takes."""
        learner, found, images, labels = self.sources.learner, [], decoded.images, np.array(decoded.labels)
        if self.places:
            labels = labels + self.places * rank_of(decoded.indices, self.places)
        self.sources.meter, usual = meter, self.sources.meter
        for start in range(0, len(images), learner.chunk):
            rows = slice(start, start + learner.chunk)
            of_rows = devices.send(torch.from_numpy(labels[rows]), learner.device)
            found.append(self(learner.to_float(images[rows]), of_rows).cpu())
        self.sources.meter = usual
        return torch.cat(found)


def informs(needs: Iterable[str]) -> bool:
    """Does any of this come from a model of the real images?"""
    return not set(INFORMED).isdisjoint(needs)
