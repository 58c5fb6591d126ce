"""Fitted mixtures, kept in the user's cache folder: each is fitted once on a machine, which for CIFAR-10 takes minutes.

What is kept is of the pixels and labels themselves, the settings, the versions of the libraries and the processor, on
all of which the last bits hang. A file that cannot be read or written is as good as none.
"""

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dp_common import files
from dp_common.persistence.provenance import cpu_model, installed
from dp_common.real_images.content import cache_folder

if TYPE_CHECKING:
    import numpy as np

VERSION = 1  # of the fit; raised with every change to it
LIBRARIES = ("numpy", "scipy", "scikit-learn")


def kept(
    pixels: "np.ndarray", labels: "np.ndarray", settings: Sequence[object], fit: "Callable[[], tuple[np.ndarray, ...]]"
) -> "tuple[np.ndarray, ...]":
    """The arrays that ``fit`` returns, from the memory where they are in it.

    Args:
        pixels: what it is fitted to.
        labels: likewise.
        settings: everything else that decides it.
        fit: does it.
    """
    memory = memory_of(pixels, labels, settings)
    known = recall(memory)
    if known:
        return known
    arrays = fit()
    if memory.is_absolute():
        try:
            memory.parent.mkdir(parents=True, exist_ok=True)
            files.write_atomic(memory, packed(arrays))
        except OSError:
            pass  # it is fitted again next time
    return arrays


def memory_of(pixels: "np.ndarray", labels: "np.ndarray", settings: Sequence[object]) -> Path:
    """The file that keeps this fit."""
    import numpy as np

    made_by = [VERSION, cpu_model(), *(installed(library) for library in LIBRARIES), pixels.shape, *settings]
    digest = hashlib.sha256(repr(made_by).encode())
    digest.update(np.ascontiguousarray(pixels).tobytes())
    digest.update(np.ascontiguousarray(labels).tobytes())
    return cache_folder() / "deliberate-practice-bench" / "mixture" / f"{digest.hexdigest()[:32]}.npz"


def packed(arrays: "tuple[np.ndarray, ...]") -> bytes:
    """A digest of the arrays, and they themselves."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, *arrays)
    content = buffer.getvalue()
    return hashlib.sha256(content).digest() + content


def recall(memory: Path) -> "tuple[np.ndarray, ...]":
    """The arrays that are kept; () where there are none, or they are damaged."""
    import numpy as np

    try:
        content = memory.read_bytes()
    except OSError:
        return ()
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        return ()
    with np.load(io.BytesIO(content[32:])) as found:
        return tuple(found[f"arr_{number}"] for number in range(len(found.files)))
