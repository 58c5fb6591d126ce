"""Plugins: everything a run is put together from, each one file found by its name, no list to edit.

Kinds are the keys of ``FOLDERS``. Sources, in this order: the kind's own folder, entry points of other packages (one
group a kind: ``dp.strategies``, ``dp.guidance_rules``, ``dp.presets`` ...), and a path given in place of a name
(``strategy=./idea.py:Idea``). Names and first lines of docstrings are read by ``ast``, so that listing imports
nothing; one that does not import harms no other.

A plugin given by path is called by its file (``./my_idea.py`` is ``my-idea``), and by file and class
(``my-idea-Second``) where the file holds several or is named like something that is there already: ``./dp.py`` is
``dp-DeliberatePractice``, and its keys are ``dp_DeliberatePractice.omega`` or, on the command line, ``dp.omega``. It
is identified by the file's content and the class, however the path is spelled. Names of such plugins stand for them
in the process that found them.
"""

import importlib.util
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from dp_common.config.plugin import DATA as DATA
from dp_common.config.plugin import FUNCTIONS as FUNCTIONS
from dp_common.config.plugin import Plugin as Plugin
from dp_common.config.plugin import one_line as one_line
from dp_common.errors import BadInput, did_you_mean

FOLDERS = {
    "strategy": "strategies",
    "score": "dp_common.scores",
    "guidance rule": "dp_common.guidance_rules",
    "selection rule": "dp_common.selection_rules",
    "teacher": "dp_common.teachers",
    "task": "dp_common.tasks",
    "learner": "dp_common.learners",
    "preset": "benchmarks.presets",
    "grid": "benchmarks.grids",
}
GROUPS = {kind: f"dp.{package.rpartition('.')[2]}" for kind, package in FOLDERS.items()}  # of entry points
GROUPS_OF_KEYS = (
    "data",
    "images",
    "sampler",
    "train",
    "reference",
    "heads",
    "exemplars",
    "population",
    "runtime",
    "preset",
)  # no section of a plugin
TIMM = "timm"  # module of a learner that timm knows by its name
_by_path: dict[tuple[str, str], "Plugin"] = {}  # plugins that were given by path, by kind and name


def plugins(kind: str) -> dict[str, Plugin]:
    """{name: Plugin} of one kind, by name, the package's own before entry points of the same name."""
    found = dict(built_in(kind))
    for entry in installed(GROUPS[kind]):
        found.setdefault(entry.name, _of_entry_point(kind, entry.name, entry.module, entry.attr))
    return found


@lru_cache
def installed(group: str) -> tuple[EntryPoint, ...]:
    """Entry points of a group, looked up once: a grid asks often, and each look reads all that is installed."""
    return tuple(entry_points(group=group))


def built_in(kind: str) -> dict[str, Plugin]:
    """{name: Plugin} of a kind's own folder: the files in it, of YAML also those in folders of it. Files with _ are
    none.
    """
    found: dict[str, Plugin] = {}
    for folder in folders_of(FOLDERS[kind]):
        # a folder's time tells of its own files, and data lie in folders of it too
        found |= in_folder(kind, folder) if kind in DATA else unchanged(kind, folder, folder.stat().st_mtime_ns)
    return found


@lru_cache
def unchanged(kind: str, folder: Path, changed: int) -> dict[str, Plugin]:
    """``in_folder``, of one that was changed last at this time: a grid asks often."""
    return in_folder(kind, folder)


def in_folder(kind: str, folder: Path) -> dict[str, Plugin]:
    """{name: Plugin} of one folder."""
    found = {}
    for file in sorted(folder.rglob("*.yaml") if kind in DATA else folder.glob("*.py")):
        name = file.relative_to(folder).with_suffix("").as_posix()
        if not file.stem.startswith("_"):
            plain = name if kind in DATA else name.replace("_", "-")
            module = str(file) if kind in DATA else f"{FOLDERS[kind]}.{file.stem}"
            found[plain] = Plugin(kind, plain, module, built_in=True)
    return found


def folders_of(package: str) -> list[Path]:
    """Where a package's files are; none where there is no such package."""
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        spec = None
    return [Path(folder) for folder in (spec.submodule_search_locations or ()) if spec] if spec else []


def _of_entry_point(kind: str, name: str, module: str, attribute: str | None) -> Plugin:
    """``package.module:Class``, or for a YAML file ``package.folder:name``."""
    if kind not in DATA:
        return Plugin(kind, name, module, attribute or None)
    file = (attribute or name).replace(".", "/") + ".yaml"
    folder = next(iter(folders_of(module)), Path(module.replace(".", "/")))
    return Plugin(kind, name, str(folder / file))


