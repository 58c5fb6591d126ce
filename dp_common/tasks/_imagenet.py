"""ImageNet under ``data.root``: ``train/<wnid>/*.JPEG``, ``val/<wnid>/*.JPEG``, and the shifted test sets that are
beside them.

Real val is test. The learner sees synthetic images only, so monitor (what patience looks at) and ``train_heldout``
(what the paper calls held-out train) are drawn from real train. Lists of classes are timm's, read as text: importing
timm takes seconds.
"""

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from dp_common.config.options import option
from dp_common.contracts import TaskDefaults
from dp_common.errors import BadInput
from dp_common.files import package_folder
from dp_common.progress import note
from dp_common.real_images import image_files, splits
from dp_common.real_images.content import content
from dp_common.real_images.listing import brief, is_image
from dp_common.real_images.splits import AnySplit, RealData

IMAGES_A_CLASS, VAL_A_CLASS = 1281, 50  # of real train, on average, and of real val


class Shifted(NamedTuple):
    """A shifted test set of ImageNet."""

    folders: tuple[str, ...]  # under data.root, one of them
    source: str  # where it is from
    held: str = ""  # timm's list of the classes it holds; empty: all 1,000
    named_by: str = "wnid"  # what its class folders are named by: wnid, or index among the 1,000


SHIFTED = {
    "imagenet-v2": Shifted(
        ("imagenet-v2", "imagenetv2-matched-frequency-format-val"),
        "https://github.com/modestyachts/ImageNetV2",
        named_by="index",
    ),
    "imagenet-sketch": Shifted(("imagenet-sketch", "sketch"), "https://github.com/HaohanWang/ImageNet-Sketch"),
    "imagenet-r": Shifted(("imagenet-r",), "https://github.com/hendrycks/imagenet-r", "imagenet_r_synsets.txt"),
    "imagenet-a": Shifted(
        ("imagenet-a",), "https://github.com/hendrycks/natural-adv-examples", "imagenet_a_synsets.txt"
    ),
}
RECIPE: dict[str, Any] = {
    # the paper's
    "teacher": "stable-diffusion",
    "learner": "vit_base_patch16_224",
    "train.ema": 0.999,
    "dp.deadline": "none",
    "prune.deadline": "none",
    "train.label_smoothing": 0.11,
    "train.mixup": 0.5,
    "train.cutmix": 1.0,
    # unstated there; guesses after torchvision's recipe for ViT (so are the 16-pixel patches and 224 pixels of the
    # learner)
    "train.weight_decay": 0.3,
    "train.clip_grad": 1.0,
    "train.randaugment": 9,
    "train.crop": 0.08,
    "train.flip": True,
    "precision": "bf16",
    # what makes it fit: 10^5 and more images of this size, several times a day
    "train.order": "block",
    "train.micro": 128,
    "images.format": "jpeg",
    "readers": 8,
}


