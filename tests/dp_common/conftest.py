"""Shared by these tests: the fitted mixture, a small classifier that was really trained, and a sampler of both."""

import pytest


@pytest.fixture(scope="session")
def digits():
    from dp_common.tasks.digits import Digits

    task = Digits()
    task.load(0)
    return task


@pytest.fixture(scope="session")
def mixture(digits):
    from dp_common.teachers.mixture import Mixture

    teacher = Mixture()
    teacher.prepare(digits, "cpu")
    return teacher


class Classifier:
    """What the sampler and the scores need of a learner: ``logits`` of floats, ``predict`` of uint8."""

    def __init__(self, net):
        self.net = net

    def logits(self, images, model=None):
        return (model or self.net)(images.float().flatten(1))

    def predict(self, images, model=None):
        import torch

        with torch.no_grad():
            return self.logits(torch.from_numpy(images).float() / 127.5 - 1, model)


@pytest.fixture(scope="session")
def learner(digits):
    """A smooth two-layer classifier, over 90 % right on monitor and still unsure of much."""
    import torch

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.Tanh(), torch.nn.Linear(32, 10))
    images, labels = torch.from_numpy(digits.train.images).flatten(1) / 127.5 - 1, torch.from_numpy(digits.train.labels)
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    made = Classifier(net.requires_grad_(False))
    assert (made.predict(digits.monitor.images).argmax(1).numpy() == digits.monitor.labels).mean() > 0.9
    return made


@pytest.fixture
def sampler_of(mixture):
    """sampler_of(steps=20, seed=0, ...) -> an ImageSampler with a meter of its own; keywords: keys of ``sampler``."""
    from dp_common.config.specification import Sampler, Spec
    from dp_common.diffusion.image_sampler import ImageSampler
    from dp_common.persistence.meter import Meter

    def make(seed=0, teacher=mixture, **sampler):
        return ImageSampler(Spec(seed=seed, sampler=Sampler(**sampler)), teacher, "cpu", Meter())

    return make


@pytest.fixture(scope="module", params=["v", "epsilon"])
def trained(request, tmp_path_factory):
    """(path, prediction) of a small teacher, stopped before its training was worth much."""
    from tests.dp_common.teacher_training.teach import teach

    out = tmp_path_factory.mktemp("teacher") / "tiny.safetensors"
    teach(out, f"prediction={request.param}")
    return out, request.param
