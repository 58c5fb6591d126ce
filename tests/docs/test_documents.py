"""The documents keep what they promise: commands work or say what they need, links lead somewhere, numbers are ours.

A block of commands (fenced, ``sh``) is run, line by line, in a cheap form and in this process; or a comment above it
says what it needs, ``<!-- needs: gpu -->``, and its lines are only looked at. ``<!-- file: idea.py -->`` above a block
of another language: it is that file, of the repository where it has one of this name, else of the reader, and commands
find it.
"""

import importlib
import importlib.util
import os
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.docs.documents import BLOCKS, ROOT, Block

LANGUAGES = {"sh", "text", "python", "yaml", "css"}


TINY = {"scale": "60", "train.seen": "1280", "train.batch": "64", "sampler.steps": "5"}


TINY["data.limit"] = "450"


TINY_OF = {
    "dp": {"dp.interval": "128", "dp.patience": "1"},
    "prune": {"prune.interval": "128", "prune.patience": "1"},
    "mixture": {"mixture.components": "2", "population.images": "100"},
}


FOUND_BY_FOLDER = (
    "results.figures",
    "results.claims",
    "results.tables",
    "benchmarks.speed_suites",
    "benchmarks.trackers",
)


RUNS = [["strategy=static"], ["strategy=static", "seed=1"], ["strategy=dp"], ["strategy=dp", "seed=1"]]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A reader's folder: plugins, the files that documents show, tiny runs. The checkout is not touched."""
    from benchmarks import run

    folder, here = tmp_path_factory.mktemp("desk"), Path.cwd()
    shutil.copytree(ROOT / "tests" / "plugins", folder / "tests" / "plugins")
    for block in BLOCKS:
        if block.file and not (ROOT / block.file).exists():
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.text)
    patch = pytest.MonkeyPatch()
    patch.setattr(run, "stop_on_signals", lambda: bool)  # no signal handlers in this process
    for package in FOUND_BY_FOLDER:
        module = importlib.import_module(package)
        patch.setattr(module, "__path__", [*module.__path__, str(folder / package.replace(".", "/"))])
        patch.setattr(module.__spec__, "submodule_search_locations", module.__path__)
    forget_what_was_found()
    os.chdir(folder)
    for words in RUNS:
        run.main([*tiny(words), "--quiet"])
    for copy in ("plane", "shared/runs"):  # a run may be under a root once only
        shutil.copytree("results/runs", copy)
    yield folder
    os.chdir(here)
    patch.undo()
    forget_what_was_found()


def forget_what_was_found() -> None:
    """Of packages that remember what is in their folders."""
    for package in FOUND_BY_FOLDER:
        for value in vars(importlib.import_module(package)).values():
            getattr(value, "cache_clear", lambda: None)()


def tiny(words: list[str]) -> list[str]:
    """The same run, in a second: where it is not a dry run."""
    given = dict(word.partition("=")[::2] for word in words)
    more = dict(TINY)
    for key, default in (("strategy", "dp"), ("teacher", "mixture")):
        more |= TINY_OF.get(given.get(key, default), {})
    return [f"{key}={value}" for key, value in (given | more).items()]


def test_every_block_says_what_it_is() -> None:
    for block in BLOCKS:
        assert block.language in LANGUAGES, f"{block}: ```{block.language}, one of {', '.join(sorted(LANGUAGES))}"
        assert block.language != "sh" or block.commands, f"{block}: no command"
        assert block.language == "sh" or not block.needs, f"{block}: only commands need something"
        assert block.language in ("sh", "text") or block.file, f"{block}: which file is this? <!-- file: NAME -->"


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.file], ids=str)
def test_a_file_that_is_in_the_repository_is_shown_as_it_is(block: Block) -> None:
    path = ROOT / block.file
    if path.exists():
        assert block.text in path.read_text(), f"{block} is not what {block.file} holds"
    elif block.language == "yaml":
        assert isinstance(yaml.safe_load(block.text), dict | list)
    elif block.language == "python":
        compile(block.text, block.file, "exec")


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.commands and not block.needs], ids=str)
def test_commands_work(block: Block, desk: Path, capsys: pytest.CaptureFixture) -> None:
    for command in block.commands:
        do(command)
        capsys.readouterr()


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.needs], ids=str)
def test_commands_that_need_something_are_there(block: Block, desk: Path, capsys: pytest.CaptureFixture) -> None:
    """Their programs exist and answer; runs and sweeps resolve, where all that resolving takes is here."""
    if "mlxtend" in block.needs and importlib.util.find_spec("mlxtend") is None:
        pytest.skip("mlxtend is not installed")
    for command in block.commands:
        if re.search(r" -m benchmarks\.(run|sweep) ", command) and "your images" not in block.needs:
            do(command)
        else:
            do(shlex.join(named(command)))
        capsys.readouterr()


