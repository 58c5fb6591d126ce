"""How hard each addition is for the learner before, when and after it came (``probe=hardness``), and how far from what guidance aims at
(``probe=truth``, which holds the first; see truth.py).

At each addition the guiding weights are kept in half precision; at the end all of them, and the final learner, look at the
images of every addition. The strategy sees nothing of it. Lines ``snapshot`` and ``probe`` of the ledger carry the cost, which is in
no price (``probe_hours`` of the summary): a weight file of half the model's size per addition, and for A additions A + 1
evaluations of at most ``PROBED`` images of each; with ``truth`` some thousands more per addition.
"""

from pathlib import Path

import numpy as np

from dp_common.errors import BadInput
from dp_common.files import digest, write_atomic
from dp_common.persistence import ledger
from dp_common.probes import known_density as truth
from dp_common.training_data import shards as store

PROBED = 2048  # images of an addition that are looked at, its first


def check(spec, teacher):
    """Raises BadInput for a probe that needs a density which the teacher does not have (``exact``, ``truth``, ``log_density``)."""
    if spec.probe == "truth" and not teacher.knows_density:
        raise BadInput(
            "probe",
            "truth",
            f"with a teacher whose density is known, such as mixture; with {spec.teacher} none or hardness",
        )


def keep(bench, call):
    """Write the guiding weights as they are at the addition or the ``freeze`` of call ``call``, before anything is learned from it."""
    import torch
    from safetensors.torch import save

    with bench.meter.phase("write"):
        halved = {
            key: (value.half() if value.dtype == torch.float32 else value).detach().cpu().contiguous()
            for key, value in bench.learner.guiding.state_dict().items()
        }
        data, file = save(halved), f"snapshot-{call:06d}.safetensors"
        write_atomic(Path(bench.folder) / file, data)
        bench.ledger.append("snapshot", call=call, file=file, digest=digest(data))


def measure(bench, call):
    """Score the images of every addition by the weights at each addition and by the final ones; one ``probe`` line, in columns.

    ``addition`` and ``at`` count additions from 0 (the initial set); ``at`` = number of additions: the final learner. ``seen``: images
    trained on when these weights were kept. ``error``, ``loss`` and ``entropy`` (nats) are means over ``images``;
    ``error_missed`` is the error on the ``missed`` images that were classified wrongly when the addition came, None without any.
    With ``probe=truth`` what ``truth.measure`` says stands beside them.
    """
    calls = {r["call"]: r for r in ledger.surviving(bench.ledger.records) if r["kind"] == "call"}
    snapshots = {r["call"]: r for r in ledger.surviving(bench.ledger.records) if r["kind"] == "snapshot"}
    additions = [(number, member_images(bench, calls[number])) for number in sorted(snapshots)]
    additions = [(number, content) for number, content in additions if content is not None]
    columns = {
        key: [] for key in ("addition", "at", "seen", "images", "error", "loss", "entropy", "missed", "error_missed")
    }
    with bench.meter.phase("evaluate"):
        answers = [answers_of(bench, restored(bench, snapshots[number]), additions) for number, _ in additions]
        answers.append(answers_of(bench, None, additions))
        seen = [calls[number]["state"]["seen_total"] for number, _ in additions] + [
            calls[max(calls)]["state"]["seen_total"]
        ]
        for place in range(len(additions)):
            missed = answers[place][place]["wrong"]
            for at, answer in enumerate(answers):
                one = answer[place]
                row = (
                    place,
                    at,
                    seen[at],
                    len(missed),
                    one["wrong"].mean(),
                    one["loss"],
                    one["entropy"],
                    missed.sum(),
                    one["wrong"][missed].mean() if missed.any() else None,
                )
                for key, value in zip(columns, row):
                    columns[key].append(value.item() if isinstance(value, np.generic) else value)
        if bench.spec.probe == "truth":
            columns |= truth.measure(bench, call, calls, additions, lambda number: restored(bench, snapshots[number]))
        bench.ledger.append("probe", call=call, additions=[number for number, _ in additions], **columns)


def member_images(bench, call):
    """(images, labels) of the first images that a call added, read from its shards; None where they are real."""
    parts, rows = [], 0
    for member in call["added"]:
        if "file" not in member or rows >= PROBED:
            break
        images, labels, _ = store.rows(
            store.read_checked(bench.folder / member["file"], member["digest"]).slice(0, PROBED - rows)
        )
        parts.append((images, labels))
        rows += len(labels)
    return tuple(np.concatenate(column) for column in zip(*parts)) if parts else None


def restored(bench, record):
    from safetensors.torch import load

    data = (Path(bench.folder) / record["file"]).read_bytes()
    return bench.learner.model_of(
        {key: value.float() if value.is_floating_point() else value for key, value in load(data).items()}
    )


def answers_of(bench, model, additions):
    """[{"wrong" [n] bool, "loss", "entropy"}] of each addition's images, by ``model`` or the present learner."""
    import torch
    from torch.nn.functional import cross_entropy

    found = []
    for _, (images, labels) in additions:
        logits, truth = bench.learner.predict(images, model), torch.from_numpy(labels)
        log_p = logits.log_softmax(1)
        found.append(
            {
                "wrong": (logits.argmax(1) != truth).numpy(),
                "loss": float(cross_entropy(logits, truth)),
                "entropy": float(-(log_p.exp() * log_p).sum(1).mean()),
            }
        )
    return found
