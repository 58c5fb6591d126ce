"""What a set of real images holds, found out cheaply: no timm, no torch, no decoding.

For class names and fingerprints, which a dry run asks for, and for finding the images that are then read
(image_files.py). A set is a folder with one folder per class, a .tar of such folders, or a folder of such .tars. An
image's class is the folder it lies in. Hidden files and folders (``.*``, and what systems make: ``__MACOSX``,
``@eaDir``, ``lost+found``, ...) are no part of it; what else is there and not read has a line (``beside``).
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


IGNORED = {  # what is in a set beside hidden files and is not read, and why
    "file": "not named like an image",
    "link": "links in a tar are not followed",
    "special file": "a pipe, socket or device",
    "sparse file": "pack it without holes",
    "other file": "only the Parquet files are read",
}


class Listing(NamedTuple):
    """What a set holds, hidden files apart."""

    classes: dict[str, list[tuple[str, int]]]  # {class: [(file, bytes)]}, classes in natural order, files sorted
    beside: list[str]  # a line for each kind of what is not read


class Entry(NamedTuple):
    """A file or folder of a set, by its path in it; of one that is a .tar, ``tar`` is that."""

    name: str  # a folder's ends with a slash
    size: int = 0
    kind: str = ""  # of IGNORED, if it is no folder and no plain file
    tar: Path | None = None
    offset: int = 0  # of its bytes in the tar


def listing(key: str, path: str | Path) -> Listing:
    """What the set at ``path`` holds.

    Args:
        key: the word of the command line that gave ``path``, for errors.
        path: a folder or a .tar.

    Raises:
        BadInput: there is no such set, or it is not laid out as one.
    """
    found = [
        entry if entry.tar or is_folder(entry) else entry._replace(size=size_of(Path(path) / entry.name))
        for entry in entries(key, path)
    ]
    images = [entry for entry in found if is_read(entry)]
    if not images:
        raise BadInput(
            key, path, f"no images there{but(found)}; expected {LAYOUT}, with images named *{', *'.join(EXTENSIONS)}"
        )
    folders = {os.path.dirname(image.name) for image in images}
    if "" in folders:
        loose = [image.name for image in images if "/" not in image.name]
        raise BadInput(key, path, f"{brief(loose, 'image')} in no class folder; expected {LAYOUT}")
    tops = sorted({os.path.dirname(folder) for folder in folders})
    if len(tops) > 1:
        places = brief([top or "." for top in tops], "folder")
        raise BadInput(key, path, f"class folders must lie side by side; theirs lie in {places}")
    inner = {entry.name[:-1] for entry in found if is_folder(entry)}
    empty = {folder for folder in inner if os.path.dirname(folder) == tops[0]} - folders
    if empty:
        raise BadInput(key, path, f"{brief(sorted(map(os.path.basename, empty)), 'class folder')} without an image")
    classes: dict[str, list[tuple[str, int]]] = {}
    for image in sorted(images):
        label, file = class_and_file(image.name)
        classes.setdefault(label, []).append((file, image.size))
    return Listing({name: classes[name] for name in sorted(classes, key=natural_key)}, beside(found))


def is_read(entry: Entry) -> bool:
    """Is it an image, by its name and kind?"""
    return is_image(entry.name) and not entry.kind


def is_folder(entry: Entry) -> bool:
    """Is it one?"""
    return entry.name.endswith("/")


def beside(found: Iterable[Entry]) -> list[str]:
    """What of a set is not read, a line for each kind: '1 link (a/x.png) ignored: links in a tar are not followed'."""
    names: dict[str, list[str]] = {kind: [] for kind in IGNORED}
    for entry in found:
        if not is_folder(entry) and not is_read(entry):
            names[entry.kind or "file"].append(entry.name)
    return [f"{brief(names[kind], kind)} ignored: {why}" for kind, why in IGNORED.items() if names[kind]]


def but(found: Iterable[Entry]) -> str:
    """' but 1 file (a.heic) ignored: ...', to say what there is where no image is; '' for nothing."""
    lines = beside(found)
    return f" but {'; '.join(lines)}" if lines else ""


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
        what = "neither a folder nor a file" if path.exists() else "no such folder or file"
        raise BadInput(key, path, f"{what}; expected {LAYOUT}")
    found = children(key, path)
    if any(kind == "folder" for _, kind in found):
        return []
    return [path / name for name, kind in found if name.endswith(".tar") and not kind]


def entries(key: str, path: str | Path) -> Iterator[Entry]:
    """Everything in a set that is not hidden, whatever it is; the sizes of files in folders are not looked at.

    Raises BadInput where it cannot be listed.
    """
    tars = tars_of(key, path)
    for tar in tars:
        for entry in in_tar(key, tar, alone=Path(path) == tar):
            if not hidden(entry.name):
                yield entry
    if Path(path) not in tars:
        of_set = {tar.name for tar in tars}
        yield from (entry for entry in walk(key, path) if entry.name not in of_set)


def walk(key: str, path: str | Path, below: str = "", above: tuple[str, ...] = ()) -> Iterator[Entry]:
    """All files and folders in a folder that are not hidden, named by their paths in it.

    Links are followed. Raises BadInput for one to a folder that it lies in, which would have no end.
    """
    here = os.path.realpath(os.path.join(path, below))
    if here in above:
        raise BadInput(key, path, f"{below[:-1]} is a link to a folder that it lies in: remove it")
    for name, kind in children(key, path, below):
        if kind != "folder":
            yield Entry(below + name, kind=kind)
        else:
            yield Entry(f"{below}{name}/")
            yield from walk(key, path, f"{below}{name}/", (*above, here))


def children(key: str, path: str | Path, below: str = "") -> list[tuple[str, str]]:
    """(name, kind as of ``kind_of``) of what lies in a folder and is not hidden, sorted. Raises BadInput."""
    try:
        with os.scandir(os.path.join(path, below)) as there:
            return sorted((entry.name, kind_of(entry)) for entry in there if not hidden(entry.name))
    except OSError as error:
        raise BadInput(key, path, f"{below or 'it'} cannot be read: {error.strerror}") from error


def kind_of(entry: os.DirEntry[str]) -> str:
    """folder, special file, or nothing for a file; a link is what it leads to, and a file that cannot be read where
    that is nowhere, or itself.
    """
    try:
        if entry.is_dir():
            return "folder"
        if not entry.is_file():
            entry.stat()
            return "special file"
    except OSError:
        pass
    return ""


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
                kind_in_tar(member),
                path,
                member.offset_data,
            )
            for member in tar
        )


def kind_in_tar(member: tarfile.TarInfo) -> str:
    """Why it is not read, of IGNORED; nothing for a plain file or a folder."""
    if member.issym() or member.islnk():
        return "link"
    if not member.isfile() and not member.isdir():
        return "special file"
    return "sparse file" if member.issparse() else ""


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
