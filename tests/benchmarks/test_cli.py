"""The one parser: what it reads, what it says of what it cannot read, help from the same dataclass, exit codes."""

import importlib
import os
import shlex
from dataclasses import dataclass, field, fields
from pathlib import Path

import pytest

from benchmarks import cli
from benchmarks.cli_help import help_text
from dp_common.config.options import option
from dp_common.errors import BadInput


@dataclass
class Options:
    root: str = option("runs", "a folder", positional=True, place=True)
    count: int = option(3, "how many", low=1, high=9000)
    rate: float = option(0.5, "how fast", above=0)
    all: bool = option(False, "all of them")
    figures: bool = option(True, "draw")
    dry_run: bool = option(False, "only say")
    colour: str = option("red", "which colour", choices=("red", "green"))
    parts: tuple[str, ...] = option((), "which parts", unset="all", many=True, choices=lambda: ("a", "b"))
    seed: tuple[int, ...] = option((), "which seeds", unset="all", ranges=True)
    lam: tuple[float, ...] = option((1e-6, 0.01), "ridge", low=0, most=2)
    slurm: dict[str, str] = field(default_factory=dict, metadata={"about": "a profile's", "prefix": True})
    overrides: tuple[str, ...] = option((), "of a run", rest=True)


@dataclass
class Closed:
    root: str = option("runs", "a folder")
    all: bool = option(False, "all of them")


def parsed(*argv):
    return cli.parse(argv, Options)


def test_every_kind_of_word_is_read():
    found = parsed(
        "here", "count=4k", "rate=1e-3", "--all", "figures=no", "colour=green", "parts=b,a", "seeds=0..2,7", "lam=0,1",
        "slurm.time=2h", "strategy=dp", "dp.omega=0,0.1",
    )  # fmt: skip
    assert (found.root, found.count, found.rate, found.all, found.figures) == ("here", 4000, 0.001, True, False)
    assert (found.colour, found.parts, found.seed, found.lam) == ("green", ("b", "a"), (0, 1, 2, 7), (0.0, 1.0))
    assert found.slurm == {"time": "2h"} and found.overrides == ("strategy=dp", "dp.omega=0,0.1")
    assert parsed() == Options() and parsed("parts=all", "seed=all") == Options()


@pytest.mark.parametrize(
    "words, name, value",
    [
        (("--dry-run",), "dry_run", True),
        (("dry_run=true",), "dry_run", True),
        (("dry-run=yes",), "dry_run", True),
        (("--all=no",), "all", False),
        (("all=false",), "all", False),
        (("--root=there",), "root", "there"),
        (("root=~/x",), "root", os.path.expanduser("~/x")),
        (("./lr=0.1",), "root", "./lr=0.1"),
        (("/a b/x,=y",), "root", "/a b/x,=y"),
        (("ein ordner=1",), "root", "ein ordner=1"),
        (("seed=3",), "seed", (3,)),
        (("seeds=3",), "seed", (3,)),
    ],
)
def test_a_word_may_be_spelled_in_several_ways(words, name, value):
    assert getattr(parsed(*words), name) == value


@pytest.mark.parametrize("folder", ["runs", "lr=0.1", "a b/lr=0.1", "-x", "/tmp/ü,=x", "it's"])
def test_a_folder_that_is_shown_in_a_command_is_read_as_the_same(folder):
    (word,) = shlex.split(cli.quoted(folder))
    assert Path(parsed(word).root) == Path(folder)


