"""What a strategy must keep, each rule a function; the contract is ``dp_common.contracts.Strategy``.

It is run on real digits and the mixture teacher, many times over.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from dp_common.config.resolve import Resolved, resolve
from dp_common.conformance.rules import Nonconforming, Say, hold_to, require, silent
from dp_common.errors import Interrupted
from dp_common.lab.state import BudgetUnspent
from dp_common.persistence import ledger

SMALL = "scale=200 train.seen=1920 train.batch=64 sampler.steps=5 mixture.components=2".split()
SMALL += "data.split=0 data.limit=450 population.images=0".split()
Outcome = tuple[dict[str, Any], list[Any]]  # (summary, records of the ledger)


def check_strategy(strategy: str, *words: str, say: Say = silent) -> None:
    """Hold a strategy (a name, or ``./file.py:Class``) to the contract.

    Args:
        strategy: of the command line.
        *words: further ``key=value``.
        say: is told of each rule that holds.

    Raises:
        Nonconforming: it breaks a rule.
        Problem: it does not even run.
    """
    with tempfile.TemporaryDirectory() as root:
        trial = Trial(strategy, words, Path(root))
        rules = (completes, repeats, respects_room, charges, never_sees_test, replays, seeds_differ)
        try:
            whole = trial.run("whole")
        except BudgetUnspent as error:  # the runner's own rule
            raise Nonconforming(f"completes: {error}") from error
        hold_to(rules, say, trial, whole)


class Trial:
    """Runs of one strategy with a small budget, each in a folder of its own.

    Args:
        strategy: of the command line.
        words: further ``key=value``.
        root: the folder of all.
    """

    def __init__(self, strategy: str, words: Sequence[str], root: Path) -> None:
        self.words, self.root = [f"strategy={strategy}", *words], root
        self.words += [word for word in SMALL if word.partition("=")[0] not in {w.partition("=")[0] for w in words}]

    def resolve(self, name: str, *words: str) -> Resolved:
        """The run called ``name``, with ``words`` over those of all runs."""
        keys = {word.partition("=")[0] for word in words}
        kept = [word for word in self.words if word.partition("=")[0] not in keys]
        return resolve([*kept, *words, f"root={self.root / name}", "checkpoint_every=0"])

    def run(
        self,
        name: str,
        *words: str,
        stop: Callable[[], bool] = lambda: False,
        prepare: Callable[[Resolved], None] = lambda resolved: None,
    ) -> Outcome:
        """Run it: (summary, records of the ledger)."""
        from dp_common.lab import runner

        resolved = self.resolve(name, *words)
        prepare(resolved)
        summary = runner.execute(resolved, quiet=True, stop=stop)
        return summary, ledger.read(runner.folder_of(resolved))


def completes(trial: Trial, whole: Outcome) -> None:
    """completes: ends by itself, having spent the budget on one learner"""
    summary, _ = whole
    require(summary["state"] == "done", "completes", summary["state"])


def respects_room(trial: Trial, whole: Outcome) -> None:
    """respects room: never holds more than scale images"""
    sizes = [r["state"]["size"] for r in whole[1] if r["kind"] == "call"]
    require(max(sizes) <= whole[0]["scale"], "respects room", f"{max(sizes)} images at scale {whole[0]['scale']}")


def charges(trial: Trial, whole: Outcome) -> None:
    """charges for each thing done: what the teacher and the learner really did is what the summary says"""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from dp_common.lab import score_sources
    from dp_common.learner import heads

    did = {"network_evaluations": 0, "iterations": 0}

    def count_denoising(resolved: Resolved) -> None:
        denoise = resolved.teacher.denoise

        def counted(x: Any, t: int, labels: Any) -> Any:
            did["network_evaluations"] += len(x)
            return denoise(x, t, labels)

        resolved.teacher.denoise = counted  # type: ignore[method-assign]

    def count_iteration(optimizer: Any, args: Any, kwargs: Any) -> None:
        did["iterations"] += 1

    def heads_apart(*args: Any) -> Any:  # linear, on features that were looked at: in the hours, and no iterations
        before = did["iterations"]
        trained = heads.trained_heads(*args)
        did["iterations"] = before
        return trained

    counting = register_optimizer_step_post_hook(count_iteration)
    try:
        with mock.patch.object(score_sources, "trained_heads", heads_apart):
            summary, _ = trial.run("charged", prepare=count_denoising)
    finally:
        counting.remove()
    for unit, n in did.items():
        require(summary[unit] == n, "charges for each thing done", f"{n} {unit} happened, {summary[unit]} were charged")


def never_sees_test(trial: Trial, whole: Outcome) -> None:
    """never sees test: with every test label and image replaced, all it does is the same"""

    def poison(resolved: Resolved) -> None:
        task, load = resolved.task, resolved.task.load

        def load_poisoned(split: int) -> None:
            load(split)
            real: Any
            for real in (task.test, *task.shifted.values()):
                real.images = np.full_like(real.images, 255) - real.images
                real.labels = (real.labels + 1) % len(task.classes)

        task.load = load_poisoned  # type: ignore[method-assign]

    summary, records = trial.run("poisoned", prepare=poison)
    same = journal(records) == journal(whole[1]) and summary["store_digest"] == whole[0]["store_digest"]
    require(same, "never sees test", "what it does depends on the test set")


def replays(trial: Trial, whole: Outcome) -> None:
    """replays: interrupted at every yield and resumed, with a full store, it ends at the same images and the same
    accuracy
    """
    attempts, rule = 0, "replays"
    while True:
        try:
            summary, records = trial.run("replayed", stop=AtYield(skip=attempts % 2 + attempts // 200))
            break
        except Interrupted:
            attempts += 1
            require(attempts < 10_000, rule, "no progress from attempt to attempt")
    calls = {r["call"] for r in records if r["kind"] == "call"}
    require(attempts > 0, rule, "it yields nowhere: the runner can never checkpoint or stop it")
    after = f"after {attempts} interruptions"
    require(journal(records) == journal(whole[1]), rule, f"{after} the {len(calls)} calls or their answers differ")
    for key in ("store_digest", "accuracy", "images_generated", "images_seen", "network_evaluations"):
        require(summary[key] == whole[0][key], rule, f"{key} is {summary[key]} {after}, else {whole[0][key]}")


class AtYield:
    """A stop that says yes at the first question after ``skip`` others: at yields, and between blocks of images."""

    def __init__(self, skip: int) -> None:
        self.skip = skip

    def __call__(self) -> bool:
        self.skip -= 1
        return self.skip < 0


def repeats(trial: Trial, whole: Outcome) -> None:
    """repeats itself: the same seed does the same; all its chance comes from lab.rng"""
    summary, records = trial.run("again")
    same = journal(records) == journal(whole[1]) and summary["store_digest"] == whole[0]["store_digest"]
    require(same, "repeats itself", "two runs of one seed differ: draw only from lab.rng")


def seeds_differ(trial: Trial, whole: Outcome) -> None:
    """seeds differ: another seed makes other data"""
    other, _ = trial.run("other", "seed=1")
    require(other["store_digest"] != whole[0]["store_digest"], "seeds differ", "seeds 0 and 1 made the same data")


def journal(records: Sequence[Any]) -> list[tuple[str, Any, Any]]:
    """[(name, args, answer)] of the calls that count, in order."""
    calls = {r["call"]: r for r in ledger.surviving(list(records)) if r["kind"] == "call"}
    return [(calls[n]["name"], calls[n]["args"], calls[n]["answer"]) for n in sorted(calls)]
