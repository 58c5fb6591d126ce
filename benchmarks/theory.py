"""The paper's theory, drawn beside simulation: when does training on the hardest part of a pool pay?

    python -m benchmarks.theory                       everything, one to two minutes; figures and numbers in results/runs/theory
    python -m benchmarks.theory repeats=100 seed=1    smaller error bars, other draws
    python -m benchmarks.theory d=512 n=512,1k lam=1e-4,0 rho=0.8 root=results/runs out=paper/theory

The model: x ~ N(0, I_d), labels y = sign(w_0·x), a pool of n; kept is what a pruner of direction w_s finds hard (small |w_s·x|), easy
(large), or a random part; a ridge classifier is trained on it, λ normalised by the pool. The test error has an exact limit for large
d and n (dp_common/theory.py, which names two misprints of the paper). Lines are that limit; points are classifiers really trained
(dp_common/theory_simulation.py), with 95 % t-intervals over ``repeats``. Nothing is fitted: points off the line are theory failing. A
thin line is the limit with the noise along the pruner at this d added, which the limit forgets; mostly the two coincide.

What you see:
    error-keep           error against the share p kept, a panel per pool and λ. Grey: p = φ = d/n, where as many are kept as there are
                         dimensions; with tiny λ the error peaks there (at any finite d below the limit's 1/2)
    accuracy-kept        accuracy against the number kept, for the hardest 10, 50, 80, 90 and 100 %; pools of kept/p. Above, a pruner
                         of cosine ``rho`` with the truth, below a perfect one
    accuracy-oversample  accuracy against pool/kept at equal numbers kept: the inverted U. On the right λ is normalised by the kept
                         part instead, so that it does not grow with the pool
    imperfect            error where labels are not the truth's: of a generator of another direction, with a pruner that shares its
                         mistakes or does not, and flipped at random; hard, soft (the paper's eq. 27), mixed, easy, random
    loop                 the linear toy of the whole loop over 2d images a round: candidates chosen by nobody, by the learner of the
                         first round (frozen), by the learner now (adaptive); same candidates for all. Below, differences of pairs
    agreement            all simulated points of the study against the limit, and their deviations in standard errors. Judged are those
                         where the limit is expected to hold at this d (dp_common/theory.py says where it is not); a point
                         that chance would hardly explain is simulated again, ten times as often, and that is judged

Keys:
    root=results/runs    its own ledger is <root>/theory/theory.jsonl, append-only, a line per point with its settings; a repeated
                         command computes only what is not there
    out=<root>/theory    folder of figures (SVG, PNG, CSV), agreement.csv and loop-differences.csv
    d=350  n=250,600,1k  dimensions; pool sizes (in accuracy-oversample: numbers kept)
    lam=1e-6,1e-2        ridge λ, 0 for the limit λ → 0; the last is the one of imperfect and loop
    rho=0.9              cosine between pruner and truth
    repeats=16  seed=0   simulations per point (pairs per pool size in loop), and the seed they derive from

Exit codes: 0 done, 2 bad input, 3 another process writes this ledger, 1 anything else.
"""

import fcntl
import hashlib
import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from benchmarks.cli import guarded
from dp_common.config.typed import count
from dp_common.config.resolve import parse as parse_words
from dp_common.config.specification import Runtime
from dp_common.errors import BadInput, Held, did_you_mean
from dp_common.persistence.ledger import encode
from dp_common.theory import asymptotics

RECIPE = 1  # raised when the same keys would give other numbers
AGAIN = 10
QS = {
    "hard": asymptotics.Hard,
    "easy": asymptotics.Easy,
    "random": asymptotics.Random,
    "soft": asymptotics.Soft,
    "mixed": lambda keep: asymptotics.Mixed(((0.5, asymptotics.Hard(keep)), (0.5, asymptotics.Random(keep)))),
}
KEEPS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
TOPS = (0.1, 0.5, 0.8, 0.9, 1.0)
LOOP = {"d": 100, "initial": 200, "per_round": 200, "rounds": 9}
POOLS = (2, 4, 16)


