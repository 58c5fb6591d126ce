"""The unet teacher: its files, the adapters around the network, and the packaged digits teacher."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dp_common.diffusion.ddim import cfg, ddim
from dp_common.diffusion.guidance import Guidance
from dp_common.diffusion.schedule import alphas_cumprod, timesteps
from dp_common.errors import BadInput
from dp_common.real_images.splits import Split
from dp_common.seeds import label_of
from dp_common.tasks.digits_1797 import Digits1797
from dp_common.teacher_training.source import Source
from dp_common.teachers import unet
from tests.dp_common.teacher_training.teach import loaded


@pytest.fixture(scope="module")
def tiny(trained):
    teacher = unet.UNet(weights=str(trained[0]))
    teacher.prepare(loaded(0), "cpu")
    return teacher


@pytest.fixture(scope="module")
def packaged():
    teacher = unet.UNet()
    teacher.prepare(loaded(0), "cpu")
    return teacher


# ---------------------------------------------------------------------- the teacher


class Answers(torch.nn.Module):
    """A network that knows the answer."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x, t, class_labels):
        return SimpleNamespace(sample=self.answer)


@pytest.mark.parametrize("t", [0, 300, 999])
def test_v_is_read_as_the_noise(t):
    generator = torch.Generator().manual_seed(0)
    image, noise = (torch.randn(5, 1, 8, 8, generator=generator) for _ in range(2))
    about = {"prediction": "v", "schedule": "sd", "shape": [1, 8, 8], "classes": list("abc")}
    signal, spread = alphas_cumprod("sd")[t] ** 0.5, (1 - alphas_cumprod("sd")[t]) ** 0.5
    teacher = unet.UNet()
    teacher.adopt(Answers(signal * noise - spread * image), about, "cpu")
    found = teacher.denoise(signal * image + spread * noise, t, torch.zeros(5).long())
    torch.testing.assert_close(found, noise, rtol=1e-5, atol=1e-5)


