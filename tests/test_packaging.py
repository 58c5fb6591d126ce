"""What is installed: the pins of uv and of pip are the same, and the package carries what its code reads."""

import subprocess
import tomllib
from fnmatch import fnmatch
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


def test_every_data_file_of_the_packages_is_installed():
    """Whatever git keeps beside the code: a wheel without it fails where a checkout does not."""
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    kept = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    packages = ("benchmarks", "dp_common", "slurm", "strategies", "results")
    files = [Path(name) for name in kept if name.split("/")[0] in packages]
    files = [file for file in files if file.suffix != ".py" and "measured" not in file.parts]
    missed = [str(file) for file in files if not any(fnmatch(file.name, pattern) for pattern in patterns)]
    assert [name for name in missed if "testcluster" not in name and not name.endswith(".png")] == []
    assert any(file.suffix == ".npz" for file in files)
