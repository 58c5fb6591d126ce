"""Where the teacher's density P is known: how far each addition is from what guidance aims at (``probe=truth``).

Guidance aims at Q ∝ exp(ωH)·P, H the score of the learner that guided. Exact samples of P, weighted, stand for Q (exponential_tilt.py), all in
the form in which images are stored. Three targets of an addition:

    teacher   P itself, ω = 0
    rule      Q at the ω of ``rule=score``; other rules have no ω of this kind
    matched   Q at the ω* whose mean score is that of the addition's images: the tilt they would be, were they one

As a control plain DDIM images are held against the same targets: what they lack to P is the sampler's discretisation.
"""

import io
from pathlib import Path

import numpy as np

from dp_common.config import registry
from dp_common.files import digest, write_atomic
from dp_common.probes import exponential_tilt
from dp_common.seeds import derive, label_of

EXACT, PLAIN = 4096, 2048  # exact samples of P, and plain DDIM images: those of indices 0, 1, ...
ENOUGH = 50  # effective exact samples of a class; with fewer of any class nothing is said of a target
GRID, DRAWN = 81, 1000  # cells a side of the map of two-dimensional images; points of an addition that are kept in it
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


def measure(bench, call, calls, additions, model_at):
    """The content of the ``probe`` line beside hardness; ``additions``: [(call number, (images, labels))].

    ``truth``, in columns, a row per addition × target: ``omega``; ``effective`` exact samples of the class that has fewest; ``images``
    looked at; the mean score (nats, for entropy) under the target, of the addition and of plain images; the rate of true labels and
    the log-density under the target; and the ``distance`` of the addition and of plain images from it. None where too few exact samples
    are left to say. ``plain``: what the density says of plain images. ``map``: of images of two numbers, a file; see ``draw_map``.
    """
    exact, plain = Samples(bench, "exact"), Samples(bench, "plain")
    between = exponential_tilt.within(exact.points())
    rows = [
        row
        for place, (number, content) in enumerate(additions)
        for row in rows_of(
            bench, place, aim(calls, number), content, model_at(guiding_call(calls, number)), exact, plain, between
        )
    ]
    told = {
        "truth": {key: [row[key] for row in rows] for key in COLUMNS},
        "plain": {"images": len(plain.labels)} | plain.means(),
    }
    if np.prod(bench.learner.shape) == 2:
        models = [model_at(number) for number, _ in additions] + [None]
        seen = [calls[number]["state"]["seen_total"] for number in [*(number for number, _ in additions), max(calls)]]
        told["map"] = draw_map(bench, call, models, seen, additions, plain)
    return told


def aim(calls, number):
    """(name of the score, ω or None, is anything learned yet) of what an addition was steered or selected by; ω = 0: by nothing."""
    call = calls[number]
    args = call["args"]
    name = args.get("guide") or args.get("score")
    blind = name is None or registry.find("score", name).load().BLIND
    omega = 0.0 if blind or args.get("omega") == 0 else args["omega"] if args.get("rule") == "score" else None
    return "entropy" if blind else name, omega, call["state"]["seen_total"] > 0


def guiding_call(calls, number):
    """The call whose snapshot holds the weights that guided: the addition's own, or the last ``freeze`` before it."""
    if not calls[number]["args"].get("frozen"):
        return number
    return max(other for other, call in calls.items() if call["name"] == "freeze" and other < number)


class Samples:
    """Exact or plain images: ``floats``, their ``stored`` form, ``labels``, and what the density says of each (``truth``)."""

    def __init__(self, bench, kind):
        import torch

        from dp_common.diffusion.image_sampler import ImageSampler, quantise

        classes = len(bench.classes)
        self.labels = label_of(np.arange(max(EXACT, 2 * ENOUGH * classes) if kind == "exact" else PLAIN), classes)
        if kind == "exact":
            self.floats = bench.teacher.exact(torch.from_numpy(self.labels), derive(bench.spec.seed, "exact"))
        else:
            studio, block = (
                ImageSampler(bench.spec, bench.teacher, bench.learner.device, bench.unpriced),
                bench.spec.sampler.block,
            )
            self.floats = torch.cat(
                [
                    studio.sample(rows, self.labels[rows])
                    for rows in np.split(np.arange(PLAIN), range(block, PLAIN, block))
                ]
            )
        self.stored, self.classes = quantise(self.floats), classes
        known = bench.teacher.density_diagnostics(self.floats, torch.from_numpy(self.labels).to(self.floats.device))
        self.truth = {name: values.double().cpu().numpy() for name, values in known.items()}

    def points(self):
        return by_class(flat(self.stored), self.labels, self.classes)

    def means(self):
        return {name: float(values.mean()) for name, values in self.truth.items()}

    def scores(self, bench, name, model, as_stored):
        """Per class: the score of each by ``model``, of its stored form or as it was sampled."""
        return by_class(
            score_of(bench, name, model, self.stored if as_stored else self.floats, self.labels),
            self.labels,
            self.classes,
        )


