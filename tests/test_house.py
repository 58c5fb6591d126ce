"""The house: imports run one way, public functions say what they take and return, files are short and climb nowhere."""

import ast
import re
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
        "errors arrays seeds files progress device config persistence theory diffusion guidance_rules selection_rules "
        "distributed scores real_images training_data pool tasks teachers learner learners probes teacher_training lab "
        "conformance"
    ).split(),
    "results": "discovery frames published reading analysis archive tables figures claims report".split(),
}
DATA = {"measured"}  # folders of a package that hold no code
LINES = 320


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
    return [p for p in sorted((ROOT / package).rglob("*.py")) if p.relative_to(ROOT / package).parts[0] not in DATA]


def named(found: list[str]) -> str:
    return "\n" + "\n".join(found)


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_one_way(package):
    for path in files(package):
        upward = {name for name in imports(path) if name.split(".")[0] in set(ALLOWED) - ALLOWED[package] - {package}}
        assert not upward, f"{path.relative_to(ROOT)} imports {upward}"


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_import_one_way(package):
    rooms, wrong = ROOMS[package], []
    for path in files(package):
        parts = path.relative_to(ROOT / package).with_suffix("").parts
        if parts == ("__init__",) or parts[0] == "contracts":  # what a package shows of all of its rooms
            continue
        assert parts[0] in rooms, f"{package}/{parts[0]} stands in no order: add it to ROOMS"
        for name in imports(path):
            top, _, rest = name.partition(".")
            room = rest.split(".")[0]
            if top == package and room in rooms and rooms.index(room) > rooms.index(parts[0]):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong, named(wrong)


@pytest.mark.parametrize("package", ["results", "slurm"])
def test_results_and_slurm_never_import_torch(package):
    for path in files(package):
        assert not {name.split(".")[0] for name in imports(path)} & {"torch", "timm", "diffusers"}, path


def test_strategies_are_short():
    for path in files("strategies"):
        code = [line for line in path.read_text().splitlines() if line.strip() and not line.strip().startswith("#")]
        assert len(code) <= 80, f"{path.name} has {len(code)} lines"


def test_files_are_short():
    every = [path for package in (*ALLOWED, "tests") for path in files(package)]
    lengths = {path: len(path.read_text().splitlines()) for path in every}
    long = [f"{path.relative_to(ROOT)} has {n} lines, {LINES} at most" for path, n in lengths.items() if n > LINES]
    assert not long, named(long)


def public_functions(tree: ast.Module):
    """(name, function, is it a method) of what others may call: no leading underscore, in no private class."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            yield node.name, node, False
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for inner in node.body:
                if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)) and (
                    not inner.name.startswith("_") or inner.name in ("__init__", "__call__")
                ):
                    static = any(getattr(decorator, "id", "") == "staticmethod" for decorator in inner.decorator_list)
                    yield f"{node.name}.{inner.name}", inner, not static


def unannotated(function: ast.FunctionDef, is_method: bool) -> list[str]:
    """Names of the arguments without a type, and ``return`` where that of the answer is missing."""
    taken = function.args
    arguments = [*taken.posonlyargs, *taken.args][is_method:] + taken.kwonlyargs
    arguments += [extra for extra in (taken.vararg, taken.kwarg) if extra]
    answered = function.returns is not None or function.name == "__init__"
    return [argument.arg for argument in arguments if argument.annotation is None] + ["return"] * (not answered)


@pytest.mark.parametrize("package", ALLOWED)
def test_public_functions_are_annotated(package):
    wrong = [
        f"{path.relative_to(ROOT)}:{function.lineno} {name}: {', '.join(missing)}"
        for path in files(package)
        for name, function, is_method in public_functions(ast.parse(path.read_text()))
        if (missing := unannotated(function, is_method))
    ]
    assert not wrong, f"{len(wrong)} of {package}:" + named(wrong)


@pytest.mark.parametrize("package", ALLOWED)
def test_nothing_is_found_by_climbing_out_of_a_package(package):
    """Neither ``parents[2]`` nor ``.parent.parent``: what a package needs of another it gets by importlib.resources."""
    wrong = []
    for path in files(package):
        depth = len(path.relative_to(ROOT / package).parts)  # so many steps up leave the package
        for number, line in enumerate(path.read_text().splitlines(), 1):
            steps = [int(n) + 1 for n in re.findall(r"__file__\).*parents\[(\d+)\]", line)]
            steps += [chain.count(".parent") for chain in re.findall(r"__file__\)[.\w()]*?((?:\.parent\b)+)", line)]
            if any(step > depth for step in steps):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not wrong, named(wrong)


@pytest.mark.parametrize("package", ALLOWED)
def test_no_code_reads_what_was_measured(package):
    """``results/measured`` is output: code names it in help and docstrings only, and imports nothing of it."""
    wrong = []
    for path in files(package):
        tree = ast.parse(path.read_text())
        wrong += [f"{path.relative_to(ROOT)} imports {n}" for n in imports(path) if n.startswith("results.measured")]
        for node in ast.walk(tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                if "measured" in [leaf.value for leaf in ast.walk(node) if isinstance(leaf, ast.Constant)]:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}")
    assert not wrong, named(wrong)