@pytest.mark.parametrize(
    "words, key, part",
    [
        (("a", "b"), "root", "given twice, first as a"),
        (("a", "root=b"), "root", "given twice"),
        (("seed=1", "seeds=2"), "seed", "given twice, first as 1"),
        (("scale=1k", "scale=2k"), "scale", "scale=2k: given twice, first as 1k"),
        (("slurm.time=1", "slurm.time=2"), "slurm.time", "given twice"),
        (("count=0",), "count", "at least 1"),
        (("count=9001",), "count", "at most 9000"),
        (("count=1.5",), "count", "whole number"),
        (("rate=0",), "rate", "more than 0"),
        (("rate=nan",), "rate", "finite"),
        (("rate=fast",), "rate", "number"),
        (("all=maybe",), "all", "yes or no"),
        (("colour=gren",), "colour", "one of red, green. Did you mean green?"),
        (("parts=c",), "parts", "all, or some of a, b, by commas"),
        (("parts=a,a",), "parts", "different values"),
        (("lam=1,2,3",), "lam", "at most 2 different values"),
        (("lam=-1",), "lam", "at least 0"),
        (("seed=x",), "seed", "all, or numbers and ranges"),
        (("seed=3..1",), "seed", "first..last"),
        (("--al",), "--al", "Did you mean --all?"),
        (("--count",), "--count", "no such key"),
        (("=3",), "=3", "expected key=value"),
        (("",), "''", "expected key=value"),
    ],
)
def test_what_cannot_be_read_is_named(words, key, part):
    with pytest.raises(BadInput) as caught:
        parsed(*words)
    assert caught.value.key == key and part in str(caught.value) and "\n" not in str(caught.value)


def test_keys_that_are_nobodys_are_refused_where_none_go_on():
    for words, part in (
        (["rot=x"], "rot=x: no such key. Did you mean root? Keys: root, --all"),
        (["bare"], "bare: expected key=value"),
        (["seeds=1"], "no such key"),
    ):
        with pytest.raises(BadInput) as caught:
            cli.parse(words, Closed)
        assert part in str(caught.value)


def test_help_tells_every_key_with_its_default_and_what_it_allows(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.parse(["--help", "strategy=dp"], Options, "What it does.", lambda overrides: f"more of {overrides}")
    text = capsys.readouterr().out
    assert ended.value.code == 0 and text.startswith("What it does.\n\nKeys:\n")
    for line in ("root=runs", "count=3", "rate=0.5", "all=no", "parts=all", "slurm.KEY=value", "lam=1e-06,0.01"):
        assert f"\n  {line} " in text, line
    for part in ("at least 1; at most 9,000", "one of red, green", "--all is all=yes", "more of ['strategy=dp']"):
        assert part in text
    assert "Exit codes: 0 done, 2 bad input" in text and max(map(len, text.splitlines())) <= 120
    assert "-h" not in help_text(Closed) and all(f.name in help_text(Closed) for f in fields(Closed))


def test_folders_that_cannot_be_written_are_refused_and_leave_nothing(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for check in (cli.creatable_folder, cli.writable_folder):
        with pytest.raises(BadInput, match="^out=.*: cannot write there"):
            check("out", file / "below" / "it")
    with pytest.raises(BadInput, match="^out=a.csv: cannot write there"):
        cli.writable_folder("out", "/proc/nothing/here", "a.csv")
    cli.creatable_folder("out", tmp_path / "new" / "deep")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert cli.writable_folder("out", tmp_path / "new" / "deep").is_dir()
    assert not list((tmp_path / "new" / "deep").iterdir())


@pytest.mark.parametrize("module", ["speed", "flops", "gpu_check", "train_teacher"])
def test_a_folder_in_place_of_the_file_to_write_is_refused_before_the_work(tmp_path, module):
    words = [f"out={tmp_path}", *(["task=digits"] if module == "train_teacher" else [])]
    with pytest.raises(BadInput, match=f"out={tmp_path}: "):
        importlib.import_module(f"benchmarks.{module}").main(words)


def test_what_differs_from_the_defaults_is_typed_again():
    options = parsed("count=5", "seed=0..3", "figures=no", "parts=a", "colour=green")
    words = cli.as_words(options, ("count", "seed", "figures", "parts", "rate"))
    assert sorted(words) == ["count=5", "figures=no", "parts=a", "seed=0..3"]
    assert cli.seeds_text((7, 0, 1, 2, 9)) == "0..2,7,9"


def test_an_application_without_seeds_names_the_key_as_it_was_typed():
    @dataclass
    class Plain:
        root: str = option("results/runs", "folder of runs")

    with pytest.raises(BadInput, match="^seeds=0..1: no such key. Keys: root$"):
        cli.parse(["seeds=0..1"], Plain)
