"""ImageNet under ``data.root``: ``train/<wnid>/*.JPEG``, ``val/<wnid>/*.JPEG``, and the shifted test sets that are beside them.

Real val is test. The learner sees synthetic images only, so monitor (what patience looks at) and ``train_heldout`` (what the
paper calls held-out train) are drawn from real train. Lists of classes are timm's, read as text: importing timm takes seconds.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np

from dp_common.config.options import option
from dp_common.contracts import TaskDefaults
from dp_common.errors import BadInput
from dp_common.progress import note
from dp_common.real_images import image_files, splits
from dp_common.real_images.listing import brief, is_image

# name: (folders under data.root, timm's list of the classes it holds or None for all 1,000, what its folders are named by, where it is from)
SHIFTED = {
    "imagenet-v2": (
        ("imagenet-v2", "imagenetv2-matched-frequency-format-val"),
        None,
        "index",
        "https://github.com/modestyachts/ImageNetV2",
    ),
    "imagenet-sketch": (("imagenet-sketch", "sketch"), None, "wnid", "https://github.com/HaohanWang/ImageNet-Sketch"),
    "imagenet-r": (("imagenet-r",), "imagenet_r_synsets.txt", "wnid", "https://github.com/hendrycks/imagenet-r"),
    "imagenet-a": (
        ("imagenet-a",),
        "imagenet_a_synsets.txt",
        "wnid",
        "https://github.com/hendrycks/natural-adv-examples",
    ),
}
RECIPE = {
    # the paper's
    "teacher": "stable-diffusion",
    "learner": "vit_base_patch16_224",
    "train.ema": 0.999,
    "train.label_smoothing": 0.11,
    "train.mixup": 0.5,
    "train.cutmix": 1.0,
    # unstated there; guesses after torchvision's recipe for ViT (so are the 16-pixel patches and 224 pixels of the learner)
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
class ImageNetTask(TaskDefaults):
    """What the tasks of ImageNet share. Each adds ``recipe`` and ``wnids()``, its classes in label order."""

    size: int = option(
        224, "side of its images: the shorter side is resized to it, the longer one cut to it evenly", low=16, high=1024
    )
    monitor_images: int = option(10_000, "images of real train that patience looks at; no part of train", low=1)
    heldout_images: int = option(
        50_000, "images of train, at most, on which accuracy is reported as train_heldout; 0: all", low=0
    )
    recipe: ClassVar[dict] = RECIPE

    @property
    def shape(self):
        return (3, self.size, self.size)

    @cached_property
    def classes(self):
        """WordNet ids: names are not unique (two kinds of crane, two of maillot)."""
        return self.wnids()

    @cached_property
    def prompts(self):
        """The first lemma of each class: the paper says that its prompts are class names, not which."""
        lemmas = dict(line.split("\t") for line in told_by_timm("imagenet_synset_to_lemma.txt"))
        return [lemmas[wnid].partition(",")[0] for wnid in self.classes]

    def fingerprint(self):
        """Of the classes: that the images are the standard ones is taken for granted, so that it is there before they are."""
        return hashlib.sha256(json.dumps(["ILSVRC2012", self.classes]).encode()).hexdigest()[:16]

    def load(self, split):
        root, label_of = Path(self.data.root), {wnid: label for label, wnid in enumerate(self.classes)}
        absent = [part for part in ("train", "val") if not (root / part).is_dir()]
        if absent:
            raise BadInput(
                "data.root", root, f"no folder {' nor '.join(str(root / part) for part in absent)}; {how_to_get(root)}"
            )
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
        self.shifted = {
            "train_heldout": self._cut(real, split, heldout, lazy=True)
        }  # part of train: after strategy=real, training accuracy
        self.shifted |= self._shifted(root, split)

    def _files(self, path, label_of, hint):
        """Every one of these class folders must hold an image."""
        with os.scandir(path) as entries:
            loose = any(is_image(entry.name) and entry.is_file() for entry in entries)
        hint = f"its images lie loose, not in class folders: remove it; {hint}" if loose else hint
        files = image_files.Files("data.root", path, label_of, hint)
        there = set(files.labels.tolist())
        missing = [folder for folder, label in label_of.items() if label not in there]
        if missing:
            raise BadInput("data.root", self.data.root, f"{path} has no images of {brief(missing, 'class')}; {hint}")
        return files

    def _cut(self, files, split, rows=None, among=None, lazy=False):
        rows = np.arange(len(files)) if rows is None else rows
        return files.split(rows[splits.balanced(files.labels[rows], self.data.limit, split)], self.shape, among, lazy)

    def _shifted(self, root, split):
        """{name: split} of those that are there, of this task's classes only; the others are named on stderr."""
        label_of, found, absent = {wnid: label for label, wnid in enumerate(self.classes)}, {}, []
        index_of = {wnid: index for index, wnid in enumerate(told_by_timm("imagenet_synsets.txt"))}
        for name, (folders, held, named_by, source) in SHIFTED.items():
            path = next((root / folder for folder in folders if (root / folder).is_dir()), None)
            if path is None:
                absent.append(f"{name} (no {' nor '.join(folders)}; {source})")
                continue
            holds = set(told_by_timm(held)) & set(self.classes) if held else set(self.classes)
            folder_of = (lambda wnid: str(index_of[wnid])) if named_by == "index" else (lambda wnid: wnid)
            folders = {folder_of(wnid): label for wnid, label in label_of.items() if wnid in holds}
            files = self._files(path, folders, f"get it again from {source}")
            among = None if len(folders) == len(label_of) else np.array(list(folders.values()))
            found[name] = self._cut(files, split, among=among)
        if absent:
            note(f"shifted sets not in {root} and not scored: {', '.join(absent)}")
        return found


def told_by_timm(name):
    """Lines of one of timm's text files."""
    return (Path(find_spec("timm").submodule_search_locations[0]) / "data/_info" / name).read_text().splitlines()


def how_to_get(root):
    """One line."""
    prepare = f"from torchvision.datasets import ImageNet; [ImageNet({str(root)!r}, part) for part in ('train', 'val')]"
    return (
        f"expected train/<wnid>/*.JPEG and val/<wnid>/*.JPEG there; with ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar and "
        f'ILSVRC2012_devkit_t12.tar.gz in it, from https://image-net.org/download.php, this unpacks and sorts them: python -c "{prepare}"'
    )
