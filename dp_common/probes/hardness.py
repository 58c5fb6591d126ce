"""How hard each addition is for the learner before, when and after it came (``probe=hardness``).

``probe=truth`` holds that too, and how far each addition is from what guidance aims at; see known_density.py.

At each addition the guiding weights are kept in half precision; at the end all of them, and the final learner, look
at the images of every addition. The strategy sees nothing of it. Lines ``snapshot`` and ``probe`` of the ledger carry
the cost, which is in no price (``probe_hours`` of the summary): a weight file of half the model's size per addition,
and for A additions A + 1 evaluations of at most ``PROBED`` images of each; with ``truth`` some thousands more per
addition.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dp_common.arrays import Flags, Images, Labels
from dp_common.config.specification import Spec
from dp_common.errors import BadInput
from dp_common.files import digest, write_atomic
from dp_common.learner.classifier import Learner
from dp_common.persistence.ledger import surviving
from dp_common.persistence.records import Call, Snapshot
from dp_common.persistence.run_io import RunIO
from dp_common.probes import known_density
from dp_common.training_data import shards

PROBED = 2048  # images of an addition that are looked at, its first


class ProbedImages(NamedTuple):
    """The images of an addition that are looked at."""

    call: int
    images: Images
    labels: Labels


class Answers(NamedTuple):
    """What a model says of an addition's images."""

    wrong: Flags
    loss: float  # mean cross-entropy, nats
    entropy: float  # mean, nats


def check(spec: Spec, teacher: Any) -> None:
    """Raises BadInput for a probe that needs a density which the teacher does not have."""
    if spec.probe == "truth" and not hasattr(teacher, "exact"):
        raise BadInput(
            "probe",
            "truth",
            f"with a teacher whose density is known, such as mixture; with {spec.teacher} none or hardness",
        )


def keep(io: RunIO, learner: Learner, call: int) -> None:
    """Write the guiding weights as they are at the addition or ``freeze`` of this call, before anything is learned of
    it.
    """
    import torch
    from safetensors.torch import save

    with io.meter.phase("write"):
        halved = {
            key: (value.half() if value.dtype == torch.float32 else value).detach().cpu().contiguous()
            for key, value in learner.guiding.state_dict().items()
        }
        data, file = save(halved), f"snapshot-{call:06d}.safetensors"
        write_atomic(Path(io.folder) / file, data)
        io.ledger.append("snapshot", call=call, file=file, digest=digest(data))


def measure(io: RunIO, teacher: Any, learner: Learner, call: int) -> None:
    """Score the images of every addition by the weights at each and by the final ones: one ``probe`` line, in columns.

    ``addition`` and ``at`` count additions from 0 (the initial set); ``at`` = number of additions: the final learner.
    ``seen``: images trained on when these weights were kept. ``error``, ``loss`` and ``entropy`` (nats) are means
    over ``images``; ``error_missed`` is the error on the ``missed`` images that were classified wrongly when the
    addition came, None without any. With ``probe=truth`` what ``known_density.measure`` says stands beside them.
    """
    lines = surviving(io.ledger.records)
    calls = {record["call"]: record for record in lines if record["kind"] == "call"}
    snapshots = {record["call"]: record for record in lines if record["kind"] == "snapshot"}
    additions = [probed for number in sorted(snapshots) if (probed := probed_images(io.folder, calls[number]))]
    with io.meter.phase("evaluate"):
        answers = [
            answers_of(learner, restored(io.folder, learner, snapshots[probed.call]), additions) for probed in additions
        ]
        answers.append(answers_of(learner, None, additions))
        seen = [calls[number]["state"]["seen_total"] for number in [*(p.call for p in additions), max(calls)]]
        columns = hardness_columns(answers, seen)
        if learner.spec.probe == "truth":

            def model_at(number: int) -> Any:
                return restored(io.folder, learner, snapshots[number])

            columns |= known_density.measure(io, teacher, learner, calls, additions, model_at, call)
        io.ledger.append("probe", call=call, additions=[probed.call for probed in additions], **columns)


def hardness_columns(answers: list[list[Answers]], seen: list[int]) -> dict[str, list[Any]]:
    """The columns of the ``probe`` line: answers[at][addition], and images seen at each."""
    rows = []
    for addition in range(len(answers) - 1):
        missed = answers[addition][addition].wrong
        for at, answered in enumerate(answers):
            wrong, loss, entropy = answered[addition]
            rows.append(
                {
                    "addition": addition,
                    "at": at,
                    "seen": seen[at],
                    "images": len(missed),
                    "error": float(wrong.mean()),
                    "loss": loss,
                    "entropy": entropy,
                    "missed": int(missed.sum()),
                    "error_missed": float(wrong[missed].mean()) if missed.any() else None,
                }
            )
    names = ("addition", "at", "seen", "images", "error", "loss", "entropy", "missed", "error_missed")
    return {name: [row[name] for row in rows] for name in names}


def probed_images(folder: Path, call: Call) -> ProbedImages | None:
    """The first images that a call added, read from its shards; None where it added none, or real ones.

    Args:
        folder: Of the run.
        call: The call's line.
    """
    chunks, rows = [], 0
    for shard in call["added"]:
        if "file" not in shard or rows >= PROBED:
            break
        table = shards.read_checked(Path(folder) / shard["file"], shard["digest"])
        chunks.append(shards.decoded_of(table.slice(0, PROBED - rows)))
        rows += len(chunks[-1].labels)
    if not chunks:
        return None
    images, labels = (np.concatenate([chunk[column] for chunk in chunks]) for column in (0, 1))
    return ProbedImages(call["call"], images, labels)


def restored(folder: Path, learner: Learner, snapshot: Snapshot) -> Any:
    """The model whose weights a ``snapshot`` line names."""
    from safetensors.torch import load

    weights = load((Path(folder) / snapshot["file"]).read_bytes())
    return learner.model_of(
        {key: value.float() if value.is_floating_point() else value for key, value in weights.items()}
    )


def answers_of(learner: Learner, model: Any, additions: list[ProbedImages]) -> list[Answers]:
    """Of each addition's images, by ``model`` or (None) the present learner."""
    import torch
    from torch.nn.functional import cross_entropy

    answers = []
    for _, images, labels in additions:
        logits, targets = learner.predict(images, model), torch.from_numpy(labels)
        log_p = logits.log_softmax(1)
        answers.append(
            Answers(
                (logits.argmax(1) != targets).numpy(),
                float(cross_entropy(logits, targets)),
                float(-(log_p.exp() * log_p).sum(1).mean()),
            )
        )
    return answers
