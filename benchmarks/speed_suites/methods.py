"""What methods cost: images guided by each kind of score, and rules that look at features.

The digits recipe, or what keys of a run say (``teacher=unet``). ``guided.entropy``, every step guided, is what others
are compared with. ``ruled``: the same by each rule; ``scored``: images scored as they are stored; ``around``: what a
score makes of the present set once a call, for each of its images; ``chosen``: by a rule, of 200 candidates of a class
those 25 that join 75 there, features as wide as the learner's; ``exact``: draws of the density.
``results.analysis.method_costs`` reads these. ``rule`` and ``set``: at full size, 125 of a thousand candidates of a
class, beside a set of 100,000 images of ten classes, features as wide as ViT-B's.
"""

from collections.abc import Callable, Iterable
from functools import partial
from types import SimpleNamespace
from typing import Any

from benchmarks.speed_suites import Item, Setting
from dp_common.config.resolve import resolve
from dp_common.diffusion.guidance import Guidance

RUN_KEYS = True
NAMES = ("guided.*", "ruled.*", "scored.*", "around.*", "chosen.*", "exact.plain", "rule.*", "set.*")
HEADS, OTHERS, PRESENT = 5, 8, 1_000  # heads of bald, of variance; images of the small set
WIDTH, SET, CLASSES, CANDIDATES, KEPT = 768, 100_000, 10, 1_000, 125
GUIDED = {  # name: score, keys
    "entropy": ("entropy", []),
    "learnability.density": ("learnability", []),
    "learnability.classifier": ("learnability", ["reference.source=classifier"]),
    f"bald.snapshots{HEADS}": ("bald", []),
    f"bald.epistemic{HEADS}": ("bald", ["heads.source=epistemic"]),
    f"variance.epistemic{OTHERS}": ("variance", ["heads.source=epistemic", f"heads.count={OTHERS}"]),
    "hardness": ("hardness", []),
    "repulsion": ("repulsion", []),
    "chamfer": ("chamfer", []),
    "nll": ("nll", []),
}
RULES = ("score", "relative", "eps-relative", "predecessor")
SCORED = ("entropy", "learnability.density", "nll")  # what takes more than passes of classifiers, and the least of all
OF_DENSITY = ("learnability.density", "nll")
AROUND = ("hardness", "repulsion", f"bald.epistemic{HEADS}", f"variance.epistemic{OTHERS}")


def items(setting: Setting) -> dict[str, Item]:
    """Items of scores and of rules."""
    return scores(setting) | rules()


def scores(setting: Setting) -> dict[str, Item]:
    """A block of images guided at every step by each of these, and what else these scores take."""
    import numpy as np
    import torch

    from dp_common.arrays import DecodedImages
    from dp_common.diffusion.image_sampler import ImageSampler, quantise
    from dp_common.lab.context import Models
    from dp_common.lab.kept_models import KeptModels
    from dp_common.lab.score_sources import ScoreSources
    from dp_common.learner.classifier import Learner
    from dp_common.learner.features import head_of
    from dp_common.persistence.meter import Meter
    from dp_common.seeds import label_of
    from dp_common.training_data.training_set import TrainSet

    own = ["strategy=static", *setting.overrides]
    plain = resolve(own)
    task, teacher = plain.task, plain.teacher
    task.load(0)
    teacher.prepare(task, torch.device("cpu"))
    learner = Learner(plain.spec, task, "cpu")
    kept = KeptModels(reference=learner.model_of(learner.frozen_copy()))
    for seed in range(HEADS):
        torch.manual_seed(seed)
        kept.snapshots.append(learner.new_model().eval())
    indices = np.arange(setting.block)
    labels = label_of(indices, len(task.classes))
    present = TrainSet()
    present.add_real(task.train, np.arange(PRESENT))
    stored = DecodedImages(np.asarray(task.train.read(indices)), labels, indices)

    def sources(words: list[str]) -> tuple[Any, ImageSampler, ScoreSources]:
        count = [] if any(word.startswith("heads.count=") for word in words) else [f"heads.count={HEADS}"]
        spec, meter = resolve([*own, *count, *words]).spec, Meter()
        sampler = ImageSampler(spec, teacher, torch.device("cpu"), meter)
        run: Any = SimpleNamespace(spec=spec, models=Models(learner, sampler), io=SimpleNamespace(meter=meter))
        run.data, run.snapshots = SimpleNamespace(training_set=present, real=task.train), HEADS
        return spec, sampler, ScoreSources(run, kept)

    def guided(score: str, words: list[str]) -> Callable[[], Any]:
        _, sampler, looking = sources(words)
        step = sampler.guidance_step(Guidance(score, 0.05, every=1), learner, None, looking.scorer(score))
        return lambda: quantise(sampler.sample(indices, labels, step))

    def ruled(rule: str) -> Callable[[], Any]:
        step = sources([])[1].guidance_step(Guidance("entropy", 0.05, rule, every=1), learner)
        return lambda: quantise(sources([])[1].sample(indices, labels, step))

    def scored(score: str, words: list[str]) -> Callable[[], Any]:
        scorer = sources(words)[2].scorer(score)
        return lambda: scorer.of_stored(stored, Meter())

    def around(score: str, words: list[str]) -> Callable[[], Any]:
        return lambda: sources(words)[2].scorer(score)

    def exact() -> Any:
        return quantise(sources(["sampler.exact=true"])[1].sample(indices, labels))

    def named(kind: str, make: Callable[..., Any], names: Iterable[str], n: int) -> dict[str, Item]:
        beside = f"{kind}.entropy"
        return {
            f"{kind}.{name}": Item("images", n, make(*GUIDED[name]), beside if name != "entropy" in names else None)
            for name in names
            if teacher.knows_density or not name.startswith(OF_DENSITY)
        }

    exactly = {"exact.plain": Item("images", setting.block, exact)} if teacher.knows_density else {}
    return (
        named("guided", guided, GUIDED, setting.block)
        | {f"ruled.{rule}": Item("images", setting.block, ruled(rule), "guided.entropy") for rule in RULES}
        | named("scored", scored, SCORED, setting.block)
        | named("around", around, AROUND, PRESENT)
        | chosen(head_of(learner.guiding, plain.spec.learner, learner.classes).in_features)
        | exactly
    )


