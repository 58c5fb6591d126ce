"""What a set of real images holds, found out cheaply: no timm, no torch, no decoding.

For class names and fingerprints, which a dry run asks for, and for finding the images that are then read
(image_files.py). A set is a folder with one folder per class, a .tar of such folders, or a folder of such .tars. An
image's class is the folder it lies in. Hidden files and folders (``.*``, and what systems make: ``__MACOSX``,
``@eaDir``, ``lost+found``, ...) are no part of it.
"""

import os
import re
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from dp_common.config.registry import one_line
from dp_common.errors import BadInput

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")
OF_SYSTEMS = (  # folders that file systems, file servers and Python make by themselves
    "__MACOSX",
    "@eaDir",
    "#recycle",
    "#snapshot",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    "__pycache__",
)
LONGEST_NAME = 240  # bytes; 255 are allowed
LAYOUT = "one folder per class (PATH/cat/1.png), a .tar of such folders, or a folder of such .tars"


class Listing(NamedTuple):
    """What a set holds, hidden files apart."""

    classes: dict[str, list[tuple[str, int]]]  # {class: [(file, bytes)]}, classes in natural order, files sorted
    others: list[str]  # files that are no images by their name
    links: list[str]  # links in tars, symbolic or hard, which nobody follows


class Entry(NamedTuple):
    """A file or folder of a set, by its path in it; of one that is a .tar, ``tar`` is that."""

    name: str  # a folder's ends with a slash
    size: int
    tar: Path | None = None
    member: str = ""  # its name in the tar
    link: bool = False
    offset: int = 0  # of its bytes in the tar


def listing(key: str, path: str | Path) -> Listing:
    """What the set at ``path`` holds.

    Args:
        key: the word of the command line that gave ``path``, for errors.
        path: a folder or a .tar.

    Raises:
        BadInput: there is no such set, or it is not laid out as one.
    """
    found = [entry for entry in entries(key, path) if not hidden(entry.name)]
    links = [entry.name for entry in found if entry.link]
    images = [entry for entry in found if is_image(entry.name) and not entry.link]
    if not images:
        aside = f" but {brief(links, 'link')}, which are not followed in a tar" if links else ""
        raise BadInput(
            key, path, f"no images there{aside}; expected {LAYOUT}, with images named *{', *'.join(EXTENSIONS)}"
        )
    folders = {os.path.dirname(image.name) for image in images}
    if "" in folders:
        loose = [image.name for image in images if "/" not in image.name]
        raise BadInput(key, path, f"{brief(loose, 'image')} in no class folder; expected {LAYOUT}")
    tops = sorted({os.path.dirname(folder) for folder in folders})
    if len(tops) > 1:
        places = brief([top or "." for top in tops], "folder")
        raise BadInput(key, path, f"class folders must lie side by side; theirs lie in {places}")
    inner = {entry.name[:-1] for entry in found if entry.name.endswith("/")}
    empty = {folder for folder in inner if os.path.dirname(folder) == tops[0]} - folders
    if empty:
        raise BadInput(key, path, f"{brief(sorted(map(os.path.basename, empty)), 'class folder')} without an image")
    classes: dict[str, list[tuple[str, int]]] = {}
    for image in sorted(images):
        label, file = class_and_file(image.name)
        classes.setdefault(label, []).append((file, image.size))
    others = [
        entry.name for entry in found if not entry.name.endswith("/") and not entry.link and not is_image(entry.name)
    ]
    return Listing({name: classes[name] for name in sorted(classes, key=natural_key)}, others, links)


def class_and_file(name: str) -> tuple[str, str]:
    """("cat", "1.png") of some/where/cat/1.png."""
    folder, _, file = name.rpartition("/")
    return folder.rpartition("/")[2], file


def tars_of(key: str, path: str | Path) -> list[Path]:
    """The .tar files a set consists of; none: it is a folder of folders. Raises BadInput where there is no set at
    all.
    """
    path = Path(path)
    if path.is_file():
        if path.suffix.lower() != ".tar":
            raise BadInput(
                key, path, f"a file that is no .tar (compressed ones cannot be read in any order); expected {LAYOUT}"
            )
        return [path]
    if not path.is_dir():
        raise BadInput(key, path, f"no such folder or file; expected {LAYOUT}")
    with os.scandir(path) as there:
        if any(entry.is_dir() and not hidden(entry.name) for entry in there):
            return []
    return sorted(file for file in path.glob("*.tar") if not hidden(file.name))


