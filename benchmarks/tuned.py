"""What each method of a grid is best at, on monitor; and a grid of the best settings, for other seeds.

    python -m benchmarks.sweep grid=rivals-tuning
    python -m benchmarks.tuned results/runs                                  every setting, the best of a method marked
    python -m benchmarks.tuned results/runs seed=20..35 scale=1k,4k save=tuned.yaml
    python -m benchmarks.sweep grid=./tuned.yaml

A method is an entry of the grid with the words that it may choose from (``dp.score: [margin, loss]`` are two methods);
its settings are the numbers (``dp.omega: [0.1, 0.2]``). The best has the highest mean accuracy on monitor; of equal
ones the first of the grid. Where runs of a method are missing nothing is chosen. These seeds decide nothing else:
``save=`` writes the best settings as a grid of other seeds and, with ``scale=``, other scales. Nothing is run.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import cli, grid_files, opening
from dp_common.config import grid
from dp_common.config.options import option
from dp_common.config.resolve import resolve
from dp_common.config.specification import Runtime
from dp_common.config.typed import is_number
from dp_common.errors import BadInput

if TYPE_CHECKING:
    from results.analysis.tuning import Method, Words

REPLICATES = ("seed", "data.split")
SWITCHES = ("yes", "no", "on", "off", "y", "n")  # words that YAML takes for true and false
PLAIN = re.compile(r"[A-Za-z0-9_./+-]+")  # a value that YAML takes as it is


@dataclass
class Options:
    """Keys of this application."""

    root: tuple[str, ...] = option(
        (Runtime.root,), "folder of runs, at any depth; several may be given", positional=True, place=True, several=True
    )
    grid: str = option("rivals-tuning", "the grid whose entries are methods, by name or path")
    seed: tuple[int, ...] = option((), "seeds of the grid that save= writes, such as 20..35", unset="none", ranges=True)
    scale: str = option("", "scales of that grid, such as 1k,4k", unset="those that were tuned at")
    save: str = option("", "file to write the best settings to, as a grid", unset="none", place=True)
    out: str = option("", "folder to write to; ./tuned with several roots", place=True, shown="<root>/tuned")


def main(argv: Sequence[str]) -> int:
    """Print and write what is best; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    refuse_save(options)
    for root in options.root:
        cli.existing_folder("root", root)
    out = Path(options.out or (Path(options.root[0]) / "tuned" if len(options.root) == 1 else "tuned"))
    cli.creatable_folder("out", out)
    entries = [grid_files.combine([entry], {}) for entry in grid_files.read(options.grid)]
    used = {seed_of(tuple(point)) for points in entries for point in points}
    if both := used & set(options.seed):
        said = f"tuned on by grid={options.grid}: what is reported takes other seeds"
        raise BadInput("seed", cli.seeds_text(sorted(both)), said)
    from results.analysis import tuning
    from results.analysis.study import load

    found = tuning.methods(asked_of(entries), load(options.root).runs)
    files = write(found, options.grid, out)
    if options.save:
        files.append(save(found, options))
    opening.written(files, ["benchmarks.sweep", f"grid={options.save}"] if options.save else [])
    return 0


def refuse_save(options: Options) -> None:
    """Refuse a place or seeds that no grid can be written with. Raises BadInput."""
    if bool(options.seed) != bool(options.save):
        key, other = ("seed", "save=FILE.yaml") if options.seed else ("save", "seed=FIRST..LAST")
        raise BadInput(key, options.save or cli.seeds_text(options.seed), f"goes with {other}")
    if options.scale and not options.save:
        raise BadInput("scale", options.scale, "goes with save=FILE.yaml")
    if not options.save:
        return
    for scale in grid.values_of("scale", options.scale) if options.scale else ():
        resolve([f"scale={scale}"])
    if not options.save.endswith(".yaml"):
        raise BadInput("save", options.save, "a grid is a file that ends in .yaml")
    if Path(options.save).exists():
        raise BadInput("save", options.save, "is there already; what was chosen is not replaced: name another")
    cli.creatable_file("save", options.save)


def is_of(word: str, *keys: str) -> bool:
    """Is it one of these keys that a word sets?"""
    return word.partition("=")[0].removeprefix("runtime.") in keys


def seed_of(point: Sequence[str]) -> int:
    """The seed of a run in words, named or not."""
    named = [word.partition("=")[2] for word in point if is_of(word, "seed")]
    return int(named[-1] if named else resolve(point).values["seed"])


