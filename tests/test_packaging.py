"""What is installed: the pins of uv and of pip are the same, and the package carries what its code reads."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_uv_and_pip_pin_the_same_versions():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == PROJECT["tool"]["uv"]["constraint-dependencies"]


def test_every_direct_dependency_is_pinned_by_the_constraints():
    pinned = {line.partition("==")[0] for line in PROJECT["tool"]["uv"]["constraint-dependencies"]}
    groups = [PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()]
    groups += PROJECT["dependency-groups"].values()
    for requirement in (requirement for group in groups for requirement in group):
        name = requirement.partition(">")[0].partition("[")[0]
        assert name in pinned, f"{name} has no pin in constraints.txt"
