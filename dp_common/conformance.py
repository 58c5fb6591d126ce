"""The conformance kit: does a strategy, score or teacher keep the contract everything else relies on?

    python -m dp_common.conformance strategy=./idea.py:Idea [key=value ...]

or from your own tests: ``from dp_common.conformance import check_strategy; check_strategy("./idea.py:Idea")``. A strategy is
run on real digits and the mixture teacher with a budget of seconds, many times over.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from dp_common import config, ledger
from dp_common.errors import Interrupted, Problem

SMALL = ["scale=200", "train.seen=1920", "train.batch=64", "sampler.steps=5", "mixture.components=2", "data.split=0"]


class Nonconforming(AssertionError):
    """The plugin breaks the contract; the message says which rule and how."""


def require(condition, rule, found):
    if not condition:
        raise Nonconforming(f"{rule}: {found}")


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
        return config.resolve([*kept, *words, f"root={self.root / name}", "checkpoint_every=0"])

    def run(self, name, *words, stop=lambda: False, prepare=lambda resolved: None):
        """-> (summary, records of the ledger)"""
        from dp_common import runner

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
    require(state["seen"] == budget.seen, "completes", f"the learner saw {state['seen']} of {budget.seen} images: call lab.cooldown() last")


def respects_room(trial, whole):
    """respects room: never holds more than scale images"""
    sizes = [r["state"]["size"] for r in whole[1] if r["kind"] == "call"]
    require(max(sizes) <= whole[0]["scale"], "respects room", f"{max(sizes)} images at scale {whole[0]['scale']}")


def charges(trial, whole):
    """charges for each thing done: what the teacher and the learner really did is what the summary says"""
    did = {"network_evaluations": 0, "iterations": 0}

    def spy(resolved):
        from dp_common.learner import Learner

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
                real.images, real.labels = np.full_like(real.images, 255) - real.images, (real.labels + 1) % len(task.classes)

        task.load = load_poisoned

    summary, records = trial.run("poisoned", prepare=poison)
    require(journal(records) == journal(whole[1]) and summary["store_digest"] == whole[0]["store_digest"], "never sees test",
            "what it does depends on the test set")


def replays(trial, whole):
    """replays: interrupted at every yield and resumed, with a full store, it ends at the same images and the same accuracy"""
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
    require(journal(records) == journal(whole[1]), "replays", f"after {attempts} interruptions the {len(calls)} calls or their answers differ")
    for key in ("store_digest", "accuracy", "images_generated", "images_seen", "network_evaluations"):
        require(summary[key] == whole[0][key], "replays", f"{key} is {summary[key]} after {attempts} interruptions, else {whole[0][key]}")


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
    require(journal(records) == journal(whole[1]) and summary["store_digest"] == whole[0]["store_digest"], "repeats itself",
            "two runs of one seed differ: draw only from lab.rng")


def seeds_differ(trial, whole):
    """seeds differ: another seed makes other data"""
    other, _ = trial.run("other", "seed=1")
    require(other["store_digest"] != whole[0]["store_digest"], "seeds differ", "seeds 0 and 1 made the same data")


def journal(records):
    """[(name, args, answer)] of the calls that count, in order."""
    calls = {r["call"]: r for r in ledger.surviving(records) if r["kind"] == "call"}
    return [(calls[n]["name"], calls[n]["args"], calls[n]["answer"]) for n in sorted(calls)]


def check_score(name):
    """A score gives one finite number per row in fp32, alone or in a batch, and unless blind has a gradient. Raises Nonconforming."""
    import torch

    from dp_common import registry

    module = registry.find("score", name).load()
    if getattr(module, "BLIND", False):
        values = np.asarray(module.score(np.linspace(0, 0.9, 10)))
        require(values.shape == (10,), "shape", values.shape)
        return
    logits = torch.randn(10, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    labels = torch.arange(10) % 5
    values = module.score(logits, labels)
    require(values.shape == (10,) and bool(torch.isfinite(values).all()), "one finite number per row", values)
    singles = torch.cat([module.score(logits[i:i + 1], labels[i:i + 1]) for i in range(10)])
    require(torch.allclose(values, singles, atol=1e-6), "a batch equals its singles", (values - singles).abs().max())
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    require(bool(torch.isfinite(gradient).all()) and bool((gradient != 0).any()), "has a gradient", gradient)


def check_teacher(name, *words):
    """A teacher's shapes, finiteness, independence of batch mates, null label and gradient path. Raises Nonconforming."""
    import torch

    resolved = config.resolve([f"teacher={name}", "strategy=static", *words])
    resolved.task.load(resolved.spec.data.split)
    teacher, classes = resolved.teacher, len(resolved.task.classes)
    teacher.prepare(resolved.task, torch.device("cpu"))
    x = torch.randn(6, *teacher.latent_shape, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(6) % classes
    alphas = np.asarray(teacher.alphas_cumprod)
    require(alphas.ndim == 1 and (np.diff(alphas) < 0).all() and 0 < alphas[-1] < alphas[0] < 1, "alphas_cumprod falls within (0, 1)", alphas[:3])
    for t in (len(alphas) - 1, len(alphas) // 2, 0):
        eps = teacher.denoise(x, t, labels)
        require(eps.shape == x.shape and bool(torch.isfinite(eps).all()), "denoise gives a finite ε of x's shape", eps.shape)
        singles = torch.cat([teacher.denoise(x[i:i + 1], t, labels[i:i + 1]) for i in range(6)])
        require(torch.allclose(eps, singles, atol=1e-4), "a batch equals its singles", float((eps - singles).abs().max()))
        if teacher.null_label is not None:
            null = teacher.denoise(x, t, torch.full_like(labels, teacher.null_label))
            require(null.shape == x.shape and bool(torch.isfinite(null).all()), "the null label works", null.shape)
    wanted = x.clone().requires_grad_()
    images = teacher.decode((wanted - teacher.denoise(wanted, t, labels)) / 2)
    require(images.shape == (6, *resolved.task.shape), "decode gives images of the task's shape", images.shape)
    (gradient,) = torch.autograd.grad(images.sum(), wanted)
    require(bool(torch.isfinite(gradient).all()) and bool((gradient != 0).any()), "differentiable from x_t to the image", gradient)


def main(words):
    given = dict(word.partition("=")[::2] for word in words)
    try:
        if "strategy" in given:
            name = given.pop("strategy")
            check_strategy(name, *(f"{key}={value}" for key, value in given.items()), say=print)
        elif "teacher" in given:
            check_teacher(given.pop("teacher"), *(f"{key}={value}" for key, value in given.items()))
        elif "score" in given:
            check_score(given["score"])
        else:
            print(__doc__)
            return 2
    except Nonconforming as failure:
        print(f"NOT CONFORMING  {failure}")
        return 1
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return problem.code
    print("conforming")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
