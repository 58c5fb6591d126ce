"""The unet teacher and its trainer: the files it makes, the adapters around the network, and the packaged digits teacher."""

import importlib.util
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import cli, train_teacher
from dp_common.config.specification import Data
from dp_common.diffusion.ddim import cfg, ddim
from dp_common.diffusion.schedule import alphas_cumprod, timesteps
from dp_common.errors import BadInput, Interrupted, Problem
from dp_common.real_images.splits import LazySplit, Split
from dp_common.seeds import label_of
from dp_common.tasks.digits import Digits
from dp_common.teacher_training import card
from dp_common.teacher_training.trainer import Source, Trainer, Training
from dp_common.teachers import unet

TINY = [
    "task=digits",
    "steps=30",
    "batch=16",
    "warmup=5",
    "channels=8,16",
    "attention=",
    "sample_every=0",
    "quality=none",
]


def teach(out, *words, stop=lambda: False, say=lambda line: None):
    """One attempt of the command: its card."""
    keys = {word.partition("=")[0] for word in words}
    words = [word for word in TINY if word.partition("=")[0] not in keys] + [*words, f"out={out}", "device=cpu"]
    options = cli.parse(words, train_teacher.Options)
    return train_teacher.train(train_teacher.plan_of(options), options, words, stop, say)


def loaded(split):
    task = Digits()
    task.data = Data(split=split)
    task.load(split)
    return task


@pytest.fixture(scope="module", params=["v", "epsilon"])
def trained(request, tmp_path_factory):
    """(path, prediction) of a small teacher, stopped before its training was worth much."""
    out = tmp_path_factory.mktemp("teacher") / "tiny.safetensors"
    teach(out, f"prediction={request.param}")
    return out, request.param


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


def same(one, other):
    (_, a), (_, b) = unet.read(one), unet.read(other)
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


class Nth:
    """Says stop at the nth question."""

    def __init__(self, n):
        self.n = n

    def __call__(self):
        self.n -= 1
        return self.n == 0


# ---------------------------------------------------------------------- training


@pytest.mark.parametrize("extra", [[], ["dropout=0.2", "flip=true"]])
def test_interrupted_and_resumed_ends_at_the_same_bits(tmp_path, extra):
    teach(tmp_path / "whole.safetensors", *extra)
    out = tmp_path / "parts.safetensors"
    for _ in range(3):  # the first question is asked while the images are read
        with pytest.raises(Interrupted, match="same command"):
            teach(out, *extra, stop=Nth(9))
    assert out.with_suffix(".checkpoint").exists() and not out.exists()
    lines = []
    teach(out, *extra, say=lines.append)
    assert lines[0] == "going on after step 24 of 30" and not out.with_suffix(".checkpoint").exists()
    assert same(tmp_path / "whole.safetensors", out)


def test_a_crash_goes_on_from_the_last_checkpoint(tmp_path, trained):
    out = tmp_path / "parts.safetensors"

    def crash(line):
        if line.startswith("step 17"):
            raise RuntimeError("as if killed")

    with pytest.raises(RuntimeError):
        teach(out, f"prediction={trained[1]}", "checkpoint_every=0", say=crash)
    lines = []
    teach(out, f"prediction={trained[1]}", say=lines.append)
    assert lines[0] == "going on after step 16 of 30" and same(trained[0], out)


def test_what_is_done_is_not_done_again(trained):
    before, lines = trained[0].read_bytes(), []
    card = teach(trained[0], f"prediction={trained[1]}", say=lines.append)
    assert card == trained[0].with_suffix(".md").read_text() and trained[0].read_bytes() == before and len(lines) == 1
    for words, key in ((["steps=31"], "steps"), (["data.split=1"], "data.split"), (["seed=2"], "seed")):
        with pytest.raises(BadInput, match=f"^{key}=.*was made with {key}="):
            teach(trained[0], f"prediction={trained[1]}", *words)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    out = tmp_path / "x.safetensors"
    with pytest.raises(Interrupted):
        teach(out, stop=Nth(4))
    with pytest.raises(BadInput, match="^lr=0.5: .*made with lr=0.001"):
        teach(out, "lr=0.5")
    out.with_suffix(".checkpoint").write_bytes(b"torn")
    with pytest.raises(Problem, match="not a whole checkpoint"):
        teach(out)


def test_the_loss_falls(tmp_path):
    lines = []
    teach(tmp_path / "x.safetensors", "steps=80", "lr=0.003", say=lines.append)
    losses = [float(line.split("loss")[1].split()[0]) for line in lines if line.startswith("step")]
    assert np.mean(losses[-4:]) < 0.8 * losses[0]


def test_a_training_that_diverges_is_told(tmp_path):
    out = tmp_path / "x.safetensors"
    with pytest.raises(Problem, match="the training loss became nan .*lower lr"):
        teach(out, "lr=1e30", "clip_grad=0", "warmup=0", "checkpoint_every=0")
    assert not out.exists()


