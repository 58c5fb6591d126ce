"""``benchmarks.pool fill``: plain images made ahead of the runs that will take them, here or as jobs of a cluster.

    python -m benchmarks.pool fill n=64k teacher=unet seed=0..4 workers=2 root=results/runs
    python -m benchmarks.pool fill grid=table1 root=/shared/runs launcher=slurm profile=h100 jobs=32
    python -m benchmarks.pool fill --dry-run grid=pruning pool.candidates=keep root=/shared/runs

With n=, that many images of each pool, from the first on; without, what the runs of a grid, or of strategy= and scale=,
will take. The other keys are those of these runs: task, teacher, sampler, seed, images, threads decide a plain image.
Fillers share the work through the pool itself, on however many machines: each makes what nobody makes. One that is
killed leaves nothing half; the same command goes on.
"""

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import cli, estimates
from benchmarks.estimates.words import amount, size
from benchmarks.estimates.work import bytes_of, work_of
from benchmarks.pool_checks import require_fillable
from dp_common import files
from dp_common.config.options import option
from dp_common.config.specification import canonical
from dp_common.errors import BadInput, Interrupted, Problem
from dp_common.pool.key import values_of
from dp_common.progress import hours_text

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved
    from slurm.profiles import Profile

HOW_MANY = ("strategy", "scale", "grid")  # what would say it in another way than n=
OF_RUNS = (*HOW_MANY, "preset")


@dataclass
class Options:
    """Keys of ``fill``."""

    n: int = option(0, "images of each pool, from the first on", low=0, unset="what the runs will take")
    launcher: str = option("local", "where: processes here, or jobs of a cluster", choices=("local", "slurm"))
    workers: int = option(1, "with launcher=local: processes", low=1)
    jobs: int = option(1, "with launcher=slurm: jobs for each pool, tasks of one array", low=1)
    profile: str = option("", "with launcher=slurm: the resources of a job, a name of slurm/profiles or a .yaml file")
    slurm: dict[str, str] = field(
        default_factory=dict, metadata={"about": "with launcher=slurm: a key of the profile, changed", "prefix": True}
    )
    part: str = option(
        "0/1", "of several fillers, which this is: where it begins", pattern="[0-9]{1,6}/[1-9][0-9]{0,5}"
    )
    dry_run: bool = option(False, "say what there is, what would be made, about how long it takes, and end")
    prices: str = option("", estimates.ABOUT, unset="what fits best")
    overrides: tuple[str, ...] = option((), "keys of the runs that will take the images, values by commas", rest=True)


class Filling(NamedTuple):
    """One pool to be filled: a run that takes from it, and how many images."""

    resolved: "Resolved"
    n: int

    @property
    def digest(self) -> str:
        """Of all that decides the images but the device."""
        return files.digest(canonical(values_of(self.resolved)))[:8]

    def text(self) -> str:
        """For people."""
        spec = self.resolved.spec
        return f"{spec.task} {spec.teacher} seed={spec.seed}"


