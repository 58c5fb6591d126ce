"""Every call of a strategy is numbered, metered and journaled, so that resume is replay.

After an interruption the strategy's ``run`` starts from the top. Calls up to the last checkpoint answer from the
journal at once; then the learner is loaded, finished shards are found, and work goes on.

A call that depends on the learner first commits a checkpoint if the weights changed, and its shards' keys carry the
learner's digest: a shard of other weights is made again, and counted as lost.
"""

from collections.abc import Callable
from typing import Any

from dp_common import files
from dp_common.arrays import DecodedImages, Tensors
from dp_common.config.specification import canonical
from dp_common.errors import Interrupted, Problem
from dp_common.lab.context import RunContext
from dp_common.lab.kept_models import KeptModels, split_checkpoint
from dp_common.lab.state import LabState, Outcome, PendingCall
from dp_common.persistence import checkpoint
from dp_common.persistence.records import Call, Midway
from dp_common.probes import hardness
from dp_common.real_images.splits import real_order

Args = dict[str, Any]
TRAINING = ("train", "cooldown")  # calls in which the learner is trained, and that add no line but midway


class Replay:
    """The journal of one attempt. ``begin()`` finds where the last one got, and must come first."""

    def __init__(self, run: RunContext) -> None:
        self.run, self.state, self.calls = run, LabState(), 0
        self.kept = KeptModels()
        self._additions: list[list[dict[str, Any]]] = []  # what each call added, since the set was last replaced
        self._unsaved = False  # have the weights changed since the last checkpoint?
        self._until = 0  # calls that the last checkpoint knows of
        self._journal: dict[int, Call] = {}  # their lines, by number
        self._tensors: Tensors | None = None
        self._midway: Midway | None = None  # line of the training in whose middle the last attempt ended
        self._pending: checkpoint.Pending | None = None  # that is being written; no line comes before its own

    def begin(self) -> None:
        """Read the journal and the last checkpoint, and note in the ledger where work goes on."""
        io = self.run.io
        self._until, self._tensors, self._midway = checkpoint.latest(io.ledger.records, io.folder)
        self._journal = {
            record["call"]: record
            for record in io.ledger.records
            if record["kind"] == "call" and record["call"] <= self._until
        }
        if io.ledger.records[-1]["attempt"] > 1:
            io.ledger.append("resume", call=self._until, position=self._midway["position"] if self._midway else 0)
        if not self._until:
            self._go_live()

    # ------------------------------------------------------------------ calls

    def call(self, name: str, args: Args, work: Callable[[PendingCall], Outcome], reads_learner: bool = False) -> Any:
        """Answer a call: from the journal, or by ``work``, whose outcome is then journaled.

        Args:
            name: Of the call.
            args: What decides it, as JSON.
            work: Does it.
            reads_learner: Does the outcome depend on the learner's weights?

        Returns:
            The answer, as JSON returns it.

        Raises:
            Problem: The strategy, or another rank, does not call as it did.
        """
        number, digest = self.calls + 1, digest_of(name, args)
        entry = self._journal.get(number)
        if entry is None:
            entry = self._work(number, name, args, digest, work, reads_learner)
        elif entry["digest"] != digest:
            raise Problem(
                f"the strategy does not repeat itself: call {number} was {entry['name']}{entry['args']} "
                f"and is now {name}{args}; its randomness must come from lab.rng"
            )
        self.calls, self.state = number, LabState(**entry["state"])
        self._additions = ([] if entry["replaced"] else self._additions) + [entry["added"]] * bool(entry["added"])
        if number == self._until:
            self._go_live()
        return entry["answer"]

    def _work(
        self,
        number: int,
        name: str,
        args: Args,
        digest: str,
        work: Callable[[PendingCall], Outcome],
        reads_learner: bool,
    ) -> Call:
        """Do a call; returns its line in the ledger."""
        run = self.run
        if self._midway and self._midway["of"] != digest:
            raise Problem(
                f"the strategy does not repeat itself: call {number} was in the middle of a training "
                f"and is now {name}{args}"
            )
        if name not in TRAINING:  # any other call may add lines
            self._settle()
        if reads_learner and self._unsaved:
            self._checkpoint()
            self._settle()
        weights = self._weights() if reads_learner else None
        decided_by = {"call": digest, "first": self.state.generated, "weights": weights}
        if reads_learner and (kept := self.kept.digest()):
            decided_by["kept"] = kept
        key = files.digest(canonical(decided_by))
        outcome = self._within_memory(name, lambda: work(PendingCall(number, digest, key)))
        self._settle()
        entry = run.io.ledger.append("call", call=number, name=name, args=args, digest=digest, **outcome.line())
        if (entry["call"], entry["digest"]) != (number, digest):
            raise Problem(
                f"the ranks do not agree: call {number}, {name}{args}, is {entry['name']}{entry['args']} on the first; "
                "a strategy's randomness must come from lab.rng"
            )
        self._take_in(entry["added"], entry["replaced"], outcome.addition.decoded)
        if run.io.ledger.writes and run.spec.probe != "none" and (entry["added"] or name == "freeze"):
            hardness.keep(run.io, run.models.learner, number)
        return entry

    def _within_memory(self, name: str, work: Callable[[], Outcome]) -> Outcome:
        """``work()``, with an error of the device's memory as a Problem that names the key to lower."""
        import torch

        try:
            return work()
        except torch.OutOfMemoryError as error:
            spec, device = self.run.spec, self.run.models.learner.device
            if name in TRAINING:
                key, value = "train.micro", spec.train.micro or spec.train.batch
            else:
                key, value = "sampler.block", spec.sampler.block
            raise Problem(
                f"{name}: out of memory on {device}; a teacher's checkpointing=true starts no new run; lower {key} "
                f"(now {value}) does, since images or sums round otherwise"
            ) from error

    def _weights(self) -> str:
        """Digest of the guiding weights, which all ranks must have alike."""
        digest = self.run.models.learner.digest()
        if {data.decode() for data in self.run.group.all_gather(digest.encode())} != {digest}:
            raise Problem("the ranks have different weights")
        return digest

    def _take_in(
        self, added: list[dict[str, Any]], replaced: bool = False, decoded: dict[str, DecodedImages] | None = None
    ) -> None:
        """Add what a call added to the training set. ``decoded``: by file, of what was made in this process."""
        data, folder, at_hand = self.run.data, self.run.io.folder, decoded or {}
        if replaced:
            data.training_set.clear()
        for number, source in enumerate(added):
            if "real" in source:
                data.training_set.add_real(data.real, real_order(self.run.spec.seed, data.real.labels, **source))
            else:
                path, images = folder / source["file"], at_hand.get(source["file"])
                data.training_set.add_shard(path, source["digest"], source["rows"], number == 0, images)

    def _go_live(self) -> None:
        """Leave the journal: load the training set and the learner as they were after the last journaled call."""
        learner = self.run.models.learner
        self.run.data.training_set.clear()
        for added in self._additions:
            self._take_in(added)
        if self._tensors is not None:
            own, self.kept = split_checkpoint(self._tensors, learner)
            learner.load(own)
            self._tensors = None

    # ------------------------------------------------------------------ checkpoints

    def weights_changed(self) -> None:
        """The learner is not what the last checkpoint holds."""
        self._unsaved = True

    def training_begun(self, position: int) -> tuple[int, float]:
        """(images seen, sum of losses) that a training goes on from: ``position``, or where it was interrupted."""
        midway, self._midway = self._midway, None
        return (midway["position"], midway["loss"]) if midway else (position, 0.0)

    def in_training(
        self, position: int, loss: Callable[[], float], digest: str, beside: Callable[[], Tensors] = dict
    ) -> None:
        """In the middle of a training: checkpoint where it is time to, or stop there; with ``beside()`` of what is
        trained, where that is not the learner. Raises Interrupted.
        """
        stopping, due = self._agreed_pause()
        if stopping or (self.run.timer.seconds and due):
            self._checkpoint(beside(), position=position, loss=loss(), of=digest)
        if stopping:
            self._settle()
            raise Interrupted("interrupted in the middle of a training; the same command goes on from there")

    def break_off(self) -> None:
        """Between two blocks of images the attempt ends. Raises Interrupted."""
        if self._unsaved:
            self._checkpoint()  # the weights are those after the last finished call
        self._settle()
        raise Interrupted("interrupted between two blocks of images; the same command goes on from there")

    def at_yield(self, evaluate: Callable[[int], Any]) -> None:
        """The runner's turn: evaluate, checkpoint or stop. Nothing up to where the last attempt got.

        Raises:
            Interrupted: This attempt is to end.
        """
        if self.calls <= self._until:
            return
        evaluate(self.calls)
        stopping, due = self._agreed_pause()
        if self._unsaved and (stopping or due):
            self._checkpoint()
        if stopping:
            self._settle()
            raise Interrupted("interrupted; the same command goes on from here")

    def finish(self) -> None:
        """The strategy has ended: commit the last weights, so that a kill during evaluation costs nothing but that."""
        if self.calls < self._until:
            raise Problem(
                f"the strategy ended at call {self.calls} where its journal has {self._until}: "
                "it does not repeat itself"
            )
        if self._unsaved:
            self._checkpoint()
        self._settle()

    def _agreed_pause(self) -> tuple[bool, bool]:
        """(is this attempt to stop?, is it time for a checkpoint?) as the first rank says; also names the one that is
        written by now.
        """
        group, pending = self.run.group, self._pending
        written = pending is not None and pending.done()
        asked = [group.stop_requested(self.run.io.stop), self.run.timer.due(), written]
        stopping, due, written = group.broadcast(asked)
        if written:
            self._settle()
        return stopping, due

    def _checkpoint(self, beside: Tensors | None = None, **midway: Any) -> None:
        """Begin a checkpoint; on a CPU it is done at once."""
        self._settle()
        io = self.run.io
        with io.meter.phase("write"):
            tensors = self.run.models.learner.state() | self.kept.tensors() | (beside or {})
            self._pending = checkpoint.Pending(io, self.calls, tensors, **midway)
            if not io.background.threaded:
                self._settle()
        self._unsaved = False

    def _settle(self) -> None:
        """Wait for the checkpoint that is being written, and name it."""
        pending, self._pending = self._pending, None
        if pending:
            with self.run.io.meter.phase("write"):
                pending.commit()


def digest_of(name: str, args: Args) -> str:
    """Of a call: what a replay must repeat."""
    return files.digest(canonical({"name": name, **args}))