@pytest.mark.parametrize("prediction", ["v", "epsilon"])
def test_the_loss_of_a_net_that_knows_the_image_is_zero(digits, prediction):
    trainer = Trainer(
        Training(channels="8,16", attention="", prediction=prediction), digits.shape, 10, torch.device("cpu")
    )
    images = torch.from_numpy(digits.train.images[:32]).float() / 127.5 - 1
    bar = torch.tensor(alphas_cumprod("sd"), dtype=torch.float32)

    def knows(x, t, class_labels):
        a = bar[t].view(-1, 1, 1, 1)
        noise = (x - a.sqrt() * images) / (1 - a).sqrt()
        return SimpleNamespace(sample=noise if prediction == "epsilon" else a.sqrt() * noise - (1 - a).sqrt() * images)

    assert float(trainer.loss(knows, images, torch.zeros(32, dtype=torch.long))) < 1e-6


@pytest.mark.parametrize(
    "dropout, still, moved", [(1.0, slice(0, 10), slice(10, 11)), (0.0, slice(10, 11), slice(0, 10))]
)
def test_dropped_labels_are_the_null_label(digits, dropout, still, moved):
    trainer = Trainer(
        Training(channels="8,16", attention="", label_dropout=dropout), digits.shape, 10, torch.device("cpu")
    )
    before = trainer.net.class_embedding.weight.detach().clone()
    for _ in range(3):
        trainer.step(digits.train.images[:64], digits.train.labels[:64])
    after = trainer.net.class_embedding.weight.detach()
    assert torch.equal(before[still], after[still]) and bool((before[moved] != after[moved]).any(1).all())


@pytest.mark.parametrize("memory, workers", [(0, 0), (0, 2), (2**20, 0)])
def test_lazy_images_are_those_in_memory(digits, memory, workers):
    lazy = SimpleNamespace(
        train=LazySplit(lambda row: digits.train.images[row], digits.train.labels),
        monitor=digits.monitor,
        test=digits.test,
        shape=digits.shape,
    )
    source = Source(lazy, memory, workers, lambda: False, chunk=100)
    rows = [np.array([5, 3, 3]), np.array([896])]
    for r, images in zip(rows, source.batches(rows.__getitem__, range(2))):
        assert np.array_equal(images, digits.train.images[r])
    assert np.array_equal(source.hashes, unet.image_hashes(digits.train.images)) and source.twins == 0


@pytest.mark.parametrize(
    "words, message",
    [
        (["task=digits", "stepps=3"], "Did you mean steps"),
        (["steps=3"], "^task: needed"),
        (["task=digits", "steps=0"], "^steps=0: at least 1"),
        (["task=digits", "data.monitor=paper"], "no such key"),
        (["task=digits", "prediction=x0"], "one of epsilon, v"),
    ],
)
def test_bad_words(words, message):
    with pytest.raises(BadInput, match=message):
        train_teacher.plan_of(cli.parse(words, train_teacher.Options))


@pytest.mark.parametrize(
    "words, message",
    [
        (["channels=8,16,32,64,128"], "multiples of 16"),
        (["channels=8,12"], "each a multiple of 8"),
        (["attention=2"], "levels from 0 to 1"),
        (["channels=a"], "whole numbers"),
    ],
)
def test_networks_that_cannot_be(tmp_path, words, message):
    with pytest.raises(BadInput, match=message):
        teach(tmp_path / "x.safetensors", *words)


def test_larger_images_have_their_own_defaults():
    from dp_common.teacher_training.trainer import defaults_for

    assert (
        defaults_for((1, 8, 8)) == {"channels": "32,64", "attention": "1"}
        and defaults_for((3, 64, 64))["attention"] == "2,3"
    )
    assert defaults_for((3, 32, 32))["steps"] == 100_000 and defaults_for((1, 28, 28))["channels"] == "128,256,256"
    assert defaults_for((1, 7, 7)) == {"channels": "32", "attention": ""}
    assert all(set(defaults_for((3, size, size))) <= set(Training.__dataclass_fields__) for size in (8, 32, 64))


# ---------------------------------------------------------------------- the teacher


def test_v_is_read_as_the_noise():
    generator = torch.Generator().manual_seed(0)
    image, noise = (torch.randn(5, 1, 8, 8, generator=generator) for _ in range(2))
    about = {"prediction": "v", "schedule": "sd", "shape": [1, 8, 8], "classes": list("abc")}
    for t in (0, 300, 999):
        a = float(alphas_cumprod("sd")[t])

        class Net(torch.nn.Module):
            def forward(self, x, t, class_labels):
                return SimpleNamespace(sample=a**0.5 * noise - (1 - a) ** 0.5 * image)

        teacher = unet.UNet()
        teacher._adopt(Net(), about, "cpu")
        torch.testing.assert_close(
            teacher.denoise(a**0.5 * image + (1 - a) ** 0.5 * noise, t, torch.zeros(5).long()),
            noise,
            rtol=1e-5,
            atol=1e-5,
        )


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
    assert about["data"]["fingerprint"] == Digits().fingerprint() and tensors["training_images"].shape == (897, 8)
    assert (
        tiny.latent_shape == (1, 8, 8) and tiny.null_label == 10 and tiny.alphas_cumprod[-1] == alphas_cumprod("sd")[-1]
    )
    assert len(tiny.fingerprint(loaded(0))) == 16


