"""Every score, rule and choice of images on the CPU and on a make-believe device, with the mixture and with a tiny
Stable Diffusion.

One lab on each, for all tests: they do the same in the same order, and what they add is the same to the bit.
"""

import pytest

from dp_common.config import registry
from dp_common.diffusion.guidance import Guidance
from tests.accelerator import Accelerator

WORDS = "task=digits strategy=dp dp.every=1 dp.score=bald scale=400 train.seen=1280 train.batch=64 sampler.steps=2"
WORDS += " sampler.block=4 shard=64 data.limit=60 heads.count=2 reference.source=classifier reference.seen=64"
TEACHERS = {
    "mixture": "learner=cnn-digits mixture.components=2",
    "stable-diffusion": "teacher=stable-diffusion stable_diffusion.dtype=fp32 sampler.cfg_scale=2 learner=vit-digits "
    "train.model_args.drop_rate=0.1",
}
CORE = ("learnability", "bald snapshots", "bald epistemic", "chamfer", "kcentre", "covariance", "slow")


def cases():
    scores = [name for name in registry.plugins("score") if name not in ("random", "nll")]
    heads = [f"{name} {source}" for name in ("bald", "variance") for source in ("snapshots", "epistemic", "dropout")]
    for name in [*(name for name in scores if name not in ("bald", "variance")), *heads]:
        yield name, lambda lab, name=name: lab.generate(4, Guidance(name.split()[0], 0.2, every=1))
    for name in registry.plugins("guidance rule"):
        yield name, lambda lab, name=name: lab.generate(4, Guidance("entropy", 0.2, name, every=1))
    for name in registry.plugins("selection rule"):
        more = {"real_per_class": 2, "dimensions": 1} if name == "covariance" else None
        yield name, lambda lab, name=name, more=more: lab.select(8, 4, "entropy", rule=name, parameters=more)
    for name in ("wrong", "right", "slow", "random"):
        yield name, lambda lab, name=name: lab.generate(4, start=(lab.anchors(4, name) * 4)[:4], strength=0.6)
    guided = Guidance("hardness", 0.2, every=1)
    yield "guided candidates", lambda lab: lab.select(8, 4, "learnability", guidance=guided)
    yield "labels", lambda lab: lab.generate(4, Guidance("loss", 0.2, every=1), labels=[3, 3, 1, 3])
    yield "set", lambda lab: lab.select(0, lab.size - 2, "hardness", replace=True)


@pytest.fixture(scope="module", params=["mixture", pytest.param("stable-diffusion", marks=pytest.mark.slow)])
def labs(request, tmp_path_factory):
    """[(an accelerator or None, a lab that has looked at monitor twice)]"""
    from tests.dp_common.lab.conftest import opened

    root = tmp_path_factory.mktemp("methods")
    words = [*WORDS.split(), *TEACHERS[request.param].split()]
    if request.param == "stable-diffusion":
        from tests.dp_common.teachers import tiny_stable_diffusion

        words.append(f"stable_diffusion.weights={tiny_stable_diffusion.make(root / 'sd')}")
    device, found = Accelerator("cuda"), []
    with opened(root / "cpu") as open_here, opened(root / "cuda") as open_there:
        for place, open_one in ((None, open_here), (device, open_there)):
            with place or pytest.MonkeyPatch.context():
                one = open_one(*words, f"device={'cuda' if place else 'cpu'}")
                one.lab.generate(20)
                for _ in range(2):
                    one.lab.train(64)
            found.append((place, one))
        yield found


@pytest.mark.parametrize(
    "name, call",
    [pytest.param(*case, id=case[0], marks=[] if case[0] in CORE else pytest.mark.slow) for case in cases()],
)
def test_it_draws_the_same_on_a_device(labs, name, call):
    if "dropout" in name and labs[0][1].run.spec.learner == "cnn-digits":
        pytest.skip("it has no layer that drops")
    answers, sets = [], []
    for place, one in labs:
        one.run.spec.heads.source = name.split()[-1] if " " in name and "guided" not in name else "snapshots"
        before = len(one.run.data.training_set)
        with place or pytest.MonkeyPatch.context():
            waited = len(place.waits) if place else 0
            answers.append(call(one.lab))
            sets.append(one.run.data.training_set.digest())
        assert name == "set" or len(one.run.data.training_set) == before + 4
        if place:
            inside = [wait for wait in place.waits[waited:] if wait.within("ddim")]
            assert len(inside) <= 12, inside  # of three blocks, two a guided step; none a class
    assert answers[0] == answers[1] and sets[0] == sets[1]
