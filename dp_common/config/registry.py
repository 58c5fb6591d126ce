"""Plugins: strategies, scores, teachers and tasks, each one file found by its name.

Sources, in this order: the package's own folder, entry points of other packages (groups ``dp.strategies``, ``dp.scores``,
``dp.teachers``, ``dp.tasks``), and a path given on the command line (``strategy=./idea.py:Idea``). Names and the first line
of docstrings are read by ``ast``, so that listing imports nothing; a plugin that does not import harms nothing else.
"""

import ast
import hashlib
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path

import yaml

from dp_common.errors import BadInput, did_you_mean

PACKAGES = {
    "strategy": "strategies",
    "score": "dp_common.scores",
    "teacher": "dp_common.teachers",
    "task": "dp_common.tasks",
    "guidance rule": "dp_common.guidance_rules",
}
FUNCTIONS = {"score": "score", "guidance rule": "step"}  # kinds whose plugin is a module, and its one function


@dataclass(frozen=True)
class Plugin:
    """One plugin: where it is and how to get it. ``built_in``: part of this package, covered by the recipe version."""

    kind: str
    name: str
    module: str  # dotted name, or a path ending in .py
    attribute: str | None = None  # class or function; None: the only public class of the file (``score`` for scores)
    built_in: bool = False

    @property
    def section(self):
        """Where its parameters are on the command line: ``<section>.<field>``."""
        return self.name.replace("-", "_")

    @cached_property
    def path(self):
        if self.module.endswith(".py"):
            return Path(self.module)
        return Path(importlib.util.find_spec(self.module).origin)

    @cached_property
    def _tree(self):
        return ast.parse(self.path.read_text(), str(self.path))

    def target(self):
        """The name of the class or function in its file, found without importing it."""
        if self.attribute or self.kind in FUNCTIONS:
            return self.attribute or FUNCTIONS[self.kind]
        classes = [
            node.name for node in self._tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        ]
        if len(classes) != 1:
            raise ImportError(
                f"{self.path} must hold one public class, or be named as {self.path.name}:Class; it holds {classes}"
            )
        return classes[0]

    def about(self):
        """First line of the class's (for a score: the module's) docstring."""
        target = self.target()
        node = next((n for n in self._tree.body if getattr(n, "name", None) == target), self._tree)
        text = (ast.get_docstring(node) if self.kind not in FUNCTIONS else None) or ast.get_docstring(self._tree) or ""
        return text.partition("\n")[0]

    def source_digest(self):
        """What of its source identifies a run: nothing for a built-in (the recipe version does), else its file's hash."""
        return None if self.built_in else hashlib.sha256(self.path.read_bytes()).hexdigest()[:16]

    def load(self):
        """Import it: the class, or for a score its module. Raises BadInput with the reason if it cannot be imported."""
        try:
            if self.module.endswith(".py"):
                name = "dp_plugin_" + hashlib.sha256(str(self.path.resolve()).encode()).hexdigest()[:12]
                if name not in sys.modules:
                    spec = importlib.util.spec_from_file_location(name, self.path)
                    sys.modules[name] = module = importlib.util.module_from_spec(spec)
                    try:
                        spec.loader.exec_module(module)
                        module.__loaded__ = True
                    finally:
                        if not hasattr(module, "__loaded__"):
                            del sys.modules[name]
                module = sys.modules[name]
            else:
                module = importlib.import_module(self.module)
            return module if self.kind in FUNCTIONS else getattr(module, self.target())
        except Exception as error:
            raise BadInput(self.kind, self.name, f"does not import: {one_line(error)}") from error


def one_line(error):
    return f"{type(error).__name__}: {error}".replace("\n", " ")


def plugins(kind):
    """{name: Plugin} of one kind, by name, the package's own before entry points of the same name."""
    package = PACKAGES[kind]
    found = {}
    for folder in importlib.util.find_spec(package).submodule_search_locations:
        for file in sorted(Path(folder).glob("*.py")):
            if not file.stem.startswith("_"):
                name = file.stem.replace("_", "-")
                found[name] = Plugin(kind, name, f"{package}.{file.stem}", built_in=True)
    for entry in entry_points(group=f"dp.{package.rpartition('.')[2]}"):
        found.setdefault(entry.name, Plugin(kind, entry.name, entry.module, entry.attr or None))
    return found


def find(kind, name, key=None):
    """The plugin called ``name``, or at ``path.py`` or ``path.py:Class``. Raises BadInput."""
    if ".py" in name:
        path, _, attribute = name.partition(":")
        if not Path(path).is_file():
            raise BadInput(key or kind, name, f"no such file: {path}")
        return Plugin(kind, Path(path).stem.replace("_", "-"), str(path), attribute or None)
    known = plugins(kind)
    if name not in known:
        raise BadInput(key or kind, name, f"one of {', '.join(known)}, or a file.py:Class.{did_you_mean(name, known)}")
    return known[name]


def learners():
    """Named learners of this package: {name: {about, timm, args}}. Any other name is timm's."""
    return yaml.safe_load((Path(__file__).parents[1] / "learner" / "learners.yaml").read_text())


def listing(check=False):
    """Rows (kind, name, about, broken) of everything there is; ``check`` imports each to find the broken ones."""
    rows = []
    for kind in PACKAGES:
        for name, plugin in plugins(kind).items():
            about, broken = "", None
            try:
                about = plugin.about()
                if check:
                    plugin.load()
            except Exception as error:
                broken = one_line(error) if not isinstance(error, BadInput) else str(error)
            rows.append((kind, name, about, broken))
    rows += [("learner", name, entry["about"], None) for name, entry in learners().items()]
    rows.append(("learner", "any timm name", "such as vit_base_patch16_224, with train.model_args", None))
    return rows
