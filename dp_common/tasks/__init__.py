"""Tasks: a classification problem with its real splits. One file each; the contract:

    class NAME:                    a dataclass; its fields are the keys ``<file name>.<field>``
        recipe                     {key: value} defaults this task gives to the other keys (budget, learner, ω, ...)
        classes                    class names, in label order
        shape                      (channels, height, width) of its images
        load(split)                read the data; afterwards the attributes train, monitor, test (Split) and
                                   shifted ({name: Split}) are there; train, monitor and test are disjoint
        fingerprint()              what identifies the real data; cheap, no torch
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class Split:
    """images [n, C, H, W] uint8 and labels [n] int64."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self):
        return len(self.labels)
