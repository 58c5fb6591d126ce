"""What follows from the real images and takes time to find out, kept in the user's cache folder: fitted mixtures,
stratified splits. Each is found out once on a machine, which for a mixture of CIFAR-10 takes minutes, and for any
spares the import of scikit-learn.

It is kept by the arrays it follows from, the settings, the versions of the libraries and the processor, on all of
which the last bits hang. A file that cannot be read or written is as good as none.
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

VERSION = 1  # raised with every change to what is kept under the same settings
LIBRARIES = ("numpy", "scipy", "scikit-learn")


def kept(
    what: str,
    given: "Sequence[np.ndarray]",
    settings: Sequence[object],
    find: "Callable[[], Sequence[np.ndarray]]",
) -> "tuple[np.ndarray, ...]":
    """The arrays that ``find`` returns, from the memory where they are in it.

    Args:
        what: a word for what they are.
        given: the arrays they follow from.
        settings: everything else that decides them.
        find: finds them.
    """
    memory = memory_of(what, given, settings)
    known = recall(memory)
    if known:
        return known
    arrays = tuple(find())
    if memory.is_absolute():
        try:
            memory.parent.mkdir(parents=True, exist_ok=True)
            files.write_atomic(memory, packed(arrays))
        except OSError:
            pass  # it is fitted again next time
    return arrays


def memory_of(what: str, given: "Sequence[np.ndarray]", settings: Sequence[object]) -> Path:
    """The file that keeps this."""
    import numpy as np

    shapes = [(array.shape, str(array.dtype)) for array in given]
    made_by = [VERSION, cpu_model(), *(installed(library) for library in LIBRARIES), shapes, *settings]
    digest = hashlib.sha256(repr(made_by).encode())
    for array in given:
        digest.update(np.ascontiguousarray(array).tobytes())
    return cache_folder() / "deliberate-practice-bench" / what / f"{digest.hexdigest()[:32]}.npz"


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
