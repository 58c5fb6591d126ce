"""Augmentation and mixing are functions of (seed, position); a batch in parts is the same iteration."""

import numpy as np
import pytest
import torch

from dp_common.config.resolve import resolve
from dp_common.config.specification import PAIRS, Train
from dp_common.errors import BadInput
from dp_common.learner.classifier import Learner
from dp_common.training_data import augmentation

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (128, 1, 8, 8), dtype=np.uint8), np.arange(128) % 10


def test_an_image_is_augmented_by_its_own_position():
    change = augmentation.augment_of(0, Train(crop=0.3, flip=True, randaugment=9), (1, 8, 8))
    positions = np.arange(40, 168)
    whole = change(IMAGES, positions)
    parts = np.concatenate([change(IMAGES[i : i + 16], positions[i : i + 16]) for i in range(0, 128, 16)])
    assert whole.dtype == np.uint8 and np.array_equal(whole, parts)
    assert (whole != IMAGES).any((1, 2, 3)).mean() > 0.9 and not np.array_equal(whole, change(IMAGES, positions + 1))
    assert not np.array_equal(
        whole, augmentation.augment_of(1, Train(crop=0.3, flip=True, randaugment=9), (1, 8, 8))(IMAGES, positions)
    )
    assert augmentation.augment_of(0, Train(), (1, 8, 8)) is None


def test_augmentation_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    augmentation.augment_of(0, Train(flip=True), (1, 8, 8))(IMAGES[:4], np.arange(4))
    augmentation.mixed(torch.zeros(64, 1, 8, 8), torch.arange(64) % 10, 0, 0, Train(mixup=1.0), 10)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("recipe", [Train(mixup=0.5), Train(cutmix=1.0), Train(mixup=0.5, cutmix=1.0)])
def test_mixing_pairs_within_blocks(recipe):
    images, labels = torch.from_numpy(IMAGES).float(), torch.from_numpy(LABELS)
    whole = augmentation.mixed(images, labels, 256, 0, recipe, 10)
    halves = [
        augmentation.mixed(images[i : i + PAIRS], labels[i : i + PAIRS], 256 + i, 0, recipe, 10) for i in (0, PAIRS)
    ]
    assert all(torch.equal(a, torch.cat(b)) for a, b in zip(whole, zip(*halves)))
    assert (
        torch.allclose(whole[1].sum(1), torch.ones(128))
        and ((whole[1] > 0).sum(1) <= 2).all()
        and (whole[1].max(1).values < 1).any()
    )
    own = whole[1].gather(1, labels[:, None])[:, 0]
    assert (own > 0).all()  # each keeps a share of its own image and label


def test_both_kinds_of_mixing_come_by_lot():
    images, labels = torch.rand(64, 1, 8, 8), torch.arange(64) % 10
    kinds = set()
    for block in range(20):
        mixed, _ = augmentation.mixed(images, labels, block * PAIRS, 0, Train(mixup=1.0, cutmix=1.0), 10)
        kept = (mixed == images).float().mean().item()
        kinds.add("cutmix" if kept > 0.02 else "mixup")
    assert kinds == {"mixup", "cutmix"}


def learner(*words):
    resolved = resolve(["strategy=static", "train.batch=128", "train.seen=1280", *words])
    resolved.task.load(0)
    return Learner(resolved.spec, resolved.task, "cpu")


@pytest.mark.parametrize(
    "words",
    [(), ("train.mixup=0.5", "train.cutmix=1"), ("train.clip_grad=1", "train.label_smoothing=0.1", "train.ema=0.9")],
)
def test_a_batch_in_parts_is_the_same_iteration(words):
    whole, parts = learner(*words), learner("train.micro=64", *words)
    for position in (0, 128):
        a = whole.step([(IMAGES, LABELS)], position)
        b = parts.step(((IMAGES[i : i + 64], LABELS[i : i + 64]) for i in (0, 64)), position)
        assert torch.allclose(a, b, atol=1e-5)
    for key, value in whole.model.state_dict().items():
        assert torch.allclose(value, parts.model.state_dict()[key], atol=2e-4), (
            key
        )  # Adam divides small gradients by themselves


def test_parts_that_do_not_make_a_batch_are_refused():
    with pytest.raises(ValueError, match="micro-batches of 64 images for a share of 128"):
        learner().step([(IMAGES[:64], LABELS[:64])], 0)
    for words, said in (
        (["train.micro=48"], "a divisor of train.batch"),
        (["train.mixup=1", "train.batch=96"], "a multiple of 64"),
        (["train.cutmix=1", "train.micro=32"], "a multiple of 64"),
    ):
        with pytest.raises(BadInput, match=said):
            resolve(["strategy=static", *words])


def test_bf16_trains_and_evaluates_in_fp32():
    coarse, fine = learner("precision=bf16"), learner()
    losses = [
        (float(coarse.step([(IMAGES, LABELS)], p)), float(fine.step([(IMAGES, LABELS)], p)))
        for p in range(0, 1280, 128)
    ]
    assert all(abs(a - b) < 0.05 for a, b in losses) and losses[3][0] != losses[3][1]
    assert coarse.predict(IMAGES).dtype == torch.float32 and all(
        p.dtype == torch.float32 for p in coarse.model.parameters()
    )


def test_a_shifted_set_is_scored_among_its_own_classes():
    from dp_common.real_images.splits import LazySplit, Split

    made = learner()
    made.predict = lambda images, model=None: torch.tensor([[0.0, 5.0, 3.0, 4.0]]).repeat(len(images), 1)
    split = Split(IMAGES[:4], np.array([3, 2, 3, 2]))
    assert made.correct(split).tolist() == [False] * 4  # class 1 wins
    split.among = np.array([2, 3])
    assert made.correct(split).tolist() == [True, False, True, False]
    lazy = LazySplit(lambda row: IMAGES[row], split.labels, split.among)
    assert made.correct(lazy).tolist() == made.correct(split).tolist()


def test_a_padded_crop_moves_by_whole_pixels_each_way_as_often():
    from dp_common.training_data.augmentation import padded_crop

    images = np.zeros((3000, 1, 5, 5), np.uint8)
    images[:, :, 2, 2] = 255
    moved = padded_crop(images, np.arange(3000), pad=1, seed=0)
    assert moved.shape == images.shape and (moved.sum((1, 2, 3)) == 255).all()
    share = (moved > 0).mean((0, 1))
    assert share[[0, 4]].sum() == share[:, [0, 4]].sum() == 0
    assert np.abs(share[1:4, 1:4] - 1 / 9).max() < 0.025
    rows = np.array([17, 4, 2999])  # each image by its own position
    assert np.array_equal(padded_crop(images[rows], rows, 1, 0), moved[rows])
    assert not np.array_equal(padded_crop(images, np.arange(3000), 1, 1), moved)
    corner = padded_crop(np.full((200, 2, 3, 3), 9, np.uint8), np.arange(200), 1, 0)
    assert set(np.unique(corner)) == {0, 9}  # what is outside is 0
