"""Things found by folder: one file each, its name with - for _, the first line of its docstring or comment as help."""

import ast
from importlib.util import find_spec
from pathlib import Path


def files(package: str) -> dict[str, Path]:
    """{name: file} of the modules of a package that are no helpers (``_...``), without importing them."""
    spec = find_spec(package)
    folders = (spec.submodule_search_locations if spec else None) or []
    found = [path for folder in folders for path in Path(folder).glob("*.py") if not path.stem.startswith("_")]
    return {path.stem.replace("_", "-"): path for path in sorted(found)}


def names(package: str) -> list[str]:
    """The names that a user chooses from."""
    return list(files(package))


def about(path: Path) -> str:
    """The first line of a module's docstring, or the first comment line of a YAML file; imports nothing."""
    text = path.read_text()
    if path.suffix != ".py":
        return text.partition("\n")[0].removeprefix("#").strip()
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def sentence(path: Path) -> str:
    """The first sentence of a module's docstring, on one line; imports nothing."""
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n\n")[0]
    return " ".join(first.split()).partition(". ")[0].rstrip(".")
