"""Which runs may stand in one table, and what a comparison says of them."""

import re

import pandas as pd
import pytest

from dp_common.config.identity import frozen_defaults
from dp_common.errors import BadInput
from results import load
from results.analysis.grouping import extra_keys, with_newer_keys
from results.analysis.study import Study


def some(make, words, accuracies, **changes):
    for seed, accuracy in enumerate(accuracies):
        make(f"{words} seed={seed}", accuracy=accuracy, **changes)


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("train.seen=32k", "train.seen"),
        ("data.monitor=paper", "data.monitor"),
        ("learner=vit-digits-fine", "learner"),
        ("sampler.steps=50", "sampler.steps"),
        ("data.split=1", "data.split"),
    ],
)
def test_comparisons_do_not_mix(make, words, key):
    some(make, "strategy=static scale=1k", [0.8, 0.9])
    some(make, f"strategy=static scale=1k {words}", [0.8, 0.9])
    study = load(make.root)
    with pytest.raises(BadInput, match=f"^{re.escape(key)}=.*: one comparison has one value of it"):
        study.single()
    found = study.comparisons
    assert len(found) == 2 and len({one.title for one in found}) == len({one.slug for one in found}) == 2
    assert all(len(one.runs) == 2 for one in found)


def test_runs_from_before_a_key_came_stand_with_those_from_after(make):
    """They were made with its neutral value."""
    some(make, "strategy=static scale=1k", [0.8, 0.9])
    frame = load(make.root).runs.copy()
    first, second = frame.index
    without = {key: value for key, value in frame["values"][first].items() if key != "sampler.cfg_low"}
    frame.at[first, "values"] = without
    (one,) = Study.of_frame(frame).comparisons
    assert len(one.runs) == 2 and not one.group.extra
    frame.at[second, "values"] = without | {"sampler.cfg_low": 0.5}
    assert len(Study.of_frame(frame).comparisons) == 2


def test_a_budget_raised_to_the_scale_is_a_comparison_of_its_own(make):
    for scale in ("64k", "128k"):
        make(f"strategy=static scale={scale}")
    assert [one.group.core["train.seen"] for one in load(make.root).comparisons] == [64_000, 128_000]


def test_splits_are_pooled_only_where_every_seed_has_its_own(make):
    for seed in range(3):
        make(f"strategy=static scale=1k seed={seed} data.split={seed}")
        make(f"strategy=dp scale=1k seed={seed} data.split={seed}")
    one = load(make.root).single()
    assert one.group.split is None and len(one.runs) == 6 and "a split per seed" in one.title
    make("strategy=static scale=1k seed=1 data.split=0")
    assert [one.group.split for one in load(make.root).comparisons] == [0, 1, 2]


def test_what_a_run_writes_down_does_not_make_another_replicate(make):
    make("strategy=static scale=1k", state="open")
    make("strategy=static scale=1k evaluate=curve")
    assert load(make.root).single().runs["state"].tolist() == ["done"]


@pytest.mark.parametrize("chosen", [True, False], ids=["ledger says it", "old ledger"])
def test_further_keys_are_those_somebody_chose(make, chosen):
    make("strategy=static scale=1k train.lr=0.01 sampler.steps=20", chosen=chosen)  # 20 is the default
    assert load(make.root).single().group.extra == {"train.lr": 0.01}


def test_keys_that_tell_two_comparisons_apart_are_named_in_both(make):
    make("strategy=static scale=1k")
    make("strategy=static scale=1k train.lr=0.01")
    assert [list(one.group.extra) for one in load(make.root).comparisons] == [["train.lr"]] * 2


def test_a_slug_with_many_keys_is_still_a_file_name(make):
    keys = (
        "train.lr=0.01 train.warmup=0.1 train.mixup=0.2 train.cutmix=0.3 sampler.steps=30 images.jpeg=90 train.ema=0.9"
    )
    words = [word for word in keys.split() if word.partition("=")[0] in known()]
    extra = {f"some.key-{number}": "a long value" for number in range(12)}
    make("strategy=static scale=1k " + " ".join(words), values=extra, name="a")
    make("strategy=static scale=1k " + " ".join(words), values=extra | {"some.key-3": "another"}, name="b")
    slugs = {one.slug for one in load(make.root).comparisons}
    assert len(slugs) == 2 and all(len(slug) <= 150 for slug in slugs)


def known():
    from dp_common.config.resolve import resolve

    return resolve(["strategy=static"]).values


def weights(name, mark):
    return {"places": {"unet.weights": name}, "fingerprints": {"teacher_fingerprint": mark}}


