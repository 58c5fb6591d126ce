"""What a strategy must keep, each rule a function; it is run on real digits and the mixture teacher, many times over.
"""

import tempfile
from pathlib import Path

import numpy as np

from dp_common.config.resolve import resolve
from dp_common.conformance.rules import require
from dp_common.errors import Interrupted
from dp_common.persistence import ledger

SMALL = ["scale=200", "train.seen=1920", "train.batch=64", "sampler.steps=5", "mixture.components=2", "data.split=0"]


def check_strategy(strategy, *words, say=lambda line: None):
    """Hold ``strategy`` (a name, or ``./file.py:Class``) to the contract; ``words`` are further ``key=value``.

    Raises Nonconforming, or a Problem where the strategy does not even run. ``say`` is told of each rule that holds.
    """
    with tempfile.TemporaryDirectory() as root:
        trial = Trial(strategy, words, Path(root))
        whole = trial.run("whole")
        for rule in (completes, repeats, respects_room, charges, never_sees_test, replays, seeds_differ):
            rule(trial, whole)
            say(f"ok  {rule.__doc__}")


class Trial:
    """Runs of one strategy with a small budget, each in a folder of its own."""

    def __init__(self, strategy, words, root):
        self.words, self.root = [f"strategy={strategy}", *words], root
        self.words += [word for word in SMALL if word.partition("=")[0] not in {w.partition("=")[0] for w in words}]

    def resolve(self, name, *words):
        keys = {word.partition("=")[0] for word in words}
        kept = [word for word in self.words if word.partition("=")[0] not in keys]
        return resolve([*kept, *words, f"root={self.root / name}", "checkpoint_every=0"])

    def run(self, name, *words, stop=lambda: False, prepare=lambda resolved: None):
        """-> (summary, records of the ledger)"""
        from dp_common.lab import runner

        resolved = self.resolve(name, *words)
        prepare(resolved)
        summary = runner.execute(resolved, quiet=True, stop=stop)
        return summary, ledger.read(runner.folder_of(resolved))


def completes(trial, whole):
    """completes: ends by itself, having spent the budget on one learner"""
    summary, records = whole
    state = [r for r in records if r["kind"] == "call"][-1]["state"]
    budget = trial.resolve("whole").budget
    require(summary["state"] == "done", "completes", summary["state"])
    require(
        state["seen"] == budget.seen,
        "completes",
        f"the learner saw {state['seen']} of {budget.seen} images: call lab.cooldown() last",
    )


def respects_room(trial, whole):
    """respects room: never holds more than scale images"""
    sizes = [r["state"]["size"] for r in whole[1] if r["kind"] == "call"]
    require(max(sizes) <= whole[0]["scale"], "respects room", f"{max(sizes)} images at scale {whole[0]['scale']}")


def charges(trial, whole):
    """charges for each thing done: what the teacher and the learner really did is what the summary says"""
    did = {"network_evaluations": 0, "iterations": 0}

    def spy(resolved):
        from dp_common.learner.classifier import Learner

        teacher, denoise = resolved.teacher, resolved.teacher.denoise

        def counted_denoise(x, t, labels):
            did["network_evaluations"] += len(x)
            return denoise(x, t, labels)

        def counted_step(self, parts, seen):
            did["iterations"] += 1
            return step(self, parts, seen)

        teacher.denoise, step = counted_denoise, Learner.step
        Learner.step = counted_step
        spy.undo = lambda: setattr(Learner, "step", step)

    try:
        summary, _ = trial.run("charged", prepare=spy)
    finally:
        spy.undo()
    for unit, n in did.items():
        require(summary[unit] == n, "charges for each thing done", f"{n} {unit} happened, {summary[unit]} were charged")


def never_sees_test(trial, whole):
    """never sees test: with every test label and image replaced, all it does is the same"""

    def poison(resolved):
        task, load = resolved.task, resolved.task.load

        def load_poisoned(split):
            load(split)
            for real in (task.test, *task.shifted.values()):
                real.images, real.labels = (
                    np.full_like(real.images, 255) - real.images,
                    (real.labels + 1) % len(task.classes),
                )

        task.load = load_poisoned

    summary, records = trial.run("poisoned", prepare=poison)
    require(
        journal(records) == journal(whole[1]) and summary["store_digest"] == whole[0]["store_digest"],
        "never sees test",
        "what it does depends on the test set",
    )


def replays(trial, whole):
    """replays: interrupted at every yield and resumed, with a full store, it ends at the same images and the same
    accuracy
    """
    attempts = 0
    while True:
        try:
            summary, records = trial.run("replayed", stop=AtYield(skip=attempts % 2 + attempts // 200))
            break
        except Interrupted:
            attempts += 1
            require(attempts < 10_000, "replays", "no progress from attempt to attempt")
    calls = {r["call"] for r in records if r["kind"] == "call"}
    require(attempts > 0, "replays", "it yields nowhere: the runner can never checkpoint or stop it")
    require(
        journal(records) == journal(whole[1]),
        "replays",
        f"after {attempts} interruptions the {len(calls)} calls or their answers differ",
    )
    for key in ("store_digest", "accuracy", "images_generated", "images_seen", "network_evaluations"):
        require(
            summary[key] == whole[0][key],
            "replays",
            f"{key} is {summary[key]} after {attempts} interruptions, else {whole[0][key]}",
        )


class AtYield:
    """A stop that says yes at the first question after ``skip`` others: at yields, and between blocks of images."""

    def __init__(self, skip):
        self.skip = skip

    def __call__(self):
        self.skip -= 1
        return self.skip < 0


def repeats(trial, whole):
    """repeats itself: the same seed does the same; all its chance comes from lab.rng"""
    summary, records = trial.run("again")
    require(
        journal(records) == journal(whole[1]) and summary["store_digest"] == whole[0]["store_digest"],
        "repeats itself",
        "two runs of one seed differ: draw only from lab.rng",
    )


def seeds_differ(trial, whole):
    """seeds differ: another seed makes other data"""
    other, _ = trial.run("other", "seed=1")
    require(other["store_digest"] != whole[0]["store_digest"], "seeds differ", "seeds 0 and 1 made the same data")


def journal(records):
    """[(name, args, answer)] of the calls that count, in order."""
    calls = {r["call"]: r for r in ledger.surviving(records) if r["kind"] == "call"}
    return [(calls[n]["name"], calls[n]["args"], calls[n]["answer"]) for n in sorted(calls)]
