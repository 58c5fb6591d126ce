"""What methods cost: images guided by each kind of score, and rules that look at features.

Rules choose 125 of a thousand candidates of a class. The digits recipe. ``guided.entropy`` is what the others are
compared with: every step is guided. The set beside which ``rule.kcentre`` and ``rule.hardness`` choose has 100,000
images of ten classes, and features as wide as ViT-B's.
"""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from benchmarks.speed_suites import Item, Setting
from dp_common.config.resolve import resolve
from dp_common.diffusion.guidance import Guidance

RUN_KEYS = False
HEADS, WIDTH, SET, CLASSES, CANDIDATES, KEPT = 5, 768, 100_000, 10, 1_000, 125
GUIDED = {  # name: score, keys
    "entropy": ("entropy", []),
    "learnability.density": ("learnability", []),
    "learnability.classifier": ("learnability", ["reference.source=classifier"]),
    f"bald.snapshots{HEADS}": ("bald", []),
    f"bald.epistemic{HEADS}": ("bald", ["heads.source=epistemic"]),
    "hardness": ("hardness", []),
    "chamfer": ("chamfer", []),
    "nll": ("nll", []),
}


def items(setting: Setting) -> dict[str, Item]:
    """Items of scores and of rules."""
    return scores(setting) | rules()


def scores(setting: Setting) -> dict[str, Item]:
    """A block of images guided at every step by each of these."""
    import numpy as np
    import torch

    from dp_common.diffusion.image_sampler import ImageSampler, quantise
    from dp_common.lab.context import Models
    from dp_common.lab.kept_models import KeptModels
    from dp_common.lab.score_sources import ScoreSources
    from dp_common.learner.classifier import Learner
    from dp_common.persistence.meter import Meter
    from dp_common.seeds import label_of
    from dp_common.training_data.training_set import TrainSet

    plain = resolve(["strategy=static", f"heads.count={HEADS}"])
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
    present.add_real(task.train, np.arange(1000))

    def guided(score: str, words: list[str]) -> Callable[[], Any]:
        spec, meter = resolve(["strategy=static", f"heads.count={HEADS}", *words]).spec, Meter()
        sampler = ImageSampler(spec, teacher, torch.device("cpu"), meter)
        run: Any = SimpleNamespace(spec=spec, models=Models(learner, sampler), io=SimpleNamespace(meter=meter))
        run.data, run.snapshots = SimpleNamespace(training_set=present, real=task.train), HEADS
        scorer = ScoreSources(run, kept).scorer(score)
        step = sampler.guidance_step(Guidance(score, 0.05, every=1), learner, None, scorer)
        return lambda: quantise(sampler.sample(indices, labels, step))

    return {
        f"guided.{name}": Item(
            "images", setting.block, guided(score, words), None if name == "entropy" else "guided.entropy"
        )
        for name, (score, words) in GUIDED.items()
    }


def rules() -> dict[str, Item]:
    """A thousand candidates chosen from, beside a set."""
    import numpy as np
    import torch

    from dp_common.lab.selection_rule import selection_rule
    from dp_common.learner.features import moments_of
    from dp_common.scores import hardness

    rng = np.random.default_rng(0)
    memory = rng.standard_normal((SET, WIDTH), np.float32)
    of, candidates = np.arange(SET) % CLASSES, rng.standard_normal((CANDIDATES, WIDTH), np.float32)
    real, values = rng.standard_normal((32, WIDTH), np.float32), rng.random(CANDIDATES, np.float32)

    def choose(name: str, **beside: Any) -> Callable[[], Any]:
        rule, labels = selection_rule(name), np.zeros(CANDIDATES, np.int64)
        return lambda: rule.choose(values, labels, values, KEPT, features=candidates, **beside)

    def score(moments: Any) -> Any:
        labels = torch.zeros(CANDIDATES, dtype=torch.long)
        return hardness.score(None, labels, features=torch.from_numpy(candidates), moments=moments)

    def moments() -> Any:
        return moments_of(torch.from_numpy(memory), torch.from_numpy(of), CLASSES)

    found: dict[str, Callable[[], Any]] = {
        "rule.covariance": choose("covariance", real=real),
        "rule.kcentre": choose("kcentre", present=memory[of == 0]),
        "rule.hardness": partial(score, moments()),
    }
    return {name: Item("thousands", 1, call) for name, call in found.items()} | {
        "set.hardness": Item("sets", 1, moments)
    }