def fill(argv: Sequence[str]) -> int:
    """Make what is lacking, have it made, or say what it is; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    profile = profile_of(options)
    fillings = plan(options)
    for filling in fillings:
        cli.creatable_folder("root", filling.resolved.runtime.root)
        require_fillable(filling.resolved)
    if options.dry_run:
        print("\n".join(preview(fillings, options.prices)))
        return 0
    if options.prices:
        raise BadInput("prices", options.prices, "only with dry_run=yes")
    if profile:
        return submit(fillings, options, profile)
    if options.workers > 1:
        words = [word for word in argv if word.partition("=")[0].lstrip("-") != "workers"]
        return side_by_side(words, options.workers)
    return here(fillings, turn_of(options.part))


def profile_of(options: Options) -> "Profile | None":
    """The profile of launcher=slurm, None for launcher=local. Raises BadInput where keys do not go together."""
    from slurm import profiles

    for key, there, launcher in (
        ("profile", options.profile, "slurm"),
        (f"slurm.{next(iter(options.slurm), '')}", options.slurm, "slurm"),
        ("jobs", options.jobs > 1, "slurm"),
        ("workers", options.workers > 1, "local"),
    ):
        if there and options.launcher != launcher:
            raise BadInput(key, getattr(options, key, None), f"only with launcher={launcher}")
    if options.launcher == "local":
        return None
    if not options.profile:
        allowed = f"launcher=slurm needs one of {', '.join(profiles.names())}, or a path to a .yaml file"
        raise BadInput("profile", None, allowed)
    return profiles.load(options.profile, options.slurm)


def plan(options: Options) -> list[Filling]:
    """The pools, and how many images of each. Raises BadInput."""
    from benchmarks import grid_files
    from dp_common.config.resolve import resolve

    given = {word.partition("=")[0]: word.partition("=")[2] for word in options.overrides}
    if "pool" in given:
        raise BadInput("pool", given["pool"], "left out: it is filled")
    if options.n and (key := next((key for key in HOW_MANY if key in given), None)):
        raise BadInput(key, given[key], "left out with n=, which says how many of the plain images of every run")
    if not options.n and not set(OF_RUNS) & set(given):
        raise BadInput("n", 0, "how many images, such as n=64k; or grid=NAME, for what its runs will take")
    words = ["strategy=static", f"scale={options.n}"] if options.n else []
    wanted: dict[bytes, Filling] = {}
    for point in grid_files.expand([*words, *options.overrides, "pool=yes"]):
        run = resolve(point)
        if run.teacher.holds_images:
            continue
        work, kept = work_of(run), run.runtime.pool_candidates == "keep"
        n = options.n or round(work.shared + work.candidates * kept)
        of_pool = canonical(values_of(run))
        if n and n > (wanted[of_pool].n if of_pool in wanted else 0):
            wanted[of_pool] = Filling(run, n)
    if not wanted:
        raise BadInput("teacher", given.get("teacher"), "runs that sample plain images: these take none")
    return list(wanted.values())


# ---------------------------------------------------------------------- before anything is made


def preview(fillings: Sequence[Filling], asked: str) -> list[str]:
    """A line for each pool, and the sum of all."""
    lines, left, taken = [], 0, 0.0
    hours, sources = dict[str, float](), dict[str, None]()
    for filling in fillings:
        run, there = filling.resolved, images_there(filling)
        todo = max(0, filling.n - max(there.values(), default=0))
        disk = todo * bytes_of(str(values_of(run)["images.format"]), values_in(run))
        found = estimates.estimate(run, asked)
        time = f"not known: {found.why}"
        if found.prices:
            spent = todo * found.prices.plain / 3600
            hours[found.device] = hours.get(found.device, 0.0) + spent
            time = f"about {amount(spent, found.device)}" if todo else ""
            sources[f"by {found.prices.source}"] = None
        known = ", ".join(f"{count:,} there ({device})" for device, count in there.items()) or "none there"
        made = f"{todo:,} to make, {size(disk)}" + (f", {time}" if time else "")
        lines.append(f"{filling.text()}: {filling.n:,} plain images, {known}; {made}")
        left, taken = left + todo, taken + disk
    if len(fillings) > 1:
        spent_on = [f", about {amount(spent, device)}" for device, spent in hours.items()]
        lines.append(f"{len(fillings)} pools: {left:,} images to make, {size(taken)}{''.join(spent_on)}")
    return [*lines, *(sources if left else [])]


def values_in(run: "Resolved") -> int:
    """Of the pixels of an image."""
    channels, height, width = run.task.shape
    return channels * height * width


def images_there(filling: Filling) -> dict[str, int]:
    """{device: how many of these images are there}, as the pools' files say."""
    from benchmarks.pool import pools_under
    from dp_common.pool import store

    run, found = filling.resolved, dict[str, int]()
    values = values_of(run)
    for folder, about in pools_under(Path(run.runtime.root)):
        if canonical(values) != canonical({key: about[key] for key in values if key in about}):
            continue
        whole = {tuple(block) for block in cut(filling)}
        for path in store.files_in(folder):
            try:
                said = {(record["start"], record["stop"]) for record in store.records_of(path, folder.name)}
            except Problem as problem:
                print(f"note: {problem}", file=sys.stderr)
                continue
            device = str(about["device"])
            found[device] = found.get(device, 0) + sum(stop - start for start, stop in said & whole)
            whole -= said
    return found


