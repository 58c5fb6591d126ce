"""Tasks: a classification problem with its real splits. One file each (``_name.py``: shared parts, no tasks); the contract:

class NAME:                    a dataclass; its fields are the keys ``<file name>.<field>``
    recipe                     {key: value} defaults this task gives to the other keys (budget, learner, ω, ...)
    data                       the ``data.*`` keys (spec.Data), set before anything below is asked for
    classes                    class names, in label order; known without torch, so that a dry run is quick
    prompts                    optional: a text for each class, for teachers that read text; else the class names serve
    shape                      (channels, height, width) of its images, as stored and as the learner sees them
    load(split)                find the data; afterwards the attributes train, monitor, test (Split) and shifted
                               ({name: Split}) are there; train, monitor and test are disjoint. Raises BadInput, which
                               says what was looked for, where, and how to get it
    fingerprint()              what identifies the real data; cheap, no torch, and there before the data is
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass
class Split:
    """Real images in memory: images [n, C, H, W] uint8, labels [n] int64.

    ``among``: the labels its images are scored among (a shifted set may hold only some of the classes); None: all.
    """

    images: np.ndarray
    labels: np.ndarray
    among: np.ndarray | None = None

    def __len__(self):
        return len(self.labels)

    def read(self, rows):
        """The images of these rows: uint8 [len(rows), C, H, W]."""
        return self.images[rows]


@dataclass
class LazySplit:
    """Real images on disk, decoded when asked for: ``one(row) -> uint8 [C, H, W]``, safe to call in forked processes."""

    one: Callable
    labels: np.ndarray
    among: np.ndarray | None = None

    def __len__(self):
        return len(self.labels)

    def read(self, rows):
        return np.stack([self.one(int(row)) for row in rows])