@dataclass
class Options:
    """What decides the numbers of a study."""

    d: int = 350
    n: list = field(default_factory=lambda: [250, 600, 1000])
    lam: list = field(default_factory=lambda: [1e-6, 1e-2])
    rho: float = 0.9
    repeats: int = 16
    seed: int = 0

    @property
    def study(self):
        return hashlib.sha256(json.dumps([RECIPE, asdict(self)]).encode()).hexdigest()[:12]


def main(words):
    if {"--help", "-h"} & set(words):
        print(__doc__.strip())
        return
    options, root, out = parse(words)
    folder = Path(root) / "theory"
    out = Path(out) if out else folder
    for key, path in (("root", folder), ("out", out)):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(key, path, f"cannot write there: {error.strerror}") from error
    from threadpoolctl import threadpool_limits

    with (
        Journal(folder / "theory.jsonl", options) as journal,
        threadpool_limits(1),
    ):  # small matrices; and sums keep their order
        compute(options, journal, words)
        records = journal.records
    from results.analysis import theory as found
    from results.figures.theory import draw

    written = [figure.name for figure in draw(records, options.study, out)]
    print(found.summary_text(records, options.study))
    print(f"\nwritten to {out}: {', '.join(sorted([*written, 'loop-differences']))}", file=sys.stderr)


def parse(words):
    """Words -> (Options, root, out). Raises BadInput."""
    chosen, root, out = {}, Runtime.root, ""
    known = ("root", "out", *Options.__dataclass_fields__)
    for key, value in parse_words(words).items():
        if key not in known:
            raise BadInput(key, value, f"no such key.{did_you_mean(key, known)} Keys: {', '.join(known)}")
        if key == "root":
            root = value
        elif key == "out":
            out = value
        else:
            chosen[key] = typed(key, value)
    return Options(**chosen), root, out


def typed(key, text):
    """One key of a study. Raises BadInput."""
    one = {
        "d": lambda v: bounded(key, count(key, v), 10, 4000),
        "n": lambda v: bounded(key, count(key, v), 10, 20_000),
        "lam": lambda v: bounded(key, number(key, v), 0, 1e6),
        "rho": lambda v: bounded(key, number(key, v), -1, 1),
        "repeats": lambda v: bounded(key, count(key, v), 2, 100_000),
        "seed": lambda v: bounded(key, count(key, v), 0, 2**62),
    }[key]
    if key not in ("n", "lam"):
        return one(text)
    values = [one(part) for part in text.split(",")]
    if len(set(values)) < len(values) or len(values) > 4:
        raise BadInput(key, text, "one to four different values, by commas")
    return values


def number(key, text):
    try:
        return float(text)
    except ValueError:
        raise BadInput(key, text, "a number, such as 0.9 or 1e-6") from None


def bounded(key, value, low, high):
    if not low <= value <= high:
        raise BadInput(key, value, f"from {low:,} to {high:,}")
    return value


class Journal:
    """The one writer of the ledger: lines as dp_common.persistence.ledger writes them, in a file that no run has. ``done`` are keys of this study."""

    def __init__(self, path, options):
        from results.analysis.theory import read

        self.file = open(path, "a+b", buffering=0)
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.file.close()
            raise Held(f"{path}: another process is writing it") from None
        self.records, self.study = read(path), options.study
        self.file.truncate(path.read_bytes().rfind(b"\n") + 1)  # a torn last line
        self.done = {record["key"] for record in self.records if record.get("study") == self.study and "key" in record}

    def append(self, kind, **content):
        record = {"n": len(self.records), "t": round(time.time(), 3), "kind": kind, "study": self.study, **content}
        line, size = encode(record), os.fstat(self.file.fileno()).st_size
        try:
            if self.file.write(line) != len(line):
                raise OSError(28, "No space left on device", self.file.name)
            os.fsync(self.file.fileno())
        except OSError:
            self.file.truncate(size)
            raise
        self.records.append(json.loads(json.dumps(record)))

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.file.close()  # and with it the lock


