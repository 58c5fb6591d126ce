"""Anybody's images: ``task=folder data.train=PATH data.test=PATH``, each one folder per class or tars of such folders.

The names of the class folders of ``data.train``, in natural order, are the labels; ``data.test`` has to hold the same
ones. Patience looks at a stratified share of ``data.train``. Without ``data.test``, a share of ``data.train`` is the
test set.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from dp_common.config.options import option
from dp_common.config.typed import count
from dp_common.contracts import TaskDefaults
from dp_common.errors import BadInput
from dp_common.progress import note
from dp_common.real_images import content, image_files, listing, splits
from dp_common.real_images.splits import AnySplit, RealData

SMALL_LEARNERS = ("vit-digits", "vit-digits-fine", "mlp-plane")
SMALL = {"train.seen": 128_000, "train.batch": 128, "train.lr": 2e-3, "train.label_smoothing": 0.0}  # as of digits
TINY, TINY_SIDE = {"teacher": "mixture", "learner": "vit-digits"}, 16
PHOTOGRAPHS, PHOTOGRAPH_SIDE = {"images.format": "jpeg", "train.order": "block"}, 128


@dataclass
class Folder(RealData, TaskDefaults):
    """Your own images, in one folder per class or tars of such folders: data.train=PATH data.test=PATH"""

    reads: ClassVar[tuple[str, ...]] = ("data.train", "data.test")
    recipe: ClassVar[dict[str, Any]] = {  # a start for some 10,000 small images; nobody's published setting
        "teacher": "unet",
        "learner": "resnet-small",
        "train.seen": 8_000 * 256,
        "train.batch": 256,
        "train.lr": 1e-3,
        "train.label_smoothing": 0.1,
    }

    @classmethod
    def recipe_of(cls, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """A small network has its own recipe, and tiny images a small network and a teacher that needs no training;
        photographs are stored as JPEG and streamed.
        """
        size = side_of(said.get("folder.size", cls.size))
        recipe = cls.recipe | (TINY if size <= TINY_SIDE else {})
        if str(said.get("learner", recipe["learner"])) in SMALL_LEARNERS:
            recipe = recipe | SMALL
        return recipe | (PHOTOGRAPHS if size >= PHOTOGRAPH_SIDE else {})

    size: int = option(
        32,
        "side of its square images: the shorter side is resized to it, the longer one cut to it evenly",
        low=4,
        high=1024,
    )
    channels: int = option(3, "3: RGB, 1: grey", choices=(1, 3))
    monitor_share: float = option(0.1, "share of data.train that patience looks at", above=0, high=0.5)
    test_share: float = option(
        0.2, "share of data.train that is the test set where data.test is empty", above=0, high=0.5
    )
    shifted_sets: str = option(
        "", "further test sets, NAME=PATH;NAME=PATH (or with commas), each of all classes or some", place=True
    )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Square images, grey or colour."""
        return (self.channels, self.size, self.size)

    @cached_property
    def classes(self) -> list[str]:
        """The names of the class folders of data.train, in natural order."""
        return list(self._listings["data.train"].classes)

    @property
    def prompts(self) -> list[str]:
        """The class names, without underscores."""
        return [name.replace("_", " ") for name in self.classes]

    def sizes(self) -> dict[str, int]:
        """By the listings and shares."""
        listed = {name: sum(map(len, found.classes.values())) for name, found in self._listings.items()}
        train = listed.pop("data.train")
        test = listed.pop("data.test", None) or round(self.test_share * train)
        left = train if self.data.test else train - test
        return {"monitor": round(self.monitor_share * left), "test": test, "shifted": sum(listed.values())}

    def fingerprint(self) -> str:
        """Of class, name and content of every image, wherever the sets are and whether in folders or tars."""
        known = {name: self._content(name).classes for name in self._listings}
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def _paths(self) -> dict[str, str]:
        """{key: path}, or for shifted sets {name: path}."""
        if not self.data.train:
            raise BadInput(
                "data.train", None, f"task=folder reads your own images; say where they are: {listing.LAYOUT}"
            )
        paths = {"data.train": self.data.train} | ({"data.test": self.data.test} if self.data.test else {})
        for part in filter(None, re.split("[;,]", self.shifted_sets)):
            name, equals, path = part.partition("=")
            if not equals or not re.fullmatch(r"[\w-]+", name) or name in (*paths, "train", "test", "monitor"):
                raise BadInput(
                    "folder.shifted_sets",
                    self.shifted_sets,
                    "NAME=PATH;NAME=PATH, each NAME once, of letters, digits, _ and -, not train, monitor or test",
                )
            paths[name] = path
        return paths

    @cached_property
    def _listings(self) -> dict[str, listing.Listing]:
        """{key or name: what is there} of every set. Raises BadInput where they do not fit together."""
        found = {name: listing.listing(key_of(name), path) for name, path in self._paths.items()}
        train = found["data.train"].classes
        if len(train) < 2:
            raise BadInput("data.train", self.data.train, f"at least two classes; there is {', '.join(train)}")
        for name, path in self._paths.items():
            held = found[name].classes
            unknown = [label for label in held if label not in train]
            if unknown:
                raise BadInput(
                    key_of(name), path, f"{listing.brief(unknown, 'class')} not in data.train={self.data.train}"
                )
            missing = [label for label in train if label not in held]
            if missing and name == "data.test":
                raise BadInput(
                    name, path, f"{listing.brief(missing, 'class')} of data.train={self.data.train} not there"
                )
        test = self.data.test
        if test and found["data.test"].classes == train:  # the same names and sizes
            if self._content("data.train").classes == self._content("data.test").classes:
                raise BadInput(
                    "data.test",
                    test,
                    f"holds the same files as data.train={self.data.train}: nothing would be held out",
                )
        return found

    def _content(self, name: str) -> content.Content:
        """What the images of a set are."""
        return content.content(key_of(name), self._paths[name])

    def load(self, split: int) -> None:
        """Find the images and divide data.train by the seed ``split``.

        Raises:
            BadInput: the sets do not fit together, too much of one is broken, or a share leaves a class without images.
        """
        label_of = {name: label for label, name in enumerate(self.classes)}
        files = {name: self._files(name, path, label_of) for name, path in self._paths.items()}

        def cut(files: image_files.Files, rows: np.ndarray | None = None, among: np.ndarray | None = None) -> AnySplit:
            rows = np.arange(len(files)) if rows is None else rows
            return files.split(rows[splits.balanced(files.labels[rows], self.data.limit, split)], self.shape, among)

        real = files["data.train"]
        rows = self._shares(real.labels, split)
        self.test = cut(files["data.test"]) if "data.test" in files else cut(real, rows["test"])
        self.monitor = splits.apart(cut(real, rows["monitor"]), self.test)
        self.train = splits.apart(cut(real, rows["train"]), self.test, self.monitor)
        self.shifted = {
            name: cut(files[name], among=self._among(name, label_of)) for name in files if not name.startswith("data.")
        }

    def _files(self, name: str, path: str, label_of: dict[str, int]) -> image_files.Files:
        """The images of a set, and a note of what else is there."""
        found = self._listings[name]
        files = image_files.Files(key_of(name), path, {known: label_of[known] for known in found.classes})
        listed = sum(map(len, found.classes.values()))
        if len(files) != listed:
            raise BadInput(
                key_of(name), path, f"{len(files)} of its {listed} images are found again: did it change just now?"
            )
        for line in files.beside:
            note(f"{path}: {line}")
        return files

    def _shares(self, labels: np.ndarray, split: int) -> dict[str, np.ndarray]:
        """Rows of data.train for train, monitor and, where there is no data.test, test.

        Each has every class. Raises BadInput.
        """
        rows, parts = np.arange(len(labels)), {}
        for part, share in (("test", self.test_share), ("monitor", self.monitor_share)):
            if part == "monitor" or not self.data.test:
                parts[part] = rows[splits.stratified(labels[rows], round(share * len(rows)), split, f"data-{part}")]
                rows = np.setdiff1d(rows, parts[part])
        parts["train"] = rows
        for part, chosen in parts.items():
            none = [self.classes[label] for label in np.setdiff1d(np.arange(len(self.classes)), labels[chosen])]
            key = "test_share" if part == "test" else "monitor_share"
            if none:
                raise BadInput(
                    f"folder.{key}",
                    getattr(self, key),
                    f"no image of {listing.brief(none, 'class')} is left for {part}; "
                    f"the smallest class in data.train={self.data.train} has {min(np.bincount(labels))}",
                )
        return parts

    def _among(self, name: str, label_of: dict[str, int]) -> np.ndarray | None:
        """Labels of the classes a shifted set holds; None if all."""
        held = self._listings[name].classes
        return (
            None
            if len(held) == len(label_of)
            else np.array([label for known, label in label_of.items() if known in held])
        )


def side_of(said: Any) -> int:
    """``folder.size`` as it was said; the default where it cannot be read, which is refused in its turn."""
    try:
        return count("folder.size", said)
    except BadInput:
        return Folder.size


def key_of(name: str) -> str:
    """The word of the command line that says where a set is."""
    return name if name.startswith("data.") else "folder.shifted_sets"