def chosen(width: int) -> dict[str, Item]:
    """Candidates of one class of the digits recipe, per candidate; ``width``: of the learner's features."""
    import numpy as np

    from dp_common.lab.selection_rule import selection_rule

    rng, n, kept, there = np.random.default_rng(0), 200, 25, 75
    candidates, present = (rng.standard_normal((count, width), np.float32) for count in (n, there))
    values, labels = rng.random(n, np.float32), np.zeros(n, np.int64)

    def choose(name: str, **beside: Any) -> Callable[[], Any]:
        rule = selection_rule(name)
        return lambda: rule.choose(values, labels, values, kept, features=candidates, **beside)

    calls = {"kcentre": choose("kcentre", present=present), "covariance": choose("covariance", real=present[:32])}
    return {f"chosen.{name}": Item("images", n, call) for name, call in calls.items()}


def rules() -> dict[str, Item]:
    """A thousand candidates chosen from, beside a set."""
    import numpy as np
    import torch

    from dp_common.lab.selection_rule import selection_rule
    from dp_common.learner.features import moments_of, peers_of
    from dp_common.scores import hardness, repulsion

    rng = np.random.default_rng(0)
    memory = rng.standard_normal((SET, WIDTH), np.float32)
    of, candidates = np.arange(SET) % CLASSES, rng.standard_normal((CANDIDATES, WIDTH), np.float32)
    real, values = rng.standard_normal((32, WIDTH), np.float32), rng.random(CANDIDATES, np.float32)

    def choose(name: str, **beside: Any) -> Callable[[], Any]:
        rule, labels = selection_rule(name), np.zeros(CANDIDATES, np.int64)
        return lambda: rule.choose(values, labels, values, KEPT, features=candidates, **beside)

    set_of = torch.from_numpy(memory), torch.from_numpy(of)
    looked: Any = dict(logits=None, labels=torch.zeros(CANDIDATES, dtype=torch.long))
    looked["features"] = torch.from_numpy(candidates)

    def moments() -> Any:
        return moments_of(*set_of, CLASSES)

    def peers() -> Any:
        return peers_of(*set_of, np.arange(SET), CLASSES, seed=0)

    found: dict[str, Callable[[], Any]] = {
        "rule.covariance": choose("covariance", real=real),
        "rule.kcentre": choose("kcentre", present=memory[of == 0]),
        "rule.hardness": partial(hardness.score, **looked, moments=moments()),
        "rule.repulsion": partial(repulsion.score, **looked, peers=peers()),
    }
    return {name: Item("thousands", 1, call) for name, call in found.items()} | {
        "set.hardness": Item("sets", 1, moments),
        "set.repulsion": Item("sets", 1, peers),
    }