def compute(options, journal, words):
    """Bring the ledger up to the study: every curve, point and loop that is not in it."""
    wanted = [(kind, key_of(item), item) for kind, item in plan(options)]
    missing = [entry for entry in wanted if entry[1] not in journal.done]
    if not missing:
        return replicate(options, journal)
    from dp_common.persistence.provenance import commit, cpu_model

    journal.append("open", options=asdict(options), argv=words, git=commit(), cpu=cpu_model(), versions=versions())
    since, told, figure = time.monotonic(), 0, None
    for kind, key, item in missing:
        if item["figure"] != figure:
            figure, told = item["figure"], told + 1
            print(f"{time.monotonic() - since:5.0f} s  {figure}", file=sys.stderr)
        journal.append(kind, key=key, **item, **{"curve": curve, "point": point, "loop": loop}[kind](item, options))
    replicate(options, journal)


def replicate(options, journal):
    """Simulate the points whose deviation chance would hardly give (of so many, one study in twenty has one) again, AGAIN times as often
    and with fresh draws, and let that stand: a theory that is wrong there fails by more, chance does not repeat itself.
    """
    from results.analysis import theory as found

    lines = found.of_study(journal.records, options.study)[1]
    suspects = found.suspects(lines)
    for line in [line for line in lines if line["kind"] == "point" and not line.get("again")]:
        if found.point_of(line) in suspects and f"{line['key']} again" not in journal.done:
            item = {key: line[key] for key in ("figure", "panel", "series", "x", "settings")}
            more = point(item, replace(options, repeats=AGAIN * options.repeats), "again ")
            journal.append("point", key=f"{line['key']} again", **item, **more, again=True)


def key_of(item):
    return hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()[:16]


def versions():
    from importlib.metadata import version

    return {"python": sys.version.split()[0], **{name: version(name) for name in ("numpy", "scipy")}}


def curve(item, options):
    """{"error", "finite": [one per x]}: the limit, and with the noise along the pruner at this d."""
    at = lambda place: {
        key: value[place] if isinstance(value, list) else value for key, value in item["settings"].items()
    }
    both = [limits(at(place)) for place in range(len(item["x"]))]
    return {"error": [limit for limit, _ in both], "finite": [finite for _, finite in both]}


def limits(settings):
    rest = {key: value for key, value in settings.items() if key not in ("q", "keep", "n", "d")}
    q, phi = QS[settings["q"]](settings["keep"]), settings["d"] / settings["n"]
    return asymptotics.error(q, phi, **rest), asymptotics.error(q, phi, **rest, d=settings["d"])


def point(item, options, draws=""):
    """{"limit", "finite", "simulated", "se", "repeats", "beyond"}. ``beyond``: why the limit is not expected to hold at this d, or "":
    ``peak`` (p within 1/√d of φ, where the limit has a cusp), ``noise`` (that along the pruner moves the error by over 0.1 points).
    """
    from dp_common.theory.simulation import estimate, simulate

    settings = dict(item["settings"])
    q = QS[settings.pop("q")](settings.pop("keep"))
    found = estimate(simulate(q, **settings, repeats=options.repeats, seed=options.seed, what=draws + key_of(item)))
    p, phi = asymptotics.scalars(q, settings["rho"]).p, settings["d"] / settings["n"]
    limit, finite = limits(item["settings"])
    beyond = "peak" if abs(p / phi - 1) < settings["d"] ** -0.5 else "noise" if abs(finite - limit) > 1e-3 else ""
    return {
        "limit": limit,
        "finite": finite,
        "simulated": found.mean,
        "se": found.se,
        "repeats": found.repeats,
        "beyond": beyond,
    }


def loop(item, options):
    """{"error": {arm: [rounds + 1]}, "kept": [rounds + 1], "generated": {arm: [rounds + 1]}}."""
    from dp_common.theory import simulation as theory_simulation

    settings = item["settings"]
    errors = theory_simulation.loop(**settings)
    rounds = np.arange(settings["rounds"] + 1)
    seen = {
        arm: settings["initial"] + settings["per_round"] * rounds * (1 if arm == "random" else settings["pool"])
        for arm in errors
    }
    return {
        "error": {arm: list(map(float, values)) for arm, values in errors.items()},
        "kept": (settings["initial"] + settings["per_round"] * rounds).tolist(),
        "generated": {arm: x.tolist() for arm, x in seen.items()},
    }


