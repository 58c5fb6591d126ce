"""Training a unet teacher: it resumes to the bit, its loss is the right one, and what cannot be is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from benchmarks import cli, train_teacher
from dp_common.diffusion.schedule import alphas_cumprod
from dp_common.errors import BadInput, Interrupted, Problem
from dp_common.real_images.splits import LazySplit
from dp_common.teacher_training.settings import Training, defaults_for
from dp_common.teacher_training.source import Source
from dp_common.teacher_training.trainer import Trainer
from dp_common.teachers import unet
from tests.dp_common.teacher_training.teach import loaded, teach


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


def test_a_training_that_diverges_says_so(tmp_path):
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


def test_the_averaged_weights_are_those_of_torch(digits):
    """Of its AveragedModel, with the decay that is lower in the first iterations."""
    trainer = Trainer(Training(channels="8,16", attention="", ema=0.5), digits.shape, 10, torch.device("cpu"))
    decay = lambda average, current, n: get_ema_multi_avg_fn(min(0.5, (1 + int(n)) / (10 + int(n))))(
        average, current, n
    )
    theirs = AveragedModel(trainer.net, multi_avg_fn=decay)
    for _ in range(12):
        trainer.step(digits.train.images[:8], digits.train.labels[:8])
        theirs.update_parameters(trainer.net)
    ours = trainer.average.state_dict()
    assert all(torch.equal(ours[key], value) for key, value in theirs.state_dict().items()) and ours["n_averaged"] == 12


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
def test_bad_overrides(words, message):
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
    assert (
        defaults_for((1, 8, 8)) == {"channels": "32,64", "attention": "1"}
        and defaults_for((3, 64, 64))["attention"] == "2,3"
    )
    assert defaults_for((3, 32, 32))["steps"] == 100_000 and defaults_for((3, 30, 30))["channels"] == "128,256"
    assert defaults_for((1, 28, 28))["channels"] == "32,64,64" and defaults_for((1, 26, 26))["attention"] == ""
    assert defaults_for((1, 7, 7)) == {"channels": "32", "attention": ""}
    assert all(set(defaults_for((3, size, size))) <= set(Training.__dataclass_fields__) for size in (8, 32, 64))


def test_weights_can_be_saved_in_half_the_space(tmp_path, trained):
    teach(tmp_path / "half.safetensors", "save=bf16", f"prediction={trained[1]}")
    assert (tmp_path / "half.safetensors").stat().st_size < 0.65 * trained[0].stat().st_size
    half, whole = unet.UNet(weights=str(tmp_path / "half.safetensors")), unet.UNet(weights=str(trained[0]))
    for teacher in (half, whole):
        teacher.prepare(loaded(0), "cpu")
    x = torch.randn(2, 1, 8, 8)
    ours, theirs = half.denoise(x, 500, torch.arange(2)), whole.denoise(x, 500, torch.arange(2))
    assert 0 < (ours - theirs).abs().max() < 0.05