def named(command: str) -> list[str]:
    """The program of a command, with a word that makes it say what it is."""
    words = words_of(command)
    return [*words[:3], "--help"] if words[:2] == ["python", "-m"] else words


def words_of(command: str) -> list[str]:
    """The words of a command as Python would get them: without what installs, times or launches it."""
    command = re.sub(r"^pip install uv && ", "", command.replace("/shared/runs", "shared/runs"))
    command = re.sub(r"^(uv run|/usr/bin/time -v) ", "", command)
    return shlex.split(re.sub(r"^torchrun .*?-m ", "python -m ", command))


def do(command: str) -> None:
    """One command in its cheap form, in this process. Raises where it fails."""
    match words_of(command):
        case ["uv", "sync", *_]:
            pass
        case ["python", "-m", "dp_common.conformance", *given]:
            for word in given:
                assert "=" in word or word == "--help"
        case ["python", "-m", module, *given]:
            try:
                code = importlib.import_module(module).main(cheap(module.removeprefix("benchmarks."), given))
            except SystemExit as ended:  # --help
                code = ended.code
            assert not code, f"{command}: exit code {code}"
        case ["python", "-c", code]:
            compile(code, command, "exec")
        case ["pytest", *given]:
            check_tests(given)
        case ["python", script, *_] | [".", script] | [script, *_]:
            assert script.startswith("/") or (ROOT / script).is_file(), f"{command}: no such file"


def cheap(name: str, words: list[str]) -> list[str]:
    """The words of an application as it is run here: dry, with its first seed only, or whole where it reads runs."""
    flags = {word for word in words if word.startswith("--")}
    if flags & {"--help", "--list", "--dry-run"} and name != "sweep":
        return words
    match name:
        case "run" if any(".py" in word for word in words):
            return [*tiny(words), "--quiet"]
        case "run":
            return [*words, "--dry-run"]
        case "sweep":
            seeds = {word for word in words if word.startswith("seed=")} or {"seed=0"}
            first = [re.split(r"\.\.|,", word)[0] for word in seeds]
            return [*(word for word in words if word not in seeds and word != "--dry-run"), *first, "--dry-run"]
        case "table":
            return [
                word.replace("results/runs/plane", "plane") for word in words if not word.startswith("figures=")
            ] + ["figures=no"]
        case "train_teacher":
            return [*words, "steps=1", "quality=none", "samples=10"]
        case "forget":
            return [word for word in words if word != "yes=yes"]
        case "pool" if words[0] == "fill":
            return [*words, "--dry-run"]
        case "gpu_check":
            return ["device=cpu", "items=machine"]
        case "status" | "report" | "claims" | "follow" | "speed" | "archive" | "recompute" | "references" | "pool":
            return words
    raise AssertionError(
        f"python -m benchmarks.{name}: this test knows no cheap form of it; say what it needs: <!-- needs: ... -->"
    )


def check_tests(words: list[str]) -> None:
    """``uv run pytest ...``: the files and markers are there. CI runs it."""
    markers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["markers"]
    for before, word in zip(["", *words], words, strict=False):
        if before == "-m":
            assert word in {marker.partition(":")[0] for marker in markers}, f"pytest -m {word}: no such marker"
        elif "/" in word:
            assert (ROOT / word).exists(), f"pytest {word}: no such file"


def test_the_readme_shows_what_the_first_command_prints(desk: Path, capsys: pytest.CaptureFixture) -> None:
    from benchmarks import run

    run.main([*tiny(["strategy=dp"]), "--quiet"])
    shown = next(block for block in BLOCKS if block.document == "README.md" and block.language == "text")
    left = [
        [line[:16].strip() for line in text.splitlines() if line[:1].strip()]
        for text in (shown.text, capsys.readouterr().out)
    ]
    assert left[0] == left[1]
    assert "additions" in left[0]
    run.main(["strategy=dp", "scale=4k", "--dry-run"])
    (folder,) = re.findall(r"^folder +(.+)$", shown.text, re.M)
    assert folder.removeprefix("/home/you/") in capsys.readouterr().out.split()
