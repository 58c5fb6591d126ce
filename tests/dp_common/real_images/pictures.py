"""Sets of images for tests, made on the spot."""

import io
import tarfile

import numpy as np
from PIL import Image


def noise(seed, size=(12, 12), bands=3):
    return np.random.default_rng(seed).integers(0, 256, (*size, bands), np.uint8)


def tree(folder, counts, seed=0, ending="png"):
    """{class: n} -> folder/class/000.png ..., each another image."""
    number = seed * 100_000
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for place in range(count):
            Image.fromarray(noise(number)).save(folder / name / f"{place:03d}.{ending}")
            number += 1
    return folder


def tar_of(folder, path, prefix="", keep=lambda name: True):
    with tarfile.open(path, "w") as tar:
        for file in sorted(folder.rglob("*"), reverse=True):
            name = str(file.relative_to(folder))
            if file.is_file() and keep(name):
                tar.add(file, prefix + name)
    return path


def saved(image, kind, **words):
    buffer = io.BytesIO()
    image.save(buffer, kind, **words)
    return buffer.getvalue()


def pixels(split):
    """The bytes of each image of a split."""
    return [image.tobytes() for image in split.read(np.arange(len(split)))]


def rows(split):
    """The (bytes, label) of each image of a split in memory."""
    return {(image.tobytes(), int(label)) for image, label in zip(split.images, split.labels)}
