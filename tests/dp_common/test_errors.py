"""Suggestions: a word that was mistyped finds its name, one that only shares some letters finds none."""

import pickle

import pytest

from dp_common.errors import BadInput, did_you_mean

STRATEGIES = ["dp", "mix", "prune", "real", "static"]
KEYS = [
    "scale",
    "seed",
    "strategy",
    "guide_with",
    "train.lr",
    "train.batch",
    "train.flip",
    "train.order",
    "sampler.steps",
]
LEARNERS = ["resnet-small", "vit-digits", "gcvit_tiny", "vit_tiny_patch16_224", "senet154", "nfnet_l0", "nest_tiny"]
OTHERS = ["unet", "stable-diffusion", "least-confidence", "cifar10", "imagenet1k"]


@pytest.mark.parametrize(
    "word, names, meant",
    [
        ("dpp", STRATEGIES, "dp"),
        ("DP", STRATEGIES, "dp"),
        ("sttaic", STRATEGIES, "static"),
        ("train.lrr", KEYS, "train.lr"),
        ("trian.lr", KEYS, "train.lr"),
        ("lr", KEYS, "train.lr"),
        ("batch", KEYS, "train.batch"),
        ("sampler.step", KEYS, "sampler.steps"),
        ("vit_tny", LEARNERS, "vit_tiny_patch16_224"),
        ("confidence", OTHERS, "least-confidence"),
        ("diffusion", OTHERS, "stable-diffusion"),
        ("cifar", OTHERS, "cifar10"),
        ("imagenet", OTHERS, "imagenet1k"),
    ],
)
def test_a_mistyped_word_finds_its_name(word, names, meant):
    assert did_you_mean(word, names) == f" Did you mean {meant}?"


@pytest.mark.parametrize(
    "word, names",
    [
        ("bald", STRATEGIES),
        ("rl", STRATEGIES),
        ("mixture", STRATEGIES),
        ("train.foo", KEYS),
        ("train.epochs", KEYS),
        ("data.folder", KEYS),
        ("net", LEARNERS),
        ("none", LEARNERS),
        ("none", OTHERS),
        ("", STRATEGIES),
        ("maybe", ["yes", "no", "true", "false"]),
        (None, STRATEGIES),
    ],
)
def test_a_word_that_shares_some_letters_finds_none(word, names):
    assert did_you_mean(word, names) == ""
    assert did_you_mean(word, []) == ""


def test_an_error_is_the_same_in_another_process():
    error = pickle.loads(pickle.dumps(BadInput("scale", "x", "a whole number")))
    assert str(error) == "scale=x: a whole number" and error.code == 2
