"""The house: imports run one way, public functions say what they take and return, strategies stay short."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {  # what each package may import besides itself
    "dp_common": set(),
    "strategies": {"dp_common"},
    "results": {"dp_common"},
    "slurm": {"dp_common"},
    "benchmarks": {"strategies", "dp_common", "results", "slurm"},
}
ROOMS = {  # low to high: a room imports from itself and from those before it
    "dp_common": (
        "errors arrays seeds files progress config persistence theory diffusion guidance_rules distributed scores real_images training_data tasks "
        "teachers learner probes teacher_training lab conformance"
    ).split(),
}


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports, inside of functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_one_way(package):
    for path in files(package):
        upward = {name for name in imports(path) if name.split(".")[0] in set(ALLOWED) - ALLOWED[package] - {package}}
        assert not upward, f"{path.relative_to(ROOT)} imports {upward}"


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_import_one_way(package):
    rooms = ROOMS[package]
    for path in files(package):
        parts = path.relative_to(ROOT / package).with_suffix("").parts
        if parts == ("__init__",) or parts == ("contracts",):
            continue
        assert parts[0] in rooms, f"{package}/{parts[0]} stands in no order: add it to ROOMS"
        for name in imports(path):
            top, _, rest = name.partition(".")
            room = rest.split(".")[0]
            if top == package and room in rooms:
                assert rooms.index(room) <= rooms.index(parts[0]), f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("package", ["results", "slurm"])
def test_results_and_slurm_never_import_torch(package):
    for path in files(package):
        assert not {name.split(".")[0] for name in imports(path)} & {"torch", "timm", "diffusers"}, path


def test_strategies_are_short():
    for path in files("strategies"):
        code = [line for line in path.read_text().splitlines() if line.strip() and not line.strip().startswith("#")]
        assert len(code) <= 80, f"{path.name} has {len(code)} lines"
