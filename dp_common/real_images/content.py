"""What the images of a set are, by content: a digest of each class, and which files look broken.

Data is identified by content, wherever it lies and whatever its dates: a moved, copied or packed set is the same one,
a set with one file overwritten is another. Reading all of ImageNet at every dry run is no way to find that out, so
what was read is remembered: each folder of images and each .tar is read again only if names, sizes, times or inodes in
it have changed. The memory is one small file per set in the user's cache folder (``$XDG_CACHE_HOME``, else
``~/.cache``), never inside the data; one that cannot be written or read is as good as none.

Of a file of up to 128 KiB all bytes are hashed, as of larger ones whose pixels are stored one by one (BMP, PNM, TIFF).
Of larger compressed ones it is the size and the first and last 64 KiB: a picture that was changed in between has
another size, but for one in millions, and ten thousand photographs are read in a minute rather than an hour.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dp_common import files
from dp_common.progress import Progress
from dp_common.real_images.listing import Entry, class_and_file, entries, is_read
from dp_common.real_images.structure import looks_whole, stores_pixels

END = 2**16  # bytes read of each end of a large compressed file
READERS = 16  # threads: to open a file of a network takes longer than to hash it
RACY = 2.0  # seconds: what was written a moment ago may be written again with the same times, and is not remembered
SLOW = 1.0  # seconds: what took longer is taken as it was for ten times as long, by this process
SAVE_EVERY = 30.0  # seconds, of a long reading
MANY = 10_000  # images: progress is shown of so many
VERSION = 1  # of what is remembered


@dataclass
class Content:
    """What a set holds, in whatever order and packing.

    Attributes:
        classes: {class: [images, sum of their digests modulo 2^128]}.
        suspects: names of images that look cut off, are none, or cannot be read.
    """

    classes: dict[str, list[int]] = field(default_factory=dict)
    suspects: set[str] = field(default_factory=set)

    def add(self, label: str, count: int, total: int) -> None:
        """Count ``count`` images of a class in, whose digests sum to ``total``."""
        known = self.classes.setdefault(label, [0, 0])
        known[:] = known[0] + count, (known[1] + total) % 2**128


Part = dict[str, Any]  # of a set, as it is remembered: {"cue", "classes", "suspects"}
recent: dict[Any, tuple[float, Content]] = {}  # {what was asked for: (until when it is good, content)}


def content(key: str, path: str | Path, labels: Collection[str] | None = None) -> Content:
    """What the set at ``path`` holds; what is not read (listing.py) is no part of it.

    Args:
        key: the word of the command line that gave ``path``, for errors.
        path: a folder or a .tar.
        labels: the classes that count; None: all.

    Raises:
        BadInput: it cannot be listed.
    """
    asked = os.path.realpath(path), None if labels is None else frozenset(labels)
    if asked in recent and time.monotonic() < recent[asked][0]:
        return recent[asked][1]
    since = time.monotonic()
    found = Reading(key, path, labels).content()
    took = time.monotonic() - since
    if took > SLOW:
        recent[asked] = time.monotonic() + 10 * took, found
    return found


def remembered(place: str, cue: str, find: Callable[[], str]) -> str:
    """What ``find`` found when ``cue`` was as it is, of the files that ``cue_of`` made it of; else it is found again.

    Args:
        place: what is remembered, of which real path.
        cue: see ``cue_of``.
        find: finds it out by reading the files.
    """
    memory = memory_of(place)
    known = recall(memory).get("found", {})
    if known.get("cue") == cue:
        return str(known["value"])
    began = time.time()
    value = find()
    newest = int(cue.partition(" ")[0])
    if 0 <= newest <= (began - RACY) * 1e9 and memory.is_absolute():
        try:
            memory.parent.mkdir(parents=True, exist_ok=True)
            parts = {"found": {"cue": cue, "value": value}}
            files.write_atomic(memory, json.dumps({"version": VERSION, "parts": parts}).encode())
        except OSError:
            pass  # it is found again next time
    return value


class Reading:
    """Finds the content of one set, by what is remembered of it and by reading the rest."""

    def __init__(self, key: str, path: str | Path, labels: Collection[str] | None) -> None:
        self.root, self.labels, self.memory = Path(path), labels, memory_of(os.path.realpath(path))
        self.remembered = recall(self.memory)
        self.parts: dict[str, Part] = {}  # {a folder in the set, or a .tar: what is in it}
        self.saved = time.monotonic()
        self.images: dict[str, list[Entry]] = {}
        for entry in entries(key, path):
            if is_read(entry) and self.counts(entry.name):
                holder = str(entry.tar.relative_to(self.root)) if entry.tar else os.path.dirname(entry.name)
                self.images.setdefault(holder, []).append(entry)

    def counts(self, name: str) -> bool:
        """Is it of a class that counts?"""
        return self.labels is None or class_and_file(name)[0] in self.labels

    def content(self) -> Content:
        """The content, remembered from now on."""
        todo = {}
        for holder, images in self.images.items():
            cue, known = self.cue(images), self.remembered.get(holder)
            if known and known["cue"] == cue:
                self.parts[holder] = known
            else:
                todo[holder] = cue
        if todo:
            count = sum(len(self.images[holder]) for holder in todo)
            with Progress(None, quiet=count < MANY).task("identify", count) as advance:
                for holder, cue in todo.items():
                    self.parts[holder] = self.read(cue, self.images[holder], advance)
                    if time.monotonic() - self.saved > SAVE_EVERY:
                        self.save()
            self.save()
        found = Content()
        for part in self.parts.values():
            for label, (count, total) in part["classes"].items():
                found.add(label, count, int(total, 16))
            found.suspects.update(part["suspects"])
        return found

    def cue(self, images: list[Entry]) -> str:
        """What changes whenever one of these images, all in one folder or .tar, may have."""
        if images[0].tar:  # the others of its classes are no others
            return cue_of([(json.dumps(sorted(self.labels or [])), images[0].tar)])
        return cue_of((image.name, self.root / image.name) for image in images)

    def read(self, cue: str, images: list[Entry], advance: Callable[[int], Any]) -> Part:
        """Hash all images of a part."""
        began, part, suspects = time.time(), Content(), []
        with ThreadPoolExecutor(READERS) as pool:
            for first in range(0, len(images), 1024):
                some = images[first : first + 1024]
                for image, (digest, whole) in zip(some, pool.map(self.look_at, some)):
                    label, file = class_and_file(image.name)
                    token = hashlib.blake2b(json.dumps([label, file, digest]).encode(), digest_size=16)
                    part.add(label, 1, int.from_bytes(token.digest(), "big"))
                    if not whole:
                        suspects.append(image.name)
                advance(len(some))
        classes = {label: [count, f"{total:x}"] for label, (count, total) in part.classes.items()}
        newest = int(cue.partition(" ")[0])
        racy = newest < 0 or newest > (began - RACY) * 1e9
        return {"cue": "" if racy else cue, "classes": classes, "suspects": suspects}

    def look_at(self, image: Entry) -> tuple[str, bool]:
        """(digest, does it look whole?) of an image."""
        try:
            with open(image.tar or self.root / image.name, "rb") as file:
                size = image.size if image.tar else os.fstat(file.fileno()).st_size
                return digest_of(file.read, lambda to: file.seek(image.offset + to), size)
        except OSError:
            return "unreadable", False

    def save(self) -> None:
        """Remember the parts that are known, if there is where to."""
        self.saved = time.monotonic()
        others = {} if self.labels is None else self.remembered
        parts = {holder: part for holder, part in {**others, **self.parts}.items() if part["cue"]}
        if not parts or not self.memory.is_absolute():  # there is nothing to say, or nobody's home
            return
        try:
            self.memory.parent.mkdir(parents=True, exist_ok=True)
            files.write_atomic(self.memory, json.dumps({"version": VERSION, "parts": parts}).encode())
        except OSError:
            pass  # it is read again next time


def digest_of(read: Callable[[int], bytes], seek: Callable[[int], Any], size: int) -> tuple[str, bool]:
    """(digest, does it look whole?) of a file of ``size`` bytes; holds no more than four times ``END`` of them."""
    seek(0)
    head = read(min(size, END))
    digest = hashlib.blake2b(f"{size} ".encode() + head, digest_size=16)
    tail, position = head, len(head)
    if size > 2 * END and not stores_pixels(head):
        position = size - END
        seek(position)
    while position < size and (more := read(min(END, size - position))):
        digest.update(more)
        tail, position = (tail + more)[-2 * END :], position + len(more)
    if size > 2 * END:
        tail = tail[-END:]
    return digest.hexdigest(), position == size and looks_whole(head, tail, size)


def cue_of(named: Iterable[tuple[str, Path]]) -> str:
    """The newest change in nanoseconds, -1 where a file cannot be looked at, and a digest of name, size, times and
    inode of each file.
    """
    newest, digest = 0, hashlib.blake2b(digest_size=16)
    for name, path in named:
        try:
            s = os.stat(path)
        except OSError:
            newest = -1
            continue
        newest = newest if newest < 0 else max(newest, s.st_ctime_ns, s.st_mtime_ns)
        digest.update(json.dumps([name, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino]).encode())
    return f"{newest} {digest.hexdigest()}"


def memory_of(place: str) -> Path:
    """The file that remembers the set at a real path."""
    return cache_folder() / "deliberate-practice-bench" / "content" / f"{files.digest(place.encode())}.json"


def cache_folder() -> Path:
    """Where programs of this user may keep what they can make again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))


def recall(memory: Path) -> Mapping[str, Part]:
    """The parts that are remembered; none where it cannot be read, or is of another version."""
    try:
        known = json.loads(memory.read_text())
        return known["parts"] if known["version"] == VERSION else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
