"""What a study of the theory consists of: every curve, simulated point and loop, and how each is computed.

Items are plain dicts, as the ledger of ``benchmarks.theory`` keeps them: ``figure``, ``panel``, ``series``, ``x`` (of a
point; a list of a curve) and ``settings``, from which the item follows.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from dp_common.config.options import option
from dp_common.theory import asymptotics, selections

RECIPE = 1  # raised when the same keys would give other numbers
Item = dict[str, Any]
QS: dict[str, Callable[[float], Any]] = {
    "hard": selections.Hard,
    "easy": selections.Easy,
    "random": selections.Random,
    "soft": selections.Soft,
    "mixed": lambda keep: selections.Mixed(((0.5, selections.Hard(keep)), (0.5, selections.Random(keep)))),
}
KEEPS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
TOPS = (0.1, 0.5, 0.8, 0.9, 1.0)
LOOP = {"d": 100, "initial": 200, "per_round": 200, "rounds": 9}
POOLS = (2, 4, 16)


@dataclass
class Study:
    """What decides the numbers of a study."""

    d: int = option(350, "dimensions", low=10, high=4000)
    n: tuple[int, ...] = option(
        (250, 600, 1000), "pool sizes (in accuracy-oversample: numbers kept), by commas", low=10, high=20_000, most=4
    )
    lam: tuple[float, ...] = option(
        (1e-6, 1e-2),
        "ridge λ, by commas; 0 for the limit λ → 0; the last is the one of imperfect and loop",
        low=0,
        high=1e6,
        most=4,
    )
    rho: float = option(0.9, "cosine between pruner and truth", low=-1, high=1)
    repeats: int = option(16, "simulations per point (pairs per pool size in loop)", low=2, high=100_000)
    seed: int = option(0, "what they derive from", low=0, high=2**62)

    def values(self) -> dict[str, Any]:
        """The keys of a study, without those of the application."""
        return {field.name: getattr(self, field.name) for field in fields(Study)}

    @property
    def study(self) -> str:
        """The name of the study: a digest of its keys."""
        return hashlib.sha256(json.dumps([RECIPE, self.values()]).encode()).hexdigest()[:12]


class Line(NamedTuple):
    """A curve of a figure, and the points of it that are simulated."""

    figure: str
    panel: list[Any]
    series: Any
    settings_at: Callable[[float], dict[str, Any]]
    xs: Iterable[float]
    simulated: Sequence[float]


def plan(study: Study) -> Iterator[tuple[str, Item]]:
    """(kind, item) of everything in a study: curves and their simulated points, then the loops.

    A curve has lists of ``x`` and of the settings that vary along it.
    """
    for line in lines(study):
        item = {"figure": line.figure, "panel": line.panel, "series": line.series}
        along = [line.settings_at(float(x)) for x in line.xs]
        merged = {
            key: [settings[key] for settings in along] if len({settings[key] for settings in along}) > 1 else value
            for key, value in along[0].items()
        }
        yield "curve", item | {"x": [float(x) for x in line.xs], "settings": merged}
        for x in line.simulated:
            settings = line.settings_at(float(x))
            yield "point", item | {"x": float(x), "settings": settings | {"n": round(settings["n"])}}
    for pool in POOLS:
        for seed in range(study.repeats):
            settings = {**LOOP, "pool": pool, "lam": study.lam[-1], "seed": study.seed + seed}
            yield "loop", {"figure": "loop", "panel": [pool], "settings": settings}


def lines(study: Study) -> Iterator[Line]:
    """Every curve of a study, figure by figure."""
    yield from error_by_share_kept(study)
    yield from accuracy_by_number_kept(study)
    yield from accuracy_by_oversampling(study)
    yield from imperfect_labels(study)


def error_by_share_kept(study: Study) -> Iterator[Line]:
    """Error against the share kept; a panel per pool and λ."""
    base = {"d": study.d, "rho": study.rho}
    for lam in study.lam:
        for n in study.n:
            near = [study.d / n * (1 + step) for step in (-0.02, -0.005, 0, 0.005, 0.02)]
            xs = sorted({*np.linspace(0.02, 1, 99), *(x for x in near if x < 1)})
            for q in ("hard", "easy", "random"):

                def settings_at(p: float, q: str = q, n: int = n, lam: float = lam) -> dict[str, Any]:
                    return base | {"q": q, "keep": p, "n": n, "lam": lam}

                yield Line("error-keep", [lam, n], q, settings_at, xs, KEEPS)


def accuracy_by_number_kept(study: Study) -> Iterator[Line]:
    """Accuracy against the number kept, for several shares of hardest ones; of the study's pruner and a perfect one."""
    simulated = [round(study.d * x) for x in (0.25, 0.5, 0.8, 1.5, 3, 6)]
    for cosine in dict.fromkeys((study.rho, 1.0)):
        for lam in study.lam:
            for top in TOPS:

                def settings_at(k: float, top: float = top, lam: float = lam, cosine: float = cosine) -> dict[str, Any]:
                    return {"d": study.d, "rho": cosine, "q": "hard", "keep": top, "n": k / top, "lam": lam}

                xs = study.d * np.geomspace(0.2, 8, 73)
                yield Line("accuracy-kept", [cosine, lam], top, settings_at, xs, simulated)