def find(kind: str, name: str, key: str | None = None, paths: Mapping[str, str] | None = None) -> Plugin:
    """The plugin called ``name``, or at ``path.py``, ``path.py:Class`` or ``path.yaml``.

    Args:
        kind: a key of ``FOLDERS``.
        name: as typed.
        key: the key that names it, for the error.
        paths: copies to read in place of the files given, {as typed: path of the copy}.

    Raises:
        BadInput: no such plugin, or no such file.
    """
    given = re.fullmatch(r"(.+\.yaml|.+\.yml)()" if kind in DATA else r"(.+\.py)(?::(\w+))?", name)
    if given:
        copy = re.fullmatch(r"(.+\.py|.+\.ya?ml)(?::\w+)?", (paths or {}).get(name, given[1]))
        found = _at_path(kind, name, Path(copy[1] if copy else given[1]).expanduser(), given[2] or None, key)
        _by_path[kind, found.name] = found
        return found
    own = built_in(kind)  # first and mostly: asking for entry points takes tens of milliseconds
    known = own if name in own else plugins(kind)
    if name in known:
        return known[name]
    if (kind, name) in _by_path:
        return _by_path[kind, name]
    if kind == "learner" and re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        models = timm_models()
        if name.partition("/")[0] != name or not models or name.partition(".")[0] in models:
            return Plugin(kind, name, TIMM, built_in=True)
        close = did_you_mean(name.lower(), [*known, *models])
        raise BadInput(key or kind, name, f"one of {', '.join(known)}, a timm model name, or a file.py:Class.{close}")
    path = "path to a .yaml file" if kind in DATA else "file.py:Class"
    also = "a timm model name, " if kind == "learner" else ""
    shown = ", ".join(known) or "(none installed)"
    raise BadInput(key or kind, name, f"one of {shown}, {also}or a {path}.{did_you_mean(name.lower(), known)}")


def _at_path(kind: str, spelling: str, path: Path, attribute: str | None, key: str | None) -> Plugin:
    """The plugin in a file, named after it. Raises BadInput."""
    if not path.is_file():
        raise BadInput(key or kind, spelling, f"no such file: {path}")
    module = os.path.abspath(path)
    if kind in DATA:
        return Plugin(kind, path.stem, module, spelling=spelling)
    found, name = Plugin(kind, path.stem, module, attribute, spelling=spelling, key=key or kind), path.stem
    found.require_target()
    name, usual = name.replace("_", "-"), FUNCTIONS.get(kind)
    several = found.target() != usual if usual else len(found.candidates()) > 1
    if several or _is_taken(name):
        name = f"{name}-{found.target()}"
    return replace(found, name=name)


def _is_taken(name: str) -> bool:
    """Is something there already called so, or a group of keys?"""
    kinds = [kind for kind in FOLDERS if kind not in DATA]
    return name in GROUPS_OF_KEYS or any(name in of(kind) for of in (built_in, plugins) for kind in kinds)


def adopt(found: Iterable[Plugin]) -> None:
    """Let names of plugins that were given by path stand for these from now on."""
    _by_path.update({(plugin.kind, plugin.name): plugin for plugin in found if plugin.spelling})


@lru_cache
def timm_models() -> frozenset[str]:
    """Names of timm's models, read from its source: importing timm takes seconds. Empty where it is not installed."""
    names: set[str] = set()
    for folder in folders_of(TIMM):
        for file in (folder / "models").glob("*.py"):
            text = file.read_text()
            names |= set(re.findall(r"^def (\w+)\(pretrained", text, re.M))
            for table in re.findall(r"^register_model_deprecations\(__name__, \{(.*?)\n\}\)", text, re.M | re.S):
                names |= set(re.findall(r"^\s*[\"']([\w.]+)[\"']\s*:", table, re.M))
    return frozenset(names)


def listing(check: bool = False) -> list[tuple[str, str, str, str | None]]:
    """Rows (kind, name, about, reason) of everything there is; a reason where it is broken.

    Args:
        check: import each, to find the broken ones.
    """
    rows: list[tuple[str, str, str, str | None]] = []
    for kind in FOLDERS:
        for name, plugin in plugins(kind).items():
            about, broken = "", None
            try:
                about = plugin.about()
                if check:
                    plugin.load()
            except Exception as error:
                broken = one_line(error) if not isinstance(error, BadInput) else str(error)
            rows.append((kind, name, about, broken))
        if kind == "learner":
            rows.append((kind, "any timm name", "such as vit_base_patch16_224, with train.model_args", None))
    return rows