def entries(key: str, path: str | Path) -> list[Entry]:
    """Everything in a set, whatever it is. Raises BadInput where it cannot be listed."""
    tars = tars_of(key, path)
    if tars:
        return [entry for tar in tars for entry in in_tar(key, tar, alone=Path(path) == tar)]
    return [Entry(name, size_of(Path(path) / name) if not name.endswith("/") else 0) for name in walk(key, path)]


def walk(key: str, path: str | Path, below: str = "", above: tuple[str, ...] = ()) -> Iterator[str]:
    """Names of all files and folders in a folder, as paths in it, folders with a slash at the end; hidden ones are
    not entered.

    Links are followed. Raises BadInput for one to a folder that it lies in, which would have no end.
    """
    here = os.path.realpath(os.path.join(path, below))
    if here in above:
        raise BadInput(key, path, f"{below[:-1]} is a link to a folder that it lies in: remove it")
    try:
        with os.scandir(here) as there:
            found = sorted((entry.name, is_folder(entry)) for entry in there)
    except OSError as error:
        raise BadInput(key, path, f"{below or 'it'} cannot be read: {error.strerror}") from error
    for name, folder in found:
        if not folder:
            yield below + name
        elif not hidden(name):
            yield f"{below}{name}/"
            yield from walk(key, path, f"{below}{name}/", (*above, here))


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Is it a folder, or a link to one? A link to nowhere or to itself is a file that cannot be read."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def size_of(path: Path) -> int:
    """Bytes of a file; -1 for a link to nowhere: reading it is what fails, by its name."""
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


def in_tar(key: str, tar: Path, alone: bool) -> tuple[Entry, ...]:
    """Everything in one .tar; ``alone``: it is the whole set. Raises BadInput where it is not whole."""
    try:
        status = tar.stat()
        return members(tar, status.st_mtime_ns, status.st_size, alone)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadInput(key, tar, f"not a whole, uncompressed tar: {one_line(error)}") from error


@lru_cache(maxsize=64)
def members(path: Path, changed: int, size: int, alone: bool) -> tuple[Entry, ...]:
    """The members of a .tar; remembered until the file changes, since a sweep asks once per run."""
    with tarfile.open(path, "r:") as tar:
        return tuple(
            Entry(
                name_in_tar(path, member.name, alone) + ("/" if member.isdir() else ""),
                member.size,
                path,
                member.name,
                member.issym() or member.islnk(),
                member.offset_data,
            )
            for member in tar
            if member.isfile() or member.isdir() or member.issym() or member.islnk()
        )


def name_in_tar(path: str | Path, member: str, alone: bool) -> str:
    """class/file of a member; images loose in one of several tars have that tar's name as their class, as timm reads
    them.
    """
    name = str(PurePosixPath(member)).removeprefix("/")
    return name if alone or "/" in name else f"{Path(path).stem}/{name}"


def is_image(name: str) -> bool:
    """Is it one by its name?"""
    return name.lower().endswith(EXTENSIONS)


def hidden(name: str) -> bool:
    """Is any part of a path hidden?"""
    return any(part.startswith(".") or part in OF_SYSTEMS for part in name.split("/"))


def natural_key(name: str) -> tuple[list[str | int], str]:
    """What to sort by, so that numbers in names count as numbers: 2 before 10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part) if index % 2 else part.lower()) for index, part in enumerate(parts)], name


def safe_name(name: str) -> str:
    """A name as every usual file system takes it, with room for a number before it."""
    safe = "".join("_" if letter in '/\\:*?"<>|' or not letter.isprintable() else letter for letter in name).strip()
    while len(os.fsencode(safe)) > LONGEST_NAME:
        safe = safe[:-1]
    return safe


def folder_names(classes: Sequence[str]) -> list[str]:
    """A folder for each class: its name, if all are names of folders and differ, else label and name of each."""
    safe = [safe_name(name) for name in classes]
    plain = safe == list(classes) and len({name.casefold() for name in safe}) == len(safe)
    if plain and not any(not name or hidden(name) for name in safe):
        return safe
    width = len(str(len(safe) - 1))
    return [f"{label:0{width}d}_{name}" for label, name in enumerate(safe)]


def brief(names: Iterable[object], what: str) -> str:
    """'7 images (a, b, c, d, e, ...)'; all of them up to five."""
    names = list(names)
    count = f"{len(names)} {what}{'' if len(names) == 1 else 'es' if what.endswith('s') else 's'}"
    return f"{count} ({', '.join(map(str, names[:5]))}{', ...' if len(names) > 5 else ''})"


def first_of(names: Sequence[str]) -> str:
    """'a, b, c, d, e, ...'; all of them up to five."""
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
