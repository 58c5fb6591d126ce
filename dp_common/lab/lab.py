"""The lab: the only hands a strategy has. Every call is numbered, metered and journaled, so that resume is replay.

After an interruption the strategy's ``run`` starts from the top. Calls up to the last checkpoint answer from the journal at
once; then the learner is loaded, finished shards are found, and work goes on. Everything readable here comes from journaled
answers, never from the disk's later state; randomness only through ``rng``.

A call that depends on the learner first commits a checkpoint if the weights changed, and its shards' keys carry the
learner's digest: a shard of other weights is made again, and counted as lost.
"""

import numpy as np

from dp_common import files
from dp_common.config.specification import canonical
from dp_common.diffusion.guidance import Guidance
from dp_common.errors import Interrupted, Problem
from dp_common.lab.generate import Batch, files_of
from dp_common.lab.select import Selection
from dp_common.learner.training_loop import train
from dp_common.persistence import checkpoint
from dp_common.probes import hardness
from dp_common.seeds import derive

START = {
    "size": 0,
    "seen": 0,
    "since": 0,
    "seen_total": 0,
    "iterations": 0,
    "generated": 0,
    "rounds": 0,
    "frozen": False,
}


SET = ("seen", "since", "size", "frozen")  # since: images seen when the training set became what it is