def test_weights_make_comparisons_of_their_own_under_their_shortest_name(make):
    for number, (name, mark) in enumerate(
        (("", "aa"), ("big.safetensors", "bb"), ("./elsewhere/big.safetensors", "bb"))
    ):
        words = f"strategy=static scale=1k seed={number} teacher=unet"
        make(words, opened=weights(name, mark), name=f"run-{number}")
    found = {one.group.extra["unet.weights"]: len(one.runs) for one in load(make.root).comparisons}
    assert found == {"": 1, "big.safetensors": 2}


def test_weights_that_go_with_the_split_make_one_comparison(make):
    for seed in range(3):
        make(
            f"strategy=static scale=1k seed={seed} data.split={seed} teacher=unet",
            opened=weights(f"split{seed}.safetensors", str(seed)),
        )
    one = load(make.root).single()
    assert len(one.runs) == 3 and one.group.split is None and not one.group.extra


@pytest.fixture
def comparison(make):
    """static and dp at two scales, dp with three seeds of five at 2k, one of them interrupted;

    an ablation; real images.
    """
    some(make, "strategy=static scale=1k", [0.8] * 5)
    some(make, "strategy=static scale=2k", [0.85] * 5)
    some(make, "strategy=dp scale=1k", [0.82] * 5)
    some(make, "strategy=dp scale=2k", [0.87] * 2)
    make("strategy=dp scale=2k seed=2", state="interrupted")
    make("strategy=dp dp.omega=0.2 scale=1k")
    for scale in ("500", "1k", "2k"):
        some(make, f"strategy=real scale={scale}", [0.93, 0.95], kept=None if scale == "500" else 897)
    return load(make.root).single()


def test_it_knows_its_arms_scales_and_replicates(comparison):
    assert comparison.arms == ("static", "dp", "dp omega=0.2", "real") and comparison.scales == (500, 1000, 2000)
    assert comparison.main_arms == {"static", "dp"} and comparison.replicates == {(seed, 0) for seed in range(5)}
    assert comparison.expected(2000) == comparison.replicates and comparison.expected(500) == {(0, 0), (1, 0)}
    assert comparison.expected(4000) == set() and len(comparison.done) == len(comparison.runs) - 1
    assert (comparison.device, comparison.devices, comparison.test_images) == ("cpu", ("cpu",), 200)


def test_the_ceiling_is_each_seed_once_with_all_real_images(comparison):
    assert sorted(comparison.ceiling["seed"]) == [0, 1] and set(comparison.ceiling["images_kept"]) == {897}
    assert comparison.cells.loc[comparison.cells["arm"] == "real", "scale"].unique().tolist() == [500]
    cells = {(arm, scale): len(part) for arm, scale, part in comparison.by_cell()}
    assert cells["dp", 2000] == 3 and cells["dp omega=0.2", 2000] == 0 and ("real", 2000) in cells
    assert list(cells) == [(arm, scale) for arm in comparison.arms for scale in comparison.scales]


def test_only_some_arms(comparison):
    assert comparison.only(["dp"]).arms == ("dp",) and comparison.only(["dp"]).expected(2000) == {
        (0, 0),
        (1, 0),
        (2, 0),
    }


def test_it_is_looked_at_on_another_set_and_without_some_phases(comparison):
    other = comparison.with_(eval_set="blur", exclude=["generate"])
    assert (other.column, other.exclude) == ("shifted.blur", ("generate",)) and comparison.column == "accuracy"
    done = other.done.index
    assert other.hours[done].tolist() == pytest.approx([0.002] * len(done))
    assert comparison.hours[done].tolist() == pytest.approx([0.003] * len(done))
    with pytest.raises(BadInput, match="on=blurr: one of test, monitor, blur. Did you mean blur"):
        comparison.with_(eval_set="blurr")
    with pytest.raises(BadInput, match="exclude=monitr: .*Did you mean monitor"):
        comparison.with_(exclude=["monitr"])


def test_hours_of_several_devices_have_no_one_device(make):
    make("strategy=static scale=1k")
    make("strategy=static scale=2k", device="NVIDIA H100")
    make("strategy=static scale=4k", device="mixed")
    one = load(make.root).single()
    assert one.device is None and one.devices == ("NVIDIA H100", "cpu", "mixed") and one.hours.isna().sum() == 1


def test_keys_of_a_comparison_have_one_order_whatever_was_recorded():
    """Else the same runs make other tables in another process: sets of texts have no order of their own."""
    newer = ["sampler.temperature", "sampler.exact", "sampler.cfg_low", "heads.count"]
    whole = {"task": "digits", "teacher": "unet", **{key: frozen_defaults()[key] for key in newer}}
    older, _ = with_newer_keys([{"task": "digits", "teacher": "unet"}, whole])
    assert list(older)[2:] == sorted(newer)
    rival = whole | dict.fromkeys(newer, "other")
    runs = pd.DataFrame({"chosen": [{}], "values": [whole]})
    assert list(extra_keys(whole, [rival], runs)) == sorted(newer) == list(extra_keys(older, [rival], runs))
