"""Where the teacher's density P is known: how far each addition is from what guidance aims at (``probe=truth``).

Guidance aims at Q ∝ exp(ωH)·P, H the score of the learner that guided. Exact samples of P, weighted, stand for Q
(exponential_tilt.py), all in the form in which images are stored. Three targets of an addition:

    teacher   P itself, ω = 0
    rule      Q at the ω of ``rule=score``; other rules have no ω of this kind
    matched   Q at the ω* whose mean score is that of the addition's images: the tilt they would be, were they one

As a control plain DDIM images are held against the same targets: what they lack to P is the sampler's discretisation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dp_common.arrays import Images, Labels
from dp_common.config import registry
from dp_common.learner.classifier import Learner
from dp_common.persistence.ledger import steering
from dp_common.persistence.records import Call
from dp_common.persistence.run_io import RunIO
from dp_common.probes import exponential_tilt
from dp_common.probes.density_map import save_map
from dp_common.probes.density_samples import DensitySamples, by_class, exact_samples, flat, plain_samples, score_of

ENOUGH = 50  # effective exact samples of a class; with fewer of any class nothing is said of a target
COLUMNS = (
    "addition",
    "target",
    "omega",
    "effective",
    "images",
    "score",
    "score_added",
    "score_plain",
    "true_label",
    "log_density",
    "distance",
    "distance_plain",
)

Calls = dict[int, Call]  # lines of calls, by number
Probed = tuple[int, Images, Labels]  # of an addition: its call, its images and their labels
Row = dict[str, Any]


@dataclass(frozen=True)
class Steering:
    """What an addition was steered or selected by."""

    score: str  # entropy where nothing did
    omega: float | None  # 0: by nothing; None: by something that has no ω of this kind
    learned: bool  # had the learner learned anything yet?


@dataclass(frozen=True)
class References:
    """What additions are held against."""

    exact: DensitySamples
    plain: DensitySamples
    within: list[np.ndarray]  # distances between the exact samples of each class, [n_y, n_y]


def measure(
    io: RunIO,
    teacher: Any,
    learner: Learner,
    calls: Calls,
    additions: Sequence[Probed],
    model_at: Callable[[int], Any],
    call: int,
) -> dict[str, Any]:
    """The content of the ``probe`` line beside hardness.

    Args:
        io: The run's folder, for the map.
        teacher: With a known density: ``exact``, ``truth``, ``log_density``.
        learner: As it is at the end.
        calls: Lines of the run's calls.
        additions: Those that are looked at.
        model_at: ``model_at(number)``: the learner as it was at the addition or freeze of this call.
        call: The last call, which the map's file is named after.

    Returns:
        ``truth``, in columns, a row per addition × target: ``omega``; ``effective`` exact samples of the class that
        has fewest; ``images`` looked at; the mean score (nats, for entropy) under the target, of the addition and of
        plain images; the rate of true labels and the log-density under the target; and the ``distance`` of the
        addition and of plain images from it. None where too few exact samples are left to say. ``plain``: what the
        density says of plain images. ``map``: of images of two numbers, a file; see ``density_map.save_map``.
    """
    exact, plain = exact_samples(learner, teacher, 2 * ENOUGH), plain_samples(learner, teacher)
    references = References(exact, plain, exponential_tilt.within(exact.points()))
    rows = []
    for index, (number, images, labels) in enumerate(additions):
        model = model_at(guiding_call(calls, number))
        rows += rows_of(index, steering_of(calls[number]), (images, labels), learner, model, references)
    content = {
        "truth": {key: [row[key] for row in rows] for key in COLUMNS},
        "plain": {"images": len(plain.labels)} | plain.means(),
    }
    if np.prod(learner.shape) == 2:
        seen = [calls[number]["state"]["seen_total"] for number in [*(number for number, *_ in additions), max(calls)]]
        at_each = [*(model_at(number) for number, *_ in additions), None]
        content["map"] = save_map(io.folder, f"map-{call:06d}.npz", teacher, learner, at_each, seen, additions, plain)
    return content


def steering_of(call: Call) -> Steering:
    """What the addition of this call was steered or selected by."""
    args = steering(call)
    name = args.get("score") or ""
    blind = not name or getattr(registry.find("score", name).load(), "BLIND", False)
    omega: float | None = 0.0
    if not blind and args.get("omega") != 0:
        omega = args["omega"] if args.get("rule") == "score" else None
    return Steering("entropy" if blind else name, omega, call["state"]["seen_total"] > 0)


def guiding_call(calls: Calls, number: int) -> int:
    """The call whose snapshot holds the weights that guided: the addition's own, or the last ``freeze`` before it."""
    if not steering(calls[number]).get("frozen"):
        return number
    return max(other for other, call in calls.items() if call["name"] == "freeze" and other < number)