def asked_of(entries: "Sequence[Sequence[Sequence[str]]]") -> "dict[tuple[Words, Words], dict[Words, list[str]]]":
    """{(words of a method, keys of its settings): {words of a setting: ids of its runs}}.

    ``entries`` of a grid are lists of runs in words. Of the keys that have several values in an entry those with
    numbers alone are settings; seeds and splits of the data are replicates, and each scale is tuned by itself. Runs are
    in the order of their replicates, which all settings of a method share.

    Raises:
        BadInput: they do not.
    """
    asked: dict[tuple[Words, Words], dict[Words, dict[tuple[int, ...], str]]] = {}
    for points in entries:
        values: dict[str, set[str]] = {}
        for word in (word for point in points for word in point):
            values.setdefault(word.partition("=")[0], set()).add(word.partition("=")[2])
        several = {key for key, found in values.items() if len(found) > 1 and all(map(is_number, found))}
        tuned = tuple(sorted(several - {*REPLICATES, "scale"}))
        for point in points:
            words = tuple(word for word in point if not is_of(word, *REPLICATES, *tuned))
            setting = tuple(word for word in point if is_of(word, *tuned))
            run = resolve(point)
            replicate = tuple(int(run.values[key]) for key in REPLICATES)  # an entry may say again what another said
            asked.setdefault((words, tuned), {}).setdefault(setting, {})[replicate] = run.run_id
    for (words, _), settings in asked.items():
        if len({frozenset(runs) for runs in settings.values()}) > 1:
            told = "; ".join(f"{' '.join(setting)}: {seeds_of(runs)}" for setting, runs in settings.items())
            raise BadInput(
                "grid", " ".join(words), f"its settings have different seeds, which are not compared: {told}"
            )
    return {
        method: {setting: [runs[one] for one in sorted(runs)] for setting, runs in settings.items()}
        for method, settings in asked.items()
    }


def seeds_of(replicates: Iterable[tuple[int, ...]]) -> str:
    """``seeds 100..103``."""
    return f"seeds {cli.seeds_text(sorted({one[0] for one in replicates}))}"


def write(methods: "Sequence[Method]", grid_name: str, out: Path) -> list[Path]:
    """Print the table and write the files; returns their paths."""
    from dp_common.files import write_atomic
    from results.tables import render, tuned
    from results.tables.csv import as_csv

    table = tuned.table(methods, grid_name)
    print(render.text(table))
    cli.writable_folder("out", out)
    write_atomic(out / "tuned.md", (render.markdown(table) + "\n").encode())
    write_atomic(out / "tuned.csv", as_csv(tuned.frame(methods)).encode())
    return [out / "tuned.md", out / "tuned.csv"]


def save(methods: "Sequence[Method]", options: Options) -> Path:
    """Write the best settings as a grid of other seeds. Raises BadInput where a method has none, or several at the
    scales asked for.
    """
    from dp_common.files import write_atomic

    blocks = []
    if options.scale:
        names = [tuple(word for word in method.words if not is_of(word, "scale")) for method in methods]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            several = (
                f"{' '.join(twice)} was tuned at several scales, each by itself: leave scale= out, each keeps its own"
            )
            raise BadInput("scale", options.scale, several)
    for method in methods:
        if method.best is None:
            lacking = f"runs of {method.name} are missing: run grid={options.grid} to its end first"
            raise BadInput("save", options.save, lacking)
        words = [word for word in (*method.words, *method.best.words) if not (options.scale and is_of(word, "scale"))]
        lines = [f"{key}: {yaml_text(value)}" for key, _, value in (word.partition("=") for word in words)]
        lines += [f"scale: [{', '.join(grid.values_of('scale', options.scale))}]"] if options.scale else []
        lines += [f"seed: [{', '.join(map(str, options.seed))}]"]
        blocks.append("- " + "\n  ".join(lines))
    head = f"# The best settings of grid={options.grid}, chosen on monitor by benchmarks.tuned."
    path = Path(options.save)
    write_atomic(path, ("\n".join([head, *blocks]) + "\n").encode())
    return path


def yaml_text(value: str) -> str:
    """A value, quoted where it has to be."""
    plain = PLAIN.fullmatch(value) and value.lower() not in SWITCHES
    return value if plain or value.startswith('"') else json.dumps(value)


if __name__ == "__main__":
    cli.guarded(main)
