"""Names for the arrays that travel through a run; the types cannot say shapes, these comments do."""

from typing import Any, NamedTuple

import numpy as np

Images = np.ndarray  # uint8 [n, C, H, W]
Labels = np.ndarray  # int64 [n], the class each image was made for, or that it has
Indices = np.ndarray  # int64 [n], of generated images (or rows of a real split)
Scores = np.ndarray  # float32 [n], higher: more wanted
Flags = np.ndarray  # bool [n]
Shape = tuple[int, ...]  # of one image: (C, H, W)
Tensors = dict[str, Any]  # {name: torch.Tensor}


class DecodedImages(NamedTuple):
    """Images as they are trained on and scored, with what they are."""

    images: Images
    labels: Labels
    indices: Indices


class EncodedImages(NamedTuple):
    """Images as they are stored: ``encoded`` files of PNG, JPEG or WebP, with what they are."""

    encoded: list[bytes]
    indices: Indices
    labels: Labels
    scores: Scores | None = None  # when they were added; None: nothing scored them
