"""The code as it was submitted: a copy of the packages, uncommitted changes included, under <root>/.snapshots/<digest>/."""

import json
import os
import shutil
import tempfile
from hashlib import sha256
from pathlib import Path

import yaml

from dp_common.config.presets import read_preset
from dp_common.errors import BadInput
from dp_common.persistence.provenance import commit

HOME = Path(__file__).parent.parent
PACKAGES = ("benchmarks", "strategies", "dp_common", "results", "slurm")
LEFT_OUT = {"__pycache__", "runs", "measured", "testcluster"}


def take(root):
    """Copy the packages once per content; returns the absolute folder. Raises BadInput where root cannot be written."""
    files = {str(path.relative_to(HOME)): path.read_bytes() for package in PACKAGES for path in sources(HOME / package)}
    digest = sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    folder = Path(root).resolve() / ".snapshots" / digest.hexdigest()[:16]
    try:
        put(folder, files | {"commit.json": json.dumps(commit()).encode()})
    except OSError as error:
        raise BadInput("root", root, f"cannot write there: {error.strerror}") from error
    return folder


def sources(folder):
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in LEFT_OUT and not name.startswith(".")]
        yield from (Path(path) / name for name in names if not name.endswith(".pyc"))


def put(folder, files):
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


def pin(run, root):
    """(words, plugins) of a resolved run that no later edit changes: root is absolute, a preset given by path is a copy with
    what it stands on, and ``plugins`` maps each plugin file as it was named to its copy.
    """
    words = [word for word in run.words if word.partition("=")[0] not in ("root", "runtime.root")] + [
        f"root={Path(root).resolve()}"
    ]
    for place, word in enumerate(words):
        key, _, name = word.partition("=")
        if key == "preset" and name.endswith((".yaml", ".yml")):
            flat = yaml.safe_dump(read_preset(name)).encode()
            words[place] = f"preset={kept(root, Path(name).name, flat)}"
    files = [plugin for plugin in run.plugins.values() if plugin.spelling]
    return words, {p.spelling: str(kept(root, p.path.name, p.path.read_bytes())) for p in files}


def kept(root, name, content):
    """A copy of one file under .snapshots, by its content; its name stays, since a plugin is called by it."""
    folder = Path(root).resolve() / ".snapshots" / f"file-{sha256(name.encode() + content).hexdigest()[:16]}"
    put(folder, {name: content})
    return folder / name