def rows_of(bench, place, aimed, content, model, exact, plain, between):
    """The rows of one addition, a dict per target."""
    (name, omega, learned), (images, labels) = aimed, content
    shares = np.bincount(labels, minlength=exact.classes) / len(labels)
    steering, shown = (exact.scores(bench, name, model, as_stored) for as_stored in (False, True))
    added = by_class(score_of(bench, name, model, images, labels), labels, exact.classes)
    level = lambda per_class: float(sum(share * mine.mean() for share, mine in zip(shares, per_class) if share))
    targets = {"teacher": 0.0} | ({"rule": omega} if omega else {})
    if learned and omega != 0:
        targets["matched"] = exponential_tilt.matching(steering, shown, shares, level(added))
    rows = []
    for target, at in targets.items():
        row = dict.fromkeys(COLUMNS) | {
            "addition": place,
            "target": target,
            "omega": at,
            "images": len(labels),
            "score_added": level(added),
            "score_plain": level(plain.scores(bench, name, model, as_stored=True)),
        }
        tilted = [exponential_tilt.weights(scores, at) for scores in steering] if at is not None else []
        row["effective"] = min(
            (exponential_tilt.effective(w) for w, share in zip(tilted, shares) if share), default=0.0
        )
        if row["effective"] >= ENOUGH:
            under = lambda values: exponential_tilt.mean(by_class(values, exact.labels, exact.classes), tilted, shares)
            from_target = lambda points: exponential_tilt.distance(points, exact.points(), between, tilted, shares)
            row |= {key: under(values) for key, values in exact.truth.items()} | {
                "score": exponential_tilt.mean(shown, tilted, shares)
            }
            row |= {
                "distance": from_target(by_class(flat(images), labels, exact.classes)),
                "distance_plain": from_target(plain.points()),
            }
        rows.append(row)
    return rows


def score_of(bench, name, model, images, labels):
    """[n] float64 scores by ``model`` of images as stored (uint8) or as sampled (floats)."""
    import torch

    score = registry.find("score", name).load().score
    if isinstance(images, np.ndarray):
        logits = bench.learner.predict(images, model)
    else:
        with torch.no_grad():
            logits = torch.cat(
                [bench.learner.logits(piece, model).cpu() for piece in images.split(bench.learner.piece)]
            )
    return score(logits, torch.from_numpy(labels)).double().numpy()


def flat(stored):
    """uint8 images [n, ...] -> points [n, D] in [-1, 1]."""
    return stored.reshape(len(stored), -1) / 127.5 - 1


def by_class(values, labels, classes):
    return [values[labels == label] for label in range(classes)]


def draw_map(bench, call, models, seen, additions, plain):
    """Write what a picture of a two-dimensional task is drawn from, an .npz without pickles; returns {"file", "digest"}.

    ``axis`` [G] of both numbers; ``log_density`` [G, G, C] of P, second number first; ``probabilities`` [A + 1, G, G, C] of the learner at
    each addition and at the end, ``seen`` [A + 1] images; ``points`` uint8 [n, 2] with ``labels`` and ``addition``, and ``plain``
    with ``plain_labels``.
    """
    import torch

    axis = np.linspace(-1, 1, GRID)
    across, up = np.meshgrid(axis, axis)
    grid = (
        torch.from_numpy(np.stack([across, up], -1)).float().reshape(-1, *bench.learner.shape).to(bench.learner.device)
    )
    with torch.no_grad():
        answers = [
            bench.learner.logits(grid, model).softmax(1).cpu().numpy().reshape(GRID, GRID, -1) for model in models
        ]
        density = bench.teacher.log_density(grid).cpu().numpy().reshape(GRID, GRID, -1)
    kept = [
        (images[:DRAWN].reshape(-1, 2), labels[:DRAWN], np.full(min(DRAWN, len(labels)), place))
        for place, (_, (images, labels)) in enumerate(additions)
    ]
    points, labels, addition = (
        (np.concatenate(column) for column in zip(*kept)) if kept else (np.empty((0, 2)), np.empty(0), np.empty(0))
    )
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        axis=axis,
        log_density=density.astype(np.float32),
        probabilities=np.stack(answers).astype(np.float16),
        seen=np.array(seen),
        points=points.astype(np.uint8),
        labels=labels.astype(np.int16),
        addition=addition.astype(np.int16),
        plain=plain.stored[:DRAWN].reshape(-1, 2),
        plain_labels=plain.labels[:DRAWN],
    )
    file = f"map-{call:06d}.npz"
    write_atomic(Path(bench.folder) / file, buffer.getvalue())
    return {"file": file, "digest": digest(buffer.getvalue())}