def test_weights_can_be_saved_in_half_the_space(tmp_path, tiny, trained):
    teach(tmp_path / "half.safetensors", "save=bf16", f"prediction={trained[1]}")
    assert (tmp_path / "half.safetensors").stat().st_size < 0.65 * trained[0].stat().st_size
    half = unet.UNet(weights=str(tmp_path / "half.safetensors"))
    half.prepare(loaded(0), "cpu")
    x = torch.randn(2, 1, 8, 8)
    ours, theirs = half.denoise(x, 500, torch.arange(2)), tiny.denoise(x, 500, torch.arange(2))
    assert 0 < (ours - theirs).abs().max() < 0.05


def test_distances_need_their_library_and_say_so(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *more: None if name.startswith("torch_fid") else find(name, *more)
    )
    with pytest.raises(BadInput, match="distance=inception: needs torchmetrics"):
        teach(tmp_path / "x.safetensors", "distance=inception")


def test_distances_grow_with_the_difference(digits):
    pytest.importorskip("torchmetrics")

    class Pixels(torch.nn.Module):
        num_features = 16

        def forward(self, images):
            return images.float().mean(1)[:, 2:6, 2:6].flatten(1)

    images = digits.test.images
    near, far = (
        card.distances(made, images[:225], "cpu", Pixels()) for made in (images[225:], np.roll(images, 2, 3)[225:])
    )
    assert 0 <= near["fid"] < far["fid"] and near["kid"] < far["kid"] and near["distance_images"] == 225


def test_another_split_is_refused(trained):
    with pytest.raises(
        BadInput,
        match=r"trained on 4\d\d of the images.*data.split=0, this run has data.split=1.*train_teacher task=digits data.split=1",
    ) as caught:
        unet.UNet(weights=str(trained[0])).prepare(loaded(1), "cpu")
    assert "\n" not in str(caught.value)


def test_twins_in_the_data_are_no_overlap_but_other_images_are(tmp_path, digits):
    """A data set that holds an image twice, on both sides of the split, accepts its own teacher; one more image is refused."""
    twin = digits.train.images[7:8]
    task = SimpleNamespace(
        train=digits.train,
        monitor=digits.monitor,
        test=Split(np.concatenate([digits.test.images, twin]), np.append(digits.test.labels, 0)),
        shape=digits.shape,
        data=SimpleNamespace(split=0),
    )
    source = Source(task, 2**20, 0, lambda: False)
    assert source.twins == 1 and len(source.hashes) == 896
    about = {"settings": {"data.split": 0}}
    unet.refuse_overlap("x", about, source.hashes, task)
    task.monitor = Split(digits.train.images[8:9], np.zeros(1, int))
    with pytest.raises(BadInput, match="trained on 1 of the images"):
        unet.refuse_overlap("x", about, source.hashes, task)


def test_files_that_do_not_fit(tmp_path, trained):
    from safetensors.torch import save_file

    task, path = loaded(0), tmp_path / "x.safetensors"
    refused = lambda message, task=task: pytest.raises(BadInput, match=message)
    with refused(r"no such file: .*x.safetensors; `python -m benchmarks.train_teacher task=digits` makes one"):
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


def test_packaged_samples_are_recognised(packaged, learner, studio_of):
    from dp_common.diffusion.image_sampler import quantise

    indices = np.arange(200)
    labels = label_of(indices, 10)
    images = quantise(studio_of(teacher=packaged).sample(indices, labels))
    assert (learner.predict(images).argmax(1).numpy() == labels).mean() > 0.9


def test_packaged_card_and_size(packaged):
    path = unet.PACKAGED / "digits.safetensors"
    about, _ = unet.read(path)
    assert path.stat().st_size <= 3_000_000
    card = path.with_suffix(".md").read_text()
    q = about["quality"]
    assert (
        q["label_accuracy"] > 0.95
        and q["judge_test_accuracy"] > 0.95
        and abs(q["pixel_sd_samples"] / q["pixel_sd_train"] - 1) < 0.05
    )
    assert (
        f"{100 * q['label_accuracy']:.2f} %" in card
        and about["command"] in card
        and json.dumps(about["data"]["images"]) == "897"
    )
    assert "out=dp_common/teachers/weights/digits.safetensors" in about["command"]


def test_guidance_raises_entropy(packaged, learner, studio_of):
    from dp_common.scores import entropy

    indices = np.arange(100)
    labels = label_of(indices, 10)

    def mean(omega):
        studio = studio_of(teacher=packaged)
        guide = (
            studio.guide("entropy", learner, None, omega=omega, rule="relative", through="denoiser", every=5)
            if omega
            else None
        )
        images = studio.sample(indices, labels, guide)
        return float(entropy.score(learner.logits(images), torch.from_numpy(labels)).mean())

    plain, guided = mean(0), mean(0.1)
    assert guided > 1.5 * plain
