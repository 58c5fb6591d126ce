"""One plugin: where it is, what its file says of it without being imported, and how to load it."""

import ast
import hashlib
import importlib
import importlib.util
import sys
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from dp_common import contracts
from dp_common.config import yaml_files
from dp_common.contracts import completion
from dp_common.errors import BadInput, did_you_mean

FUNCTIONS = {"score": "score", "guidance rule": "step"}  # kinds whose plugin is a module, and its one function
DATA = ("preset", "grid")  # kinds whose plugins are YAML files


@dataclass(frozen=True)
class Plugin:
    """One plugin: where it is and how to get it.

    Attributes:
        kind: a key of ``FOLDERS``.
        name: what it is called in run ids, tables and ledgers.
        module: dotted name, or an absolute path ending in .py or .yaml.
        attribute: its class or function; None: the only one of the file.
        built_in: part of this package, covered by the recipe version.
        spelling: how a path was given; no part of what the plugin is.
        key: the key that names it, such as dp.score, for errors; the kind where none does.
    """

    kind: str
    name: str
    module: str
    attribute: str | None = None
    built_in: bool = False
    spelling: str = field(default="", compare=False)
    key: str = field(default="", compare=False)

    @property
    def section(self) -> str:
        """Where its parameters are on the command line: ``<section>.<field>``."""
        return self.name.replace("-", "_")

    @property
    def short_section(self) -> str:
        """The section by the file alone, which the command line understands too."""
        return self.path.stem.replace("-", "_") if self.spelling else self.section

    @cached_property
    def path(self) -> Path:
        """Its file."""
        if self.module.endswith((".py", *yaml_files.SUFFIXES)):
            return Path(self.module)
        spec = importlib.util.find_spec(self.module)
        if spec is None or spec.origin is None:
            raise ImportError(f"no module {self.module}")
        return Path(spec.origin)

    @cached_property
    def _tree(self) -> ast.Module:
        return _parsed(self.path.read_text(), str(self.path))

    def candidates(self) -> list[str]:
        """Names in its file that could be it: of public classes, else of public functions."""
        if self.kind in DATA:
            return []
        nodes = [node for node in self._tree.body if not getattr(node, "name", "_").startswith("_")]
        classes = [node.name for node in nodes if isinstance(node, ast.ClassDef)]
        functions = [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
        if self.kind in FUNCTIONS:
            return functions
        return classes or (functions if self.kind == "learner" else [])

    def target(self) -> str:
        """The name of the class or function in its file, found without importing it. Raises ImportError."""
        if self.attribute:
            return self.attribute
        if self.kind in FUNCTIONS:
            return FUNCTIONS[self.kind]
        found = self.candidates()
        if len(found) != 1:
            here = f"it holds {', '.join(found) or 'none'}"
            raise ImportError(f"{self.path} must hold one public class, or be named as {self.path.name}:Class; {here}")
        return found[0]

    def require_target(self) -> None:
        """Refuse a file that is not Python or does not hold what it is given for, without importing it.

        Raises:
            BadInput: naming the key.
        """
        try:
            wanted, names = self.target(), top_level_names(self._tree)
        except (SyntaxError, ValueError) as error:
            raise self.fault(f"not Python: {one_line(error)}") from error
        except ImportError as error:
            raise self.fault(str(error)) from error
        if names is None or wanted in names:
            return
        if not self.attribute:
            signature = completion.REQUIRED[self.kind][wanted]
            raise self.fault(f"has no {signature}; the contract is {completion.contract(self.kind)}")
        held = self.candidates()
        raise self.fault(f"no {wanted} in it; it holds {', '.join(held) or 'none'}.{did_you_mean(wanted, held)}")

    def fault(self, allowed: str) -> BadInput:
        """An error of this plugin, by the key and the value that somebody typed."""
        return BadInput(self.key or self.kind, self.spelling or self.name, allowed)

    def about(self) -> str:
        """What it says of itself, one line: of its class's or function's docstring, else of its module's; of YAML the
        first comment.
        """
        if self.kind in DATA:
            return yaml_files.first_comment(self.path)
        text = None
        if self.kind not in FUNCTIONS:
            target = self.target()
            node = next((n for n in self._tree.body if getattr(n, "name", None) == target), None)
            text = ast.get_docstring(node) if isinstance(node, (ast.ClassDef, ast.FunctionDef)) else None
        return (text or ast.get_docstring(self._tree) or "").partition("\n")[0]

    def constant(self, name: str, otherwise: Any) -> Any:
        """The value of ``name = ...`` in its file, or in its class there, found without importing it; ``otherwise``
        where that is no literal.
        """
        bodies = [self._tree.body, *(node.body for node in self._tree.body if isinstance(node, ast.ClassDef))]
        for node in (node for body in bodies for node in body if isinstance(node, ast.Assign)):
            if any(isinstance(target, ast.Name) and target.id == name for target in node.targets):
                try:
                    return ast.literal_eval(node.value)
                except ValueError:
                    return otherwise
        return otherwise

    def source_digest(self) -> str | None:
        """What of its source identifies a run: nothing for a built-in (the recipe version does), else file content
        and class.
        """
        if self.built_in:
            return None
        return f"{hashlib.sha256(self.path.read_bytes()).hexdigest()[:16]}:{self.target()}"

    def load(self) -> Any:
        """Import it, complete with the defaults of its contract (``dp_common/contracts/``).

        Returns:
            A class (strategy, teacher, task), a class or function (learner), a module (score, guidance rule), or what
            a YAML file holds.

        Raises:
            BadInput: with the reason, where it cannot be imported or lacks what its contract demands.
        """
        try:
            if self.kind in DATA:
                return yaml_files.read_grid(self.path) if self.kind == "grid" else yaml_files.read_mapping(self.path)
            module = self._module()
            if self.kind in FUNCTIONS:
                found = module if self.target() == FUNCTIONS[self.kind] else self._as_module(module)
            elif hasattr(module, self.target()):
                found = getattr(module, self.target())
            else:
                raise self.fault(f"no {self.target()} in it, once it is imported")
        except BadInput:
            raise
        except Exception as error:
            raise self.fault(f"does not import: {one_line(error)}") from error
        try:
            return contracts.complete(self.kind, self.name, found)
        except BadInput as fault:
            raise self.fault(fault.allowed) from fault

    def _module(self) -> ModuleType:
        """Its module; of a path, a module of its own for each content."""
        if not self.module.endswith(".py"):
            return importlib.import_module(self.module)
        source = self.path.read_bytes()
        name = "dp_plugin_" + hashlib.sha256(self.module.encode() + source).hexdigest()[:12]
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, self.path)
            if spec is None:
                raise ImportError(f"{self.path} is no Python file")
            sys.modules[name] = module = importlib.util.module_from_spec(spec)
            try:
                exec(compile(source, self.path, "exec"), vars(module))  # not bytecode of another file of this second
            except BaseException:
                del sys.modules[name]
                raise
        return sys.modules[name]

    def _as_module(self, module: ModuleType) -> ModuleType:
        """The module with its function ``target`` in the place of the usual one."""
        other = ModuleType(f"{module.__name__}_{self.target()}", module.__doc__)
        vars(other).update({key: value for key, value in vars(module).items() if not key.startswith("__")})
        setattr(other, FUNCTIONS[self.kind], getattr(module, self.target()))
        return other


def top_level_names(tree: ast.Module) -> set[str] | None:
    """The names that a module has once it is imported; None where that is not told by its text."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and (isinstance(node.ctx, ast.Store) or node.id == "globals"):
            names.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return None if names & {"*", "__getattr__", "globals"} else names


@lru_cache(maxsize=256)
def _parsed(source: str, path: str) -> ast.Module:
    return ast.parse(source, path)


def one_line(error: BaseException) -> str:
    """An error as one line."""
    return f"{type(error).__name__}: {error}".replace("\n", " ")
