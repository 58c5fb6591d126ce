"""What a set of real images holds, told cheaply: no timm, no torch, no decoding. For class names and fingerprints, which a dry run
asks for; the images are then read by timm's readers (_files.py), whose view of folders and tars this follows.

A set is a folder with one folder per class, a .tar of such folders, or a folder of such .tars. An image's class is the folder
it lies in. Hidden files and folders (``.*``, ``__MACOSX``) are no part of it.
"""

import os
import re
import tarfile
from functools import lru_cache
from pathlib import Path, PurePosixPath

from dp_common.config.registry import one_line
from dp_common.errors import BadInput

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")
LAYOUT = "one folder per class (PATH/cat/1.png), a .tar of such folders, or a folder of such .tars"


def listing(key, path):
    """``{class: [(file, bytes), ...]}`` of a set, classes in natural order, files sorted; and files that are no images by their
    name. Raises BadInput, in whose message ``key`` is the word of the command line that gave ``path``.
    """
    found = in_tars(key, path) if tars_of(key, path) else in_folder(path)
    found = [(name, size) for name, size in found if not hidden(name)]
    images = [(name, size) for name, size in found if is_image(name)]
    if not images:
        raise BadInput(key, path, f"no images there; expected {LAYOUT}, with images named *{', *'.join(EXTENSIONS)}")
    folders = {os.path.dirname(name) for name, _ in images}
    if "" in folders:
        loose = [name for name, _ in images if "/" not in name]
        raise BadInput(key, path, f"{brief(loose, 'image')} in no class folder; expected {LAYOUT}")
    tops = sorted({os.path.dirname(folder) for folder in folders})
    if len(tops) > 1:
        raise BadInput(
            key,
            path,
            f"class folders must lie side by side; theirs lie in {brief([top or '.' for top in tops], 'folder')}",
        )
    empty = {name[:-1] for name, _ in found if name.endswith("/") and os.path.dirname(name[:-1]) == tops[0]} - folders
    if empty:
        raise BadInput(key, path, f"{brief(sorted(map(os.path.basename, empty)), 'class folder')} without an image")
    classes = {}
    for name, size in sorted(images):
        classes.setdefault(os.path.basename(os.path.dirname(name)), []).append((os.path.basename(name), size))
    other = [name for name, _ in found if not name.endswith("/") and not is_image(name)]
    return {name: classes[name] for name in sorted(classes, key=natural_key)}, other


def tars_of(key, path):
    """The .tar files a set consists of; none: it is a folder of folders. Raises BadInput where there is no set at all."""
    path = Path(path)
    if path.is_file():
        if path.suffix.lower() != ".tar":
            raise BadInput(
                key, path, f"a file that is no .tar (compressed ones cannot be read in any order); expected {LAYOUT}"
            )
        return [path]
    if not path.is_dir():
        raise BadInput(key, path, f"no such folder or file; expected {LAYOUT}")
    with os.scandir(path) as entries:
        if any(entry.is_dir() and not hidden(entry.name) for entry in entries):
            return []
    return sorted(file for file in path.glob("*.tar") if not hidden(file.name))


def in_folder(path):
    """[(name, bytes)] of all files, and of folders with a slash at the end."""
    rows = []
    for folder, folders, files in os.walk(path, followlinks=True):
        prefix = os.path.relpath(folder, path).replace(os.sep, "/").removeprefix(".")
        prefix += "/" if prefix else ""
        rows += [(prefix + name, size_of(os.path.join(folder, name))) for name in files] + [
            (f"{prefix}{name}/", 0) for name in folders
        ]
    return rows


def size_of(path):
    try:
        return os.stat(path).st_size
    except OSError:
        return -1  # a link to nowhere: reading it is what fails, by its name


def in_tars(key, path):
    rows = []
    for tar in tars_of(key, path):
        try:
            status = tar.stat()
            rows += in_tar(str(tar), status.st_mtime_ns, status.st_size, alone=Path(path) == tar)
        except (tarfile.TarError, OSError, EOFError) as error:
            raise BadInput(key, tar, f"not a whole, uncompressed tar: {one_line(error)}") from error
    return rows


@lru_cache(maxsize=64)
def in_tar(path, changed, size, alone):
    """As in_folder; remembered until the file changes, since a sweep asks once per run."""
    with tarfile.open(path, "r:") as tar:
        return [
            (name_in_tar(path, member.name, alone) + ("/" if member.isdir() else ""), member.size)
            for member in tar
            if member.isfile() or member.isdir()
        ]


def name_in_tar(path, member, alone):
    """class/file of a member; images loose in one of several tars have that tar's name as their class, as timm reads them."""
    name = str(PurePosixPath(member)).removeprefix("/")
    return name if alone or "/" in name else f"{Path(path).stem}/{name}"


def is_image(name):
    return name.lower().endswith(EXTENSIONS)


def hidden(name):
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def natural_key(name):
    """Numbers in names count as numbers: 2 before 10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part) if place % 2 else part.lower()) for place, part in enumerate(parts)], name


def brief(names, what):
    """'7 images, such as a, b'; all of them up to five."""
    names = list(names)
    count = f"{len(names)} {what}{'' if len(names) == 1 else 'es' if what.endswith('s') else 's'}"
    return f"{count} ({', '.join(map(str, names[:5]))}{', ...' if len(names) > 5 else ''})"
