"""What a run keeps beside the learner it trains: a frozen one, the reference, the learner at its last evaluations.

All of it lies in the checkpoint, so that a resumed run has it as it was.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from dp_common.arrays import Tensors
from dp_common.learner.classifier import Learner, weights_digest

UNFINISHED = "unfinished"
LEARNER = ("model", "optimizer", "average")  # what the names of a learner's own tensors begin with


@dataclass
class KeptModels:
    """Models in evaluation mode; None, or none, where there is no such."""

    frozen: Any = None  # kept by ``freeze``
    reference: Any = None  # trained on the real images
    snapshots: list[Any] = field(default_factory=list)  # at the last evaluations, the newest last
    unfinished: Tensors | None = None  # of the reference, where an attempt ended in its training; see ``midway_of``

    def keep_snapshot(self, learner: Learner, most: int) -> None:
        """Keep the guiding weights as they are, beside the last ``most`` − 1."""
        self.snapshots = [*self.snapshots, deepcopy(learner.guiding)][-most:]

    def named(self) -> dict[str, Any]:
        """{name: model} of all of them."""
        single = {name: model for name in ("frozen", "reference") if (model := getattr(self, name)) is not None}
        return single | {f"snapshot-{number}": model for number, model in enumerate(self.snapshots)}

    def tensors(self) -> Tensors:
        """All of it, flat."""
        return {f"{name}.{key}": value for name, model in self.named().items() for key, value in state(model)}

    def digest(self) -> str:
        """Of what new images may depend on beside the learner; "" where that is nothing."""
        kept = {name: weights_digest(dict(state(model))) for name, model in self.named().items() if name != "frozen"}
        return "".join(f"{name}:{digest} " for name, digest in kept.items())


def midway_of(reference: Learner) -> Tensors:
    """What a checkpoint in the middle of the reference's training holds of it."""
    return {f"{UNFINISHED}.{key}": value for key, value in reference.state().items()}


def state(model: Any) -> Any:
    """(key, tensor) pairs of a model."""
    return model.state_dict().items()


def split_checkpoint(tensors: Tensors, learner: Learner) -> tuple[Tensors, KeptModels]:
    """(what ``learner.load`` takes, the models beside it) of the tensors of a checkpoint."""
    own: Tensors = {}
    others: dict[str, Tensors] = {}
    for name, value in tensors.items():
        owner, _, key = name.partition(".")
        if owner in LEARNER:
            own[name] = value
        else:
            others.setdefault(owner, {})[key] = value
    unfinished = others.pop(UNFINISHED, None)
    models = {name: learner.model_of(weights) for name, weights in others.items()}
    numbers = sorted(int(name.partition("-")[2]) for name in models if name.startswith("snapshot-"))
    snapshots = [models[f"snapshot-{number}"] for number in numbers]
    return own, KeptModels(models.get("frozen"), models.get("reference"), snapshots, unfinished)