def plan(options):
    """(kind, {figure, panel, series, x, settings}) of everything in a study. A curve has lists of x and of the settings that vary."""
    for figure, panel, series, settings_at, xs, marks in lines(options):
        place = {"figure": figure, "panel": panel, "series": series}
        along = [settings_at(float(x)) for x in xs]
        merged = {
            key: [at[key] for at in along] if len({at[key] for at in along}) > 1 else value
            for key, value in along[0].items()
        }
        yield "curve", place | {"x": [float(x) for x in xs], "settings": merged}
        for x in marks:
            settings = settings_at(float(x))
            n = round(settings["n"])
            yield "point", place | {"x": float(x), "settings": settings | {"n": n}}
    for pool in POOLS:
        for seed in range(options.repeats):
            yield (
                "loop",
                {
                    "figure": "loop",
                    "panel": [pool],
                    "settings": {**LOOP, "pool": pool, "lam": options.lam[-1], "seed": options.seed + seed},
                },
            )


def lines(options):
    """(figure, panel, series, settings at x, x of the line, x of the simulated points)."""
    d, rho, last = options.d, options.rho, options.lam[-1]
    base = {"d": d, "rho": rho}
    for lam in options.lam:
        for n in options.n:
            near = [d / n * (1 + step) for step in (-0.02, -0.005, 0, 0.005, 0.02)]
            xs = sorted({*np.linspace(0.02, 1, 99), *(x for x in near if x < 1)})
            for q in ("hard", "easy", "random"):
                yield (
                    "error-keep",
                    [lam, n],
                    q,
                    lambda p, q=q, n=n, lam=lam: base | {"q": q, "keep": p, "n": n, "lam": lam},
                    xs,
                    KEEPS,
                )
    for cosine in dict.fromkeys((rho, 1.0)):
        for lam in options.lam:
            for top in TOPS:
                yield (
                    "accuracy-kept",
                    [cosine, lam],
                    top,
                    lambda k, top=top, lam=lam, cosine=cosine: (
                        base | {"rho": cosine, "q": "hard", "keep": top, "n": k / top, "lam": lam}
                    ),
                    d * np.geomspace(0.2, 8, 73),
                    [round(d * x) for x in (0.25, 0.5, 0.8, 1.5, 3, 6)],
                )
    for lam, by in (*((lam, "pool") for lam in options.lam), (last, "kept")):
        for kept in options.n:
            yield (
                "accuracy-oversample",
                [lam, by],
                kept,
                lambda ratio, kept=kept, lam=lam, by=by: (
                    base
                    | {"q": "hard", "keep": 1 / ratio, "n": kept * ratio, "lam": lam / ratio if by == "kept" else lam}
                ),
                [1, *(1 + np.geomspace(2e-3, 63, 60))],
                (1, 2, 4, 8, 16, 32),
            )
    n = max(options.n)
    imperfect = {
        "independent": (np.linspace(0.5, 1, 51), (0.5, 0.7, 0.8, 0.9, 1), lambda g: {"rho_g": g, "rho_sg": rho * g}),
        "shared": (np.linspace(0.5, 1, 51), (0.5, 0.7, 0.8, 0.9, 1), lambda g: {"rho": g, "rho_g": g, "rho_sg": 1.0}),
        "flips": (np.linspace(0, 0.45, 46), (0, 0.1, 0.2, 0.3, 0.4), lambda flip: {"flip": flip}),
    }
    for panel, (xs, marks, more) in imperfect.items():
        for q in QS:
            yield (
                "imperfect",
                [panel],
                q,
                lambda x, q=q, more=more: base | {"q": q, "keep": 0.5, "n": n, "lam": last} | more(x),
                xs,
                marks,
            )


if __name__ == "__main__":
    guarded(main)
