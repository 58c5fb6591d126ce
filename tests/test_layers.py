"""Imports run one way: each package imports only what stands below it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = [  # modules of dp_common, low to high; a module imports from its own or a lower layer
    {"errors", "options", "files", "seeds", "schedule", "spec", "registry", "config", "grid"},
    {"ledger", "lease", "clock", "patience", "deal", "ranks", "joining"},
    {
        "sampling",
        "guidance",
        "scores",
        "store",
        "checkpoint",
        "progress",
        "provenance",
        "summary",
        "theory",
        "theory_simulation",
        "tilt",
    },
    {"trainset", "augment", "feed"},
    {"tasks", "learner", "mlp", "teachers", "generation"},
    {"addition", "selection", "training", "probe", "truth"},
    {"lab"},
    {"runner"},
    {"conformance"},
]
ALLOWED = {
    "dp_common": {"dp_common"},
    "strategies": {"strategies", "dp_common"},
    "results": {"results", "dp_common"},
    "slurm": {"slurm", "dp_common"},
    "benchmarks": {"benchmarks", "strategies", "dp_common", "results", "slurm"},
}
OURS = set(ALLOWED)


def imports(path):
    """Dotted names this file imports from our packages, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files():
    return [path for package in ALLOWED for path in (ROOT / package).rglob("*.py")]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    for name in imports(path):
        top = name.split(".")[0]
        if top in OURS:
            assert top in ALLOWED[package], f"{path.name} imports {name}"
        if top == "dp_common" == package:
            parts = path.relative_to(ROOT / "dp_common").with_suffix("").parts
            wanted = name.split(".")[1]
            if parts[0] != "__init__" and wanted != "__init__":
                assert layer(wanted) <= layer(parts[0]), f"{path.name} imports {name} from a higher layer"


def layer(module):
    places = [number for number, modules in enumerate(LAYERS) if module in modules]
    assert places, f"dp_common.{module} stands in no layer: add it to LAYERS"
    return places[0]


@pytest.mark.parametrize("package", ["results", "slurm"])
def test_results_and_slurm_never_import_torch(package):
    for path in (ROOT / package).rglob("*.py"):
        assert not {name.split(".")[0] for name in imports(path)} & {"torch", "timm", "diffusers"}, path


def test_strategies_are_short():
    for path in (ROOT / "strategies").glob("*.py"):
        code = [line for line in path.read_text().splitlines() if line.strip() and not line.strip().startswith("#")]
        assert len(code) <= 80, f"{path.name} has {len(code)} lines"