def cut(filling: Filling) -> list[tuple[int, int]]:
    """(start, stop) of the blocks of a filling."""
    block = filling.resolved.spec.sampler.block
    return [(start, min(start + block, filling.n)) for start in range(0, filling.n, block)]


# ---------------------------------------------------------------------- here


def here(fillings: Sequence[Filling], turn: float) -> int:
    """Fill in this process; returns the exit code. Raises Interrupted."""
    from benchmarks.run import stop_on_signals
    from dp_common.lab.filling import fill as fill_pool
    from dp_common.lab.runner import preflight
    from dp_common.progress import Progress

    stop = stop_on_signals()

    def pause() -> None:
        if stop():
            raise Interrupted("interrupted; what is made is kept, the same command goes on")

    for filling in fillings:
        device = preflight(filling.resolved)
        with Progress(None).task("generate", filling.n) as show:
            made = fill_pool(filling.resolved, filling.n, device, show, pause, turn)
        there = f"{filling.text()}: {filling.n:,} images are there"
        print(f"{there}; {made.images:,} made here, {hours_text(made.seconds / 3600)} h spent on them", file=sys.stderr)
    return 0


def turn_of(part: str) -> float:
    """1/4 -> 0.25. Raises BadInput."""
    number, of = map(int, part.split("/"))
    if number >= of:
        raise BadInput("part", part, f"0/{of} to {of - 1}/{of}")
    return number / of


def side_by_side(words: Sequence[str], workers: int) -> int:
    """So many processes, each begun elsewhere; one that dies leaves its images to the others. Returns the exit code."""
    from benchmarks.local_ranks import passer

    command = [sys.executable, "-m", "benchmarks.pool", "fill", *words]
    processes = [subprocess.Popen([*command, f"part={number}/{workers}"]) for number in range(workers)]
    signal.signal(signal.SIGTERM, passer(processes))
    signal.signal(signal.SIGINT, lambda *_: None)  # a terminal tells all processes itself
    codes = [process.wait() for process in processes]
    bad = [code for code in codes if code]
    if bad and not all(codes):
        print(f"note: {len(bad)} of {workers} processes ended early; the others made their images", file=sys.stderr)
    failed = [code for code in bad if code != Interrupted.code]
    return 0 if not all(codes) else max(1, *failed) if failed else Interrupted.code


# ---------------------------------------------------------------------- as jobs


def submit(fillings: Sequence[Filling], options: Options, profile: "Profile") -> int:
    """Jobs of a cluster; returns the exit code."""
    from benchmarks.sweep import sweep_name
    from slurm import launch, snapshot, state
    from slurm.jobs import FillJob

    root = Path(fillings[0].resolved.runtime.root)
    name = f"fill-{sweep_name([*options.overrides, f'n={options.n}'])}"
    launch.check_cluster(profile)
    if live := [job for job in state.jobs(root)[0] if job.live and job.sweep == name]:
        print(f"{len(live)} jobs of it are queued or running already", file=sys.stderr)
        return 0
    cli.writable_folder("root", root / ".slurm", root)
    work: dict[str, Any] = {}
    for filling in fillings:
        words, plugins = snapshot.pin(filling.resolved, root)
        job = FillJob(words, plugins, filling.digest, filling.n, 0, options.jobs, profile.grace)
        work |= {f"fill-{filling.digest}-{part}": replace(job, part=part) for part in range(options.jobs)}
    threads = max(filling.resolved.spec.threads for filling in fillings)
    ids = launch.submit_fill(work, profile.cpus or threads, root, name, profile)
    first = next(iter(ids.values())).partition("_")[0]
    print(f"{len(work)} jobs submitted as {first}: python -m benchmarks.pool {cli.quoted(root)}", file=sys.stderr)
    print(f"to end them: python -m benchmarks.cancel sweep={name} root={root}", file=sys.stderr)
    return 0