def accuracy_by_oversampling(study: Study) -> Iterator[Line]:
    """Accuracy against pool/kept at equal numbers kept; λ normalised by the pool, and once by the kept part."""
    base = {"d": study.d, "rho": study.rho, "q": "hard"}
    for lam, by in (*((lam, "pool") for lam in study.lam), (study.lam[-1], "kept")):
        for kept in study.n:

            def settings_at(ratio: float, kept: int = kept, lam: float = lam, by: str = by) -> dict[str, Any]:
                return base | {"keep": 1 / ratio, "n": kept * ratio, "lam": lam / ratio if by == "kept" else lam}

            xs = [1, *(1 + np.geomspace(2e-3, 63, 60))]
            yield Line("accuracy-oversample", [lam, by], kept, settings_at, xs, (1, 2, 4, 8, 16, 32))


def imperfect_labels(study: Study) -> Iterator[Line]:
    """Error where labels are a generator's of another direction (the pruner's mistakes or not), or flipped."""
    base = {"d": study.d, "rho": study.rho}
    cosines = np.linspace(0.5, 1, 51), (0.5, 0.7, 0.8, 0.9, 1)
    panels: dict[str, tuple[Any, Sequence[float], Callable[[float], dict[str, float]]]] = {
        "independent": (*cosines, lambda cosine: {"rho_g": cosine, "rho_sg": study.rho * cosine}),
        "shared": (*cosines, lambda cosine: {"rho": cosine, "rho_g": cosine, "rho_sg": 1.0}),
        "flips": (np.linspace(0, 0.45, 46), (0, 0.1, 0.2, 0.3, 0.4), lambda flip: {"flip": flip}),
    }
    for panel, (xs, simulated, more) in panels.items():
        for q in QS:

            def settings_at(x: float, q: str = q, more: Callable[[float], dict[str, float]] = more) -> dict[str, Any]:
                return base | {"q": q, "keep": 0.5, "n": max(study.n), "lam": study.lam[-1]} | more(x)

            yield Line("imperfect", [panel], q, settings_at, xs, simulated)


def key_of(item: Item) -> str:
    """The name of an item: a digest of it."""
    return hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()[:16]


def compute(kind: str, item: Item, repeats: int, seed: int, draws: str = "") -> Item:
    """The numbers of an item, as the ledger keeps them. ``draws``: another word gives a point other draws."""
    if kind == "curve":
        return curve(item)
    return point(item, repeats, seed, draws) if kind == "point" else loop(item)


def curve(item: Item) -> Item:
    """{"error", "finite": [one per x]}: the limit, and with the noise along the pruner at this d."""
    both = []
    for index in range(len(item["x"])):
        at_x = {key: value[index] if isinstance(value, list) else value for key, value in item["settings"].items()}
        both.append(limits(at_x))
    return {"error": [limit for limit, _ in both], "finite": [finite for _, finite in both]}


def limits(settings: dict[str, Any]) -> tuple[float, float]:
    """(the limit of the test error, the same with the noise along the pruner at this d)."""
    rest = {key: value for key, value in settings.items() if key not in ("q", "keep", "n", "d")}
    q, phi = QS[settings["q"]](settings["keep"]), settings["d"] / settings["n"]
    return asymptotics.error(q, phi, **rest), asymptotics.error(q, phi, **rest, d=settings["d"])


def point(item: Item, repeats: int, seed: int, draws: str = "") -> Item:
    """A simulated point beside the limit.

    Returns:
        ``limit``, ``finite``, ``simulated``, ``se``, ``repeats``, and ``beyond``: why the limit is not expected to hold
        at this d, or "": ``peak`` (p within 1/√d of φ, where the limit has a cusp), ``noise`` (that along the pruner
        moves the error by over 0.1 points).
    """
    from dp_common.theory.simulation import estimate, simulate

    settings = dict(item["settings"])
    q = QS[settings.pop("q")](settings.pop("keep"))
    found = estimate(simulate(q, **settings, repeats=repeats, seed=seed, what=draws + key_of(item)))
    p, phi = selections.scalars(q, settings["rho"]).p, settings["d"] / settings["n"]
    limit, finite = limits(item["settings"])
    beyond = "peak" if abs(p / phi - 1) < settings["d"] ** -0.5 else "noise" if abs(finite - limit) > 1e-3 else ""
    numbers = {"limit": limit, "finite": finite, "simulated": found.mean, "se": found.se}
    return numbers | {"repeats": found.repeats, "beyond": beyond}


def loop(item: Item) -> Item:
    """{"error": {arm: [rounds + 1]}, "kept": [rounds + 1], "generated": {arm: [rounds + 1]}}."""
    from dp_common.theory.simulation import loop as simulate_loop

    settings = item["settings"]
    errors = simulate_loop(**settings)
    rounds = range(settings["rounds"] + 1)
    kept = [settings["initial"] + settings["per_round"] * number for number in rounds]
    generated = {}
    for arm in errors:
        candidates = settings["per_round"] * (1 if arm == "random" else settings["pool"])
        generated[arm] = [settings["initial"] + candidates * number for number in rounds]
    return {
        "error": {arm: list(map(float, values)) for arm, values in errors.items()},
        "kept": kept,
        "generated": generated,
    }