@dataclass
class ImageNetTask(RealData, TaskDefaults):
    """What the tasks of ImageNet share. Each adds ``recipe`` and ``wnids()``, its classes in label order."""

    size: int = option(
        224, "side of its images: the shorter side is resized to it, the longer one cut to it evenly", low=16, high=1024
    )
    monitor_images: int = option(10_000, "images of real train that patience looks at; no part of train", low=1)
    heldout_images: int = option(
        50_000, "images of train, at most, on which accuracy is reported as train_heldout; 0: all", low=0
    )
    reads: ClassVar[tuple[str, ...]] = ("data.root",)
    recipe: ClassVar[dict[str, Any]] = RECIPE

    def wnids(self) -> list[str]:
        """The WordNet ids of its classes, in label order."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, int, int]:
        """Square colour images."""
        return (3, self.size, self.size)

    @cached_property
    def classes(self) -> list[str]:
        """WordNet ids: names are not unique (two kinds of crane, two of maillot)."""
        return self.wnids()

    @cached_property
    def prompts(self) -> list[str]:
        """The first lemma of each class: the paper says that its prompts are class names, not which."""
        return [lemmas()[wnid].partition(",")[0] for wnid in self.classes]

    def sizes(self) -> dict[str, int]:
        """Real val has 50 images a class; of shifted sets only ``train_heldout`` is sure to be there."""
        train = IMAGES_A_CLASS * len(self.classes) - self.monitor_images
        held_out = min(self.heldout_images or sys.maxsize, train)
        test = VAL_A_CLASS * len(self.classes)
        return {"train": train - held_out, "monitor": self.monitor_images, "test": test, "shifted": held_out}

    def fingerprint(self) -> str:
        """Of the classes, and of the content of train, val and the shifted sets.

        Where train and val are not, of the classes alone, so that runs can be planned elsewhere.
        """
        root = Path(self.data.root)
        known: list[Any] = ["ILSVRC2012", self.classes]
        if all((root / part).is_dir() for part in ("train", "val")):
            sets = {part: content("data.root", root / part, self.classes) for part in ("train", "val")}
            for name in SHIFTED:
                if path := self._shifted_path(root, name):
                    sets[name] = content("data.root", path, self._shifted_labels(name))
            known.append({name: sorted(found.classes.items()) for name, found in sets.items()})
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:16]

    @staticmethod
    def _shifted_path(root: Path, name: str) -> Path | None:
        """Where a shifted set is, if it is there."""
        return next((root / folder for folder in SHIFTED[name].folders if (root / folder).is_dir()), None)

    def _shifted_labels(self, name: str) -> dict[str, int]:
        """{class folder: label} of a shifted set, of this task's classes."""
        known = SHIFTED[name]
        held = set(timm_lines(known.held)) if known.held else set(self.classes)
        if known.named_by == "wnid":
            return {wnid: label for label, wnid in enumerate(self.classes) if wnid in held}
        index_of = {wnid: str(index) for index, wnid in enumerate(timm_lines("imagenet_synsets.txt"))}
        return {index_of[wnid]: label for label, wnid in enumerate(self.classes) if wnid in held}

    def require_files(self) -> None:
        """Raise BadInput where train or val are not there."""
        root = Path(self.data.root)
        absent = [part for part in ("train", "val") if not (root / part).is_dir()]
        if absent:
            raise BadInput(
                "data.root", root, f"no folder {' nor '.join(str(root / part) for part in absent)}; {how_to_get(root)}"
            )

    def load(self, split: int) -> None:
        """Find train, val and the shifted sets, and draw monitor and train_heldout from train by the seed ``split``.

        Raises:
            BadInput: they are not there, or not all of them, or monitor leaves classes without images.
        """
        self.require_files()
        root, label_of = Path(self.data.root), {wnid: label for label, wnid in enumerate(self.classes)}
        real, val = (self._files(root / part, label_of, how_to_get(root)) for part in ("train", "val"))
        monitor = splits.stratified(real.labels, self.monitor_images, split, "data-monitor")
        rest = np.setdiff1d(np.arange(len(real)), monitor)
        if len(np.unique(real.labels[rest])) < len(self.classes):
            raise BadInput(
                f"{type(self).__module__.rpartition('.')[2]}.monitor_images",
                self.monitor_images,
                f"leaves some classes without images; {root / 'train'} has {len(real)} of them",
            )
        heldout = rest[splits.stratified(real.labels[rest], self.heldout_images or len(rest), split, "data-heldout")]
        self.test, self.monitor = self._cut(val, split), self._cut(real, split, monitor)
        self.train = self._cut(real, split, rest, lazy=True)  # not one is decoded before strategy=real asks
        held = self._cut(real, split, heldout, lazy=True)  # part of train: after strategy=real, training accuracy
        self.shifted = {"train_heldout": held, **self._shifted(root, split)}

    def _files(self, path: Path, label_of: dict[str, int], hint: str) -> image_files.Files:
        """The images of a set, and a note of what else is there; each of these class folders must hold one."""
        with os.scandir(path) as entries:
            loose = any(is_image(entry.name) and entry.is_file() for entry in entries)
        hint = f"its images lie loose, not in class folders: remove it; {hint}" if loose else hint
        files = image_files.Files("data.root", path, label_of, hint)
        there = set(files.labels.tolist())
        missing = [folder for folder, label in label_of.items() if label not in there]
        if missing:
            raise BadInput("data.root", self.data.root, f"{path} has no images of {brief(missing, 'class')}; {hint}")
        for line in files.beside:
            note(f"{path}: {line}")
        return files

    def _cut(
        self,
        files: image_files.Files,
        split: int,
        rows: np.ndarray | None = None,
        among: np.ndarray | None = None,
        lazy: bool = False,
    ) -> AnySplit:
        """These rows, or all, as many as data.limit lets."""
        rows = np.arange(len(files)) if rows is None else rows
        return files.split(rows[splits.balanced(files.labels[rows], self.data.limit, split)], self.shape, among, lazy)

    def _shifted(self, root: Path, split: int) -> dict[str, AnySplit]:
        """{name: split} of those that are there, of this task's classes only; the others are named on stderr."""
        found: dict[str, AnySplit] = {}
        absent = []
        for name, known in SHIFTED.items():
            path = self._shifted_path(root, name)
            if path is None:
                absent.append(f"{name} (no {' nor '.join(known.folders)}; {known.source})")
                continue
            label_of = self._shifted_labels(name)
            files = self._files(path, label_of, f"get it again from {known.source}")
            among = None if len(label_of) == len(self.classes) else np.array(list(label_of.values()))
            found[name] = self._cut(files, split, among=among)
        if absent:
            note(f"shifted sets not in {root} and not scored: {', '.join(absent)}")
        return found


@lru_cache
def lemmas() -> dict[str, str]:
    """{WordNet id: its lemmas}, of 21,843; read once, since a grid asks for each run."""
    return dict(line.split("\t") for line in timm_lines("imagenet_synset_to_lemma.txt"))


def timm_lines(name: str) -> list[str]:
    """The lines of one of timm's text files."""
    return (package_folder("timm") / "data/_info" / name).read_text().splitlines()


def how_to_get(root: Path) -> str:
    """What is expected there and how to make it, in one line."""
    prepare = f"from torchvision.datasets import ImageNet; [ImageNet({str(root)!r}, part) for part in ('train', 'val')]"
    return (
        "expected train/<wnid>/*.JPEG and val/<wnid>/*.JPEG there; with ILSVRC2012_img_train.tar, "
        "ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz in it, from https://image-net.org/download.php, "
        f'this unpacks and sorts them: python -c "{prepare}"'
    )