def test_a_batch_with_null_labels_equals_its_singles(packaged):
    x = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([10, 10, 3, 0, 9, 3])
    together = packaged.denoise(x, 300, labels)
    singles = torch.cat([packaged.denoise(x[i : i + 1], 300, labels[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(together, singles, rtol=1e-4, atol=1e-4)
    uncond, cond = together[:1], packaged.denoise(x[:1], 300, torch.tensor([4]))
    assert (uncond - cond).abs().max() > 0.05
    torch.testing.assert_close(
        cfg(packaged.denoise, 3.0, packaged.null_label)(x[:1], 300, torch.tensor([4])),
        uncond + 3 * (cond - uncond),
        rtol=1e-4,
        atol=1e-4,
    )


def test_equal_to_the_scheduler_of_diffusers(trained, tiny):
    """Its DDIMScheduler over the same UNet2DModel with class labels: leading spacing, no clipping."""
    from diffusers import DDIMScheduler

    kind = {"v": "v_prediction", "epsilon": "epsilon"}[trained[1]]
    scheduler = DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        timestep_spacing="leading",
        steps_offset=0,
        prediction_type=kind,
    )
    scheduler.set_timesteps(20)
    about, tensors = unet.read(trained[0])
    net = unet.build(about["architecture"]).eval()
    net.load_state_dict(
        {key.removeprefix("weights."): value for key, value in tensors.items() if key.startswith("weights.")}
    )
    x = theirs = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([0, 3, 9, 10])
    with torch.no_grad():
        for t in scheduler.timesteps:
            theirs = scheduler.step(net(theirs, t, class_labels=labels).sample, t, theirs).prev_sample
        ours = ddim(tiny.denoise, x, labels, timesteps(20, "leading"), tiny.alphas_cumprod)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype, tolerance", [("bf16", 0.1), ("fp16", 0.02)])
def test_half_precision_is_near_and_answers_in_fp32(packaged, dtype, tolerance):
    half = unet.UNet(dtype=dtype)
    half.prepare(loaded(0), "cpu")
    x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    eps = half.denoise(x, 500, torch.arange(4))
    assert eps.dtype == torch.float32 and (eps - packaged.denoise(x, 500, torch.arange(4))).abs().max() < tolerance
    (gradient,) = torch.autograd.grad(eps.sum(), x)
    assert bool(torch.isfinite(gradient).all()) and half.grad_scale == (1024 if dtype == "fp16" else 1)


def test_the_file_needs_no_settings_to_load(trained, tiny):
    about, tensors = unet.read(trained[0])
    assert about["prediction"] == trained[1] and about["classes"] == list("0123456789") and about["shape"] == [1, 8, 8]
    assert about["data"]["fingerprint"] == Digits1797().fingerprint() and tensors["training_images"].shape == (897, 8)
    assert (
        tiny.latent_shape == (1, 8, 8) and tiny.null_label == 10 and tiny.alphas_cumprod[-1] == alphas_cumprod("sd")[-1]
    )
    assert len(tiny.fingerprint(loaded(0))) == 16


def test_another_split_is_refused(trained):
    with pytest.raises(
        BadInput,
        match=r"trained on 4\d\d of the images.*data.split=0, this run has data.split=1"
        ".*train_teacher task=digits-1797 data.split=1",
    ) as caught:
        unet.UNet(weights=str(trained[0])).prepare(loaded(1), "cpu")
    assert "\n" not in str(caught.value)


def test_twins_in_the_data_are_no_overlap_but_other_images_are(tmp_path, digits):
    """A data set that holds an image on both sides of the split accepts its own teacher; one more image is refused."""
    twin = digits.train.images[7:8]
    task = SimpleNamespace(
        train=digits.train,
        monitor=digits.monitor,
        test=Split(np.concatenate([digits.test.images, twin]), np.append(digits.test.labels, 0)),
        shape=digits.shape,
        data=SimpleNamespace(split=0),
    )
    source = Source(task, 2**20, 0, lambda: False)
    assert source.twins == 1 and len(source.hashes) == len(digits.train) - 1
    about = {"settings": {"data.split": 0}}
    unet.refuse_overlap("x", about, source.hashes, task)
    task.monitor = Split(digits.train.images[8:9], np.zeros(1, int))
    with pytest.raises(BadInput, match="trained on 1 of the images"):
        unet.refuse_overlap("x", about, source.hashes, task)


def test_files_that_do_not_fit(tmp_path, trained):
    from safetensors.torch import save_file

    task, path = loaded(0), tmp_path / "x.safetensors"
    refused = lambda message, task=task: pytest.raises(BadInput, match=message)
    with refused(r"no such file: .*x.safetensors; `python -m benchmarks.train_teacher task=digits-1797` makes one"):
        unet.UNet(weights=str(path)).prepare(task, "cpu")
    assert unet.UNet(weights=str(path)).fingerprint(task) == ""
    path.write_bytes(trained[0].read_bytes()[:5000])
    with refused("not a whole .safetensors"):
        unet.UNet(weights=str(path)).prepare(task, "cpu")
    save_file({"a": torch.zeros(1)}, path)
    with refused("not made by this version"):
        unet.UNet(weights=str(path)).prepare(task, "cpu")
    for change, message in (({"classes": ["cat", "dog"]}, "other classes"), ({"shape": (1, 16, 16)}, "other shape")):
        other = loaded(0)
        for key, value in change.items():
            setattr(other, key, value)
        with refused(message):
            unet.UNet(weights=str(trained[0])).prepare(other, "cpu")


# ---------------------------------------------------------------------- the packaged digits teacher


def test_packaged_samples_are_recognised(packaged, learner, sampler_of):
    from dp_common.diffusion.image_sampler import quantise

    indices = np.arange(200)
    labels = label_of(indices, 10)
    images = quantise(sampler_of(teacher=packaged).sample(indices, labels))
    assert (learner.predict(images).argmax(1).numpy() == labels).mean() > 0.9


def test_guidance_raises_entropy(packaged, learner, sampler_of):
    from dp_common.scores import entropy

    indices = np.arange(100)
    labels = label_of(indices, 10)

    def mean(omega):
        sampler = sampler_of(teacher=packaged)
        guidance = sampler.guidance_step(Guidance("entropy", omega, every=5), learner) if omega else None
        images = sampler.sample(indices, labels, guidance)
        return float(entropy.score(learner.logits(images), torch.from_numpy(labels)).mean())

    plain, guided = mean(0), mean(0.1)
    assert guided > 1.5 * plain