def rows_of(
    addition: int,
    steered: Steering,
    added: tuple[Images, Labels],
    learner: Learner,
    model: Any,
    references: References,
) -> list[Row]:
    """The rows of one addition, one per target.

    Args:
        addition: Its number, from 0.
        steered: By what.
        added: Its images and labels.
        learner: Runs ``model``.
        model: The network that guided.
        references: What it is held against.
    """
    exact, plain = references.exact, references.plain
    shares = np.bincount(added[1], minlength=exact.classes) / len(added[1])
    sampled = exact.scores(learner, steered.score, model, as_stored=False)
    stored = exact.scores(learner, steered.score, model, as_stored=True)
    scores_added = by_class(score_of(learner, steered.score, model, *added), added[1], exact.classes)
    level = mean_over_classes(scores_added, shares)
    level_plain = mean_over_classes(plain.scores(learner, steered.score, model, as_stored=True), shares)
    targets: dict[str, float | None] = {"teacher": 0.0}
    if steered.omega:
        targets["rule"] = steered.omega
    if steered.learned and steered.omega != 0:
        targets["matched"] = exponential_tilt.matching(sampled, stored, shares, level)
    rows = []
    for target, omega in targets.items():
        row: Row = dict.fromkeys(COLUMNS) | {
            "addition": addition,
            "target": target,
            "omega": omega,
            "images": len(added[1]),
            "score_added": level,
            "score_plain": level_plain,
        }
        weights = [exponential_tilt.weights(scores, omega) for scores in sampled] if omega is not None else []
        sizes = [exponential_tilt.effective(w) for w, share in zip(weights, shares) if share]
        row["effective"] = min(sizes, default=0.0)
        if row["effective"] >= ENOUGH:
            row |= against_target(added, stored, weights, shares, references)
        rows.append(row)
    return rows


def against_target(
    added: tuple[Images, Labels],
    stored: list[np.ndarray],
    weights: list[np.ndarray],
    shares: np.ndarray,
    references: References,
) -> Row:
    """Means under a target, given by ``weights`` of the exact samples of each class, and distances from it.

    Args:
        added: The addition's images and labels.
        stored: Scores of the exact samples in their stored form, per class.
        weights: Of the exact samples, per class.
        shares: Of the classes in the addition.
        references: The exact and the plain images.
    """
    exact, plain = references.exact, references.plain
    row = {
        name: exponential_tilt.mean(by_class(values, exact.labels, exact.classes), weights, shares)
        for name, values in exact.density.items()
    }
    points = by_class(flat(added[0]), added[1], exact.classes)
    distance = exponential_tilt.distance
    return row | {
        "score": exponential_tilt.mean(stored, weights, shares),
        "distance": distance(points, exact.points(), references.within, weights, shares),
        "distance_plain": distance(plain.points(), exact.points(), references.within, weights, shares),
    }


def mean_over_classes(per_class: list[np.ndarray], shares: np.ndarray) -> float:
    """The mean of values given per class, each class at its share."""
    return float(sum(share * values.mean() for share, values in zip(shares, per_class) if share))