class Lab:
    """What a strategy may read: ``budget``, ``seed``, ``rng``, ``size``, ``room``, ``seen``, ``learning``, ``rounds``, ``real_images``."""

    def __init__(self, bench):
        self._bench, self._ledger, self._clock = bench, bench.ledger, bench.meter
        self.budget, self.seed = bench.budget, bench.spec.seed
        self.rng = np.random.Generator(np.random.Philox(derive(self.seed, "strategy")))
        self.real_images = len(bench.real)
        self._state, self._calls, self._members, self._frozen, self._dirty = dict(START), 0, [], None, False
        self._until, self._tensors, self._midway = checkpoint.latest(self._ledger.records, bench.folder)
        self._journal = {r["call"]: r for r in self._ledger.records if r["kind"] == "call" and r["call"] <= self._until}
        if self._ledger.records[-1]["attempt"] > 1:
            self._ledger.append("resume", call=self._until, position=self._midway["position"] if self._midway else 0)
        if not self._until:
            self._go_live()

    # ------------------------------------------------------------------ what a strategy may read

    @property
    def size(self):
        """Images in the training set."""
        return self._state["size"]

    @property
    def room(self):
        """Images missing to the scale."""
        return max(0, self.budget.scale - self.size)

    @property
    def seen(self):
        """Images the present learner has seen."""
        return self._state["seen"]

    @property
    def learning(self):
        """Is there anything left of the stable phase of the budget? Nothing is added afterwards."""
        return self.seen < self.budget.stable

    @property
    def rounds(self):
        """Additions so far, the initial set not counted."""
        return max(0, self._state["rounds"] - 1)

    # ------------------------------------------------------------------ what a strategy may do

    def generate(self, n, guidance=None, **superseded):
        """Make ``n`` images with the next indices and add them to the training set.

        ``guidance``: what steers them, or None for the plain sampler.
        """
        refuse_superseded(guidance, superseded)
        n = self._whole("generate", n)
        args = dict(n=n, guidance=guidance.as_record() if guidance else None)
        return self._call("generate", args, lambda key: self._generate(key, n, guidance), reads_learner=bool(guidance))

    def select(self, pool, keep, score, balance="class", replace=False):
        """Make ``pool`` candidates, score them with the learner, add the ``keep`` highest to the training set.

        ``balance``: the same number from each class, or the best overall. With ``replace`` the present training set joins
        the candidates and only the kept ones remain. Candidates are paid for and never stored.
        """
        keep = self._whole("select", keep, replaced=self.size if replace else 0)
        if keep > pool + (self.size if replace else 0):
            raise Problem(f"select: keep={keep} of pool={pool}")
        args = dict(pool=int(pool), keep=keep, score=score, balance=balance, replace=replace)
        return self._call("select", args, lambda key: self._select(key, **args), reads_learner=True)

    def train(self, images, new_weight=1.0):
        """Train on about ``images`` draws (whole iterations, within the stable phase); returns accuracy on monitor.

        ``new_weight``: how many times as often an image of the newest addition is drawn as an older one.
        """
        batch = self.budget.batch
        n = min(-(-int(images) // batch) * batch, self.budget.stable - self.seen)
        if n <= 0 or not self.size:
            raise Problem(
                f"train: asked for {images} images with {self.budget.stable - self.seen} left of the stable phase "
                f"and {self.size} in the training set"
            )
        return self._learn("train", n, new_weight=new_weight)

    def cooldown(self):
        """Train to the end of the budget with a falling learning rate; returns accuracy on monitor."""
        n = self.budget.seen - self.seen
        return self._learn("cooldown", n)

    def real(self, n):
        """Add ``n`` of the teacher's own real training images, at most all of them; returns how many."""
        n = min(self._whole("real", n), self.real_images)
        return self._call("real", dict(n=n), lambda key: self._real(n))

    def restart(self):
        """A fresh learner, with the seed's own initial weights and the whole budget before it; what the last one saw stays paid for."""
        return self._call("restart", {}, lambda key: self._restart())

    def freeze(self):
        """Keep a copy of the learner as it is now, for ``generate(frozen=True)``."""
        return self._call("freeze", {}, lambda key: self._freeze())

    # ------------------------------------------------------------------ journal and replay

    @property
    def _heartbeat_loop(self):
        return self._calls >= self._until

    def _call(self, name, args, work, reads_learner=False):
        number = self._calls + 1
        digest = files.digest(canonical({"name": name, **args}))
        entry = self._journal.get(number)
        if entry is None:
            if self._midway and self._midway["of"] != digest:
                raise Problem(
                    f"the strategy does not repeat itself: call {number} was in the middle of a training and is now {name}{args}"
                )
            if reads_learner and self._dirty:
                self._checkpoint()
            weights = self._weights() if reads_learner else None
            key = files.digest(canonical({"call": digest, "first": self._state["generated"], "weights": weights}))
            outcome, fresh = self._within_memory(name, work, key)
            entry = self._ledger.append("call", call=number, name=name, args=args, digest=digest, **outcome)
            if (entry["call"], entry["digest"]) != (number, digest):
                raise Problem(
                    f"the ranks do not agree: call {number}, {name}{args}, is {entry['name']}{entry['args']} on the first; "
                    "a strategy's randomness must come from lab.rng"
                )
            self._take_in(entry["added"], entry["replaced"], fresh)
            if self._ledger.writes and self._bench.spec.probe != "none" and (entry["added"] or name == "freeze"):
                hardness.keep(self._bench, number)
        elif entry["digest"] != digest:
            raise Problem(
                f"the strategy does not repeat itself: call {number} was {entry['name']}{entry['args']} "
                f"and is now {name}{args}; its randomness must come from lab.rng"
            )
        self._calls, self._state = number, entry["state"]
        self._members = ([] if entry["replaced"] else self._members) + [entry["added"]] * bool(entry["added"])
        if number == self._until:
            self._go_live()
        return entry["answer"]

    def _learn(self, name, n, **args):
        digest = files.digest(canonical({"name": name, "n": n, **args}))
        return self._call(name, dict(n=n, **args), lambda key: self._train(n, args.get("new_weight", 1.0), digest))

    def _within_memory(self, name, work, key):
        import torch

        try:
            return work(key)
        except torch.OutOfMemoryError as error:
            spec = self._bench.spec
            lower = (
                f"train.micro (now {spec.train.micro or spec.train.batch})"
                if name in ("train", "cooldown")
                else f"sampler.block (now {spec.sampler.block})"
            )
            raise Problem(f"{name}: out of memory on {self._bench.learner.device}; lower {lower}") from error

    def _weights(self):
        """Digest of the guiding weights, which all ranks must have alike."""
        digest = self._bench.learner.digest()
        if {told.decode() for told in self._bench.group.all_gather(digest.encode())} != {digest}:
            raise Problem("the ranks have different weights")
        return digest

    @property
    def calls(self):
        """Calls answered so far."""
        return self._calls

    def at_yield(self, evaluate):
        """The runner's turn: evaluate, checkpoint or stop. Nothing up to where the last attempt got."""
        if self._calls <= self._until:
            return
        evaluate(self._calls)
        stopping, due = self._agreed_pause()
        if self._dirty and (stopping or due):
            self._checkpoint()
        if stopping:
            raise Interrupted("interrupted; the same command goes on from here")

    def _agreed_pause(self):
        """(is this attempt to stop?, is it time for a checkpoint?) by the first rank's word."""
        bench = self._bench
        return bench.group.broadcast([bench.group.stop_requested(bench.stop), bench.due()])

    def finish(self):
        """The strategy has ended: commit the last weights, so that a kill during evaluation costs nothing but that."""
        if not self._heartbeat_loop:
            raise Problem(
                f"the strategy ended at call {self._calls} where its journal has {self._until}: it does not repeat itself"
            )
        if self._dirty:
            self._checkpoint()

    def _go_live(self):
        """Leave the journal: load the training set and the learner as they were after the last journaled call."""
        bench = self._bench
        bench.trainset.clear()
        for addition in self._members:
            self._take_in(addition)
        if self._tensors is not None:
            tensors = {key: value for key, value in self._tensors.items() if not key.startswith("frozen.")}
            frozen = {key[7:]: value for key, value in self._tensors.items() if key.startswith("frozen.")}
            bench.learner.load(tensors)
            self._frozen, self._tensors = (bench.learner.model_of(frozen) if frozen else None), None

    def _take_in(self, members, replaced=False, fresh={}):
        """Add what a call added to the training set; ``fresh``: {file: its content} of what was made in this process."""
        bench = self._bench
        if replaced:
            bench.trainset.clear()
        for place, member in enumerate(members):
            if "real" in member:
                bench.trainset.add_real(bench.real, self._real_order(member["real"]))
            else:
                bench.trainset.add_shard(
                    bench.folder / member["file"],
                    member["digest"],
                    member["rows"],
                    place == 0,
                    fresh.get(member["file"]),
                )

    def _checkpoint(self, **midway):
        with self._clock.phase("write"):
            tensors = self._bench.learner.state()
            if self._frozen is not None:
                tensors |= {f"frozen.{key}": value for key, value in self._frozen.state_dict().items()}
            checkpoint.save(self._ledger, self._bench.folder, self._calls, tensors, **midway)
        self._dirty = False

    def _outcome(self, answer, added=(), replaced=False, used=(), measured=None, fresh=None, **changes):
        """(the content of a call's line, what was made here). ``changes`` are increments of the state, but for the keys in ``SET``."""
        state = self._state | {key: value if key in SET else self._state[key] + value for key, value in changes.items()}
        return dict(
            answer=answer, state=state, added=list(added), replaced=replaced, used=list(used), measured=measured or {}
        ), fresh or {}

    def _whole(self, what, n, replaced=0):
        room = self.room + replaced
        if not self.learning:
            raise Problem(f"{what}: the stable phase is over, and nothing is added in the cool-down")
        if not 0 < n <= room:
            raise Problem(f"{what}: asked for {n} images with room for {room}")
        return int(n)

    # ------------------------------------------------------------------ the work itself

    def _generate(self, key, n, guidance):
        bench, model, hook = self._bench, self._frozen if guidance and guidance.frozen else None, None
        omega = guidance.omega if guidance else 0.0
        if guidance and omega:
            hook = bench.studio.guidance_step(guidance, bench.learner, model)
        batch = Batch(bench, self._calls + 1, key, self._state["rounds"], omega, self._break_off)
        birth = (guidance.score, model) if guidance and self.seen else None
        members, measured, fresh = batch.generate(self._state["generated"], n, hook, birth)
        return self._outcome(
            n,
            members,
            used=files_of(members),
            measured=measured,
            fresh=fresh,
            size=self.size + n,
            since=self.seen,
            generated=n,
            rounds=1,
        )

    def _select(self, key, pool, keep, score, balance, replace):
        batch = Selection(self._bench, self._calls + 1, key, self._state["rounds"], 0.0, self._break_off)
        members, scans, mean, fresh = batch.select(
            self._state["generated"], pool, keep, score, balance, replace and self.size > 0
        )
        return self._outcome(
            keep,
            members,
            replace,
            files_of(members) + scans,
            {"score_at_birth": mean},
            fresh,
            size=keep if replace else self.size + keep,
            since=self.seen,
            generated=pool,
            rounds=1,
        )

    def _train(self, n, new_weight, digest):
        bench, end = self._bench, self.seen + n
        begun, self._midway = self._midway or {"position": self.seen, "loss": 0.0}, None
        with self._clock.phase("train"):
            loss = train(bench, begun, end, self._state["since"], new_weight, lambda *at: self._pause(*at, digest)) / (
                n // self.budget.batch
            )
        self._dirty = True
        with self._clock.phase("monitor"):
            accuracy = float(bench.learner.correct(bench.monitor).mean())
            self._clock.count(monitor_evaluations=len(bench.monitor))
        bench.progress.report(seen=end, size=self.size, accuracy=accuracy)
        return self._outcome(
            accuracy,
            measured={"loss": loss, "monitor": accuracy},
            seen=end,
            seen_total=n,
            iterations=n // self.budget.batch,
        )

    def _pause(self, position, loss, digest):
        """In the middle of a training: checkpoint where it is time to, or stop there."""
        stopping, due = self._agreed_pause()
        if stopping or (self._bench.every and due):
            self._checkpoint(position=position, loss=loss(), of=digest)
        if stopping:
            raise Interrupted("interrupted in the middle of a training; the same command goes on from there")

    def _real(self, n):
        return self._outcome(n, [{"real": n}], size=self.size + n, since=self.seen, rounds=1)

    def _real_order(self, n):
        """Rows of the first ``n`` real training images in an order of the seed's own."""
        return np.random.Generator(np.random.Philox(derive(self.seed, "real"))).permutation(self.real_images)[:n]

    def _restart(self):
        self._bench.learner.reset()
        self._dirty = True
        return self._outcome(None, seen=0, since=0)

    def _freeze(self):
        self._frozen = self._bench.learner.model_of(self._bench.learner.frozen_copy())
        self._dirty = True
        return self._outcome(None, frozen=True)

    def _break_off(self):
        """Between two blocks of images the attempt ends."""
        if self._dirty:
            self._checkpoint()  # the weights are those after the last finished call
        raise Interrupted("interrupted between two blocks of images")


def refuse_superseded(guidance, superseded):
    """Raise Problem where ``generate`` is called as it was before guidance was one value."""
    if superseded or not (guidance is None or isinstance(guidance, Guidance)):
        given = ", ".join(superseded) or f"guidance={guidance!r}"
        raise Problem(
            f"lab.generate({given}): guidance is one value now, lab.generate(n, guidance=Guidance(score, omega, rule, "
            "through, every, frozen)), from dp_common.diffusion.guidance"
        )
