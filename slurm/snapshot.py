"""The code as it was submitted: a copy of the packages, uncommitted changes too, in <root>/.snapshots/<digest>/."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from dp_common.config.presets import read_preset
from dp_common.errors import BadInput
from dp_common.persistence.provenance import commit

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved

PACKAGES = ("benchmarks", "strategies", "dp_common", "results", "slurm")
LEFT_OUT = {"__pycache__", "runs", "measured", "testcluster"}


def take(root: str | Path) -> Path:
    """Copy the packages once per content; returns the absolute folder. Raises BadInput where root cannot be written."""
    files: dict[str, bytes] = {}
    for package in PACKAGES:
        folder = Path(str(resources.files(package)))
        files |= {f"{package}/{path.relative_to(folder)}": path.read_bytes() for path in sources(folder)}
    digest = sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    folder = Path(root).resolve() / ".snapshots" / digest.hexdigest()[:16]
    try:
        put(folder, files | {"dp_common/commit.json": json.dumps(commit()).encode()})
    except OSError as error:
        raise BadInput("root", root, f"cannot write there: {error.strerror}") from error
    return folder


def sources(folder: Path) -> Iterator[Path]:
    """The files of a package that belong to the code."""
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in LEFT_OUT and not name.startswith(".")]
        yield from (Path(path) / name for name in names if not name.endswith(".pyc"))


def put(folder: Path, files: dict[str, bytes]) -> None:
    """Write ``files`` ({relative name: bytes}) as a folder that is either whole or not there."""
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        for name, content in files.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes(content)
        made.chmod(0o755)
        os.rename(made, folder)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        if not folder.exists():  # else another submission has just made the same
            raise


def pin(run: "Resolved", root: str | Path) -> tuple[list[str], dict[str, str]]:
    """A resolved run that no later edit changes.

    Returns:
        (overrides, plugins): the root is absolute, a preset given by path is a copy with what it stands on, and
        ``plugins`` maps each plugin file as it was named to its copy.
    """
    overrides = []
    for word in run.words:
        key, _, value = word.partition("=")
        if key == "preset" and value.endswith((".yaml", ".yml")):
            whole = yaml.safe_dump(read_preset(value)).encode()
            overrides.append(f"preset={kept(root, Path(value).name, whole)}")
        elif key not in ("root", "runtime.root"):
            overrides.append(word)
    overrides.append(f"root={Path(root).resolve()}")
    files = [plugin for plugin in run.plugins.values() if plugin.spelling]
    return overrides, {file.spelling: str(kept(root, file.path.name, file.path.read_bytes())) for file in files}


def kept(root: str | Path, name: str, content: bytes) -> Path:
    """A copy of one file under .snapshots, by its content; its name stays, since a plugin is called by it."""
    folder = Path(root).resolve() / ".snapshots" / f"file-{sha256(name.encode() + content).hexdigest()[:16]}"
    put(folder, {name: content})
    return folder / name
