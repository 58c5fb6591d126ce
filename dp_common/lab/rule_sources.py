"""What selection rules look at beside scores (``NEEDS``): features of the candidates, of the present set, of real
images.

Features are taken when a candidate is at hand, and put away beside the state of the scan that holds its score: one
``features-<call>-<candidates>.npy`` for each ``partial`` file, there before the line that names that.
"""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from dp_common import files
from dp_common.arrays import DecodedImages, Indices, Labels
from dp_common.errors import Damaged
from dp_common.lab.score_sources import ScoreSources
from dp_common.learner.features import features_of

Needed = Callable[[np.ndarray, int | None], dict[str, np.ndarray]]  # (rows of a group, its class or None) -> by name


class RuleSources:
    """What there is to look at in one call of ``select``.

    Args:
        needs: Names: ``features``, ``present``, ``real``.
        real_per_class: Real images of each class that are looked at.
        sources: Of the call's scores.
        call: Its number.
    """

    def __init__(self, needs: tuple[str, ...], real_per_class: int, sources: ScoreSources, call: int) -> None:
        self.needs, self.real_per_class, self.sources, self.call = needs, real_per_class, sources, call
        self.found: dict[int, list[np.ndarray]] = {}  # features by index, of candidates since the last state

    def look(self, decoded: DecodedImages) -> None:
        """Take the features of candidates at hand, counted."""
        if "features" in self.needs:
            self.sources.meter.count(classifier_evaluations=len(decoded.indices))
            features = features_of(self.sources.learner, decoded.images).cpu().numpy()
            for index, row in zip(decoded.indices.tolist(), features):  # a real image may have the index of another
                self.found.setdefault(index, []).append(row)

    def put_away(self, indices: Indices) -> None:
        """Write those of a state's candidates, [n], in its order."""
        if "features" in self.needs:
            buffer = io.BytesIO()
            np.save(buffer, np.stack([self.found[index].pop(0) for index in indices.tolist()]))
            files.write_atomic(self.path(indices), buffer.getvalue())
            self.found = {}

    def path(self, indices: Indices) -> Any:
        """Where the features of a state's candidates are."""
        tag = files.digest(np.ascontiguousarray(indices, np.int64).tobytes())[:16]
        return self.sources.run.io.folder / f"features-{self.call:06d}-{tag}.npy"

    def needed(self, states: list[Indices]) -> Needed:
        """What a rule is given for a group, by the rows of the candidates of all ``states``, one after the other.

        Raises:
            Damaged: A state's features are not there.
        """
        given: dict[str, Any] = {}
        if "features" in self.needs:
            paths = [self.path(indices) for indices in states]
            for path in paths:
                if not path.exists():
                    raise Damaged(f"{path}: features of a selection's candidates are gone; delete the run's folder")
            given["features"] = np.concatenate([np.load(path) for path in paths])
        with self.sources.run.io.meter.phase("score"):
            if "present" in self.needs:
                given["present"] = columns(*self.sources.present())
            if "real" in self.needs:
                given["real"] = columns(*self.sources.exemplars(self.real_per_class))

        def of_group(rows: np.ndarray, label: int | None) -> dict[str, np.ndarray]:
            found = {}
            for need in self.needs:
                if need == "features":
                    found[need] = given[need][rows]
                else:
                    features, labels = given[need]
                    found[need] = features if label is None else features[labels == label]
            return found

        return of_group


def columns(features: torch.Tensor, labels: torch.Tensor) -> tuple[np.ndarray, Labels]:
    """Features [n, D] and labels [n] on the CPU."""
    return features.cpu().numpy(), labels.cpu().numpy()
