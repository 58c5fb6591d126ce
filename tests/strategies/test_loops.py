"""Loops that rival deliberate practice: each does what its first line says, at the size and price it says."""

import numpy as np
import pytest

from dp_common.conformance import check_strategy
from dp_common.errors import BadInput
from dp_common.lab import runner
from dp_common.lab.final_set import members_of
from dp_common.persistence import ledger
from dp_common.training_data import shards
from strategies.allocate import shares
from tests.dp_common.real_images.pictures import tree

LOOPS = ("lgd", "allocate", "refresh", "fresh", "actgen")


def executed(small, name, *words):
    """(summary, ledger, indices of the final set) of a small run."""
    run = small(f"strategy={name}", f"{name}.interval=128", f"{name}.patience=1", *words)
    summary = runner.execute(run, quiet=True)
    folder = runner.folder_of(run)
    records = ledger.read(folder)
    files = [member.added for member in members_of(records) if "file" in member.added]
    tables = [shards.read_checked(folder / added["file"], added["digest"]) for added in files]
    return summary, records, np.concatenate([table["index"].to_numpy() for table in tables])


def calls(records):
    return [r for r in records if r["kind"] == "call" and r["name"] not in ("train", "cooldown")]


@pytest.mark.parametrize("drop, generated", [("oldest", 210), ("easiest", 210), ("random", 210)])
def test_refresh_keeps_its_size_and_exchanges(small, drop, generated):
    summary, records, indices = executed(small, "refresh", f"refresh.drop={drop}")
    assert summary["images_kept"] == 120 and summary["images_generated"] == generated
    assert [r["name"] for r in calls(records)] == ["generate", *["select", "generate"] * 3]
    assert {r["state"]["size"] for r in calls(records)} == {120, 90}
    dropped = [r["args"] for r in calls(records)[1::2]]
    assert {(asked["pool"], asked["keep"], asked["replace"]) for asked in dropped} == {(0, 90, True)}
    assert {asked["score"] for asked in dropped} == {"entropy" if drop == "easiest" else "random"}
    assert {asked.get("rule") for asked in dropped} == {{"oldest": "newest", "easiest": None, "random": "lot"}[drop]}
    if drop == "random":  # else what stayed once would stay again
        assert [asked["parameters"]["turn"] for asked in dropped] == [1, 2, 3]
    newest = set(range(180, 210))
    assert newest <= set(indices.tolist())
    if drop == "oldest":
        assert sorted(indices.tolist()) == list(range(90, 210))
    else:
        assert indices.min() < 90  # some of the first are there yet


def test_omega_is_annealed_and_the_first_learner_guides_every_variant(small):
    """It is kept at the first addition, whatever came before."""
    for name in ("dp", "refresh", "lgd"):
        words = (f"{name}.feedback=first", f"{name}.score=entropy", f"{name}.anneal=0.5", f"{name}.omega=0.2")
        summary, records, _ = executed(small, name, *words)
        assert [r["name"] for r in calls(records)].count("freeze") == 1
        omegas = [addition["omega"] for addition in summary["additions"] if addition["omega"]]
        assert omegas == pytest.approx([0.2, 0.1, 0.05])


def test_fresh_trains_anew_on_the_very_set_of_dp(small):
    one, records, indices = executed(small, "fresh")
    dp, _, others = executed(small, "dp")
    assert one["store_digest"] == dp["store_digest"] and indices.tolist() == others.tolist()
    assert [r["name"] for r in calls(records)][-1] == "restart"
    assert one["images_seen"] > dp["images_seen"] == 2560 and one["gradients"] == dp["gradients"]


def test_lgd_makes_candidates_and_keeps_the_most_learnable(small):
    summary, records, _ = executed(small, "lgd", "lgd.candidates=3")
    assert summary["images_generated"] == 30 + 3 * 90 and summary["images_kept"] == 120
    asked = [r["args"] for r in calls(records)[1:]]
    assert all((one["pool"], one["keep"], one["score"]) == (90, 30, "learnability") for one in asked)
    assert all(one["guidance"]["rule"] == "eps-relative" and "rule" not in one for one in asked)  # the highest are kept
    assert (summary["information_class"], summary["real_images_consulted"]) == ("I1", 450)
    omegas = [addition["omega"] for addition in summary["additions"]]
    assert omegas == [0, 0.05, 0.05, 0.05]


def test_allocate_makes_more_of_what_is_got_wrong(small):
    _, records, _ = executed(small, "allocate", "allocate.floor=0", "allocate.omega=0")
    for asked, made in zip(calls(records)[1::2], calls(records)[2::2]):
        assert (asked["name"], made["name"]) == ("errors", "generate")
        errors, counts = np.array(asked["answer"]), np.array(made["args"]["labels"]["counts"])
        assert counts.sum() == 30 and np.corrcoef(errors[: len(counts)], counts)[0, 1] > 0.9


def test_shares_are_whole_and_by_need():
    assert shares(np.array([0.0, 0.1, 0.3]), 40, 1, 0).tolist() == [0, 10, 30]
    assert shares(np.array([0.0, 0.1, 0.3]), 30, 1, 1).tolist() == [10, 10, 10]
    assert shares(np.zeros(3), 10, 1, 0.5).sum() == 10 and shares(np.array([0.5, 0.0]), 7, 0, 0).sum() == 7


def test_actgen_starts_from_real_images(small):
    summary, records, _ = executed(small, "actgen", "actgen.fade=0.5")
    made = [r for r in calls(records) if r["name"] == "generate"][1:]
    assert {r["args"]["which"] for r in calls(records) if r["name"] == "anchors"} == {"wrong"}
    assert all(r["args"]["guidance"]["score"] == "loss" for r in made)
    assert [r["args"]["start"]["strength"] for r in made] == pytest.approx([0.6, 0.3, 0.15])
    assert summary["information_class"] == "I3" and summary["real_images_consulted"] == 450


def test_what_a_run_sees_of_the_real_world_is_told(small):
    told = {}
    for words in (["static"], ["mix", "mix.real_per_class=2"], ["real"]):
        summary = runner.execute(small(f"strategy={words[0]}", *words[1:]), quiet=True)
        told[words[0]] = (summary["information_class"], summary["real_images_consulted"])
    assert told == {"static": ("I0", 0), "mix": ("I2", 20), "real": ("I3", 120)}


@pytest.mark.parametrize(
    "words, message",
    [
        (["strategy=refresh", "refresh.initial=50"], "refresh.initial=50: 0 or scale, 120: the size is constant"),
        (["strategy=refresh", "refresh.per_round=120"], "refresh.per_round=120: below scale, 120"),
        (["strategy=lgd", "lgd.candidates=0"], "lgd.candidates=0: "),
        (["strategy=fresh", "fresh.initial=500"], "fresh.initial=500: at most scale, 120"),
        (["strategy=static", "sampler.exact=true", "teacher=unet"], "sampler.exact=yes: no with teacher=unet"),
        (["strategy=static", "sampler.cfg_high=2"], "sampler.cfg_high=2.0: 0 at sampler.cfg_scale=1"),
        (
            ["strategy=static", "sampler.cfg_scale=2", "sampler.cfg_low=3", "sampler.cfg_high=2"],
            "sampler.cfg_high=2.0: above sampler.cfg_low, 3.0",
        ),
    ],
)
def test_what_cannot_be_is_refused(small, words, message):
    with pytest.raises(BadInput, match=f"^{message}"):
        small(*words)


def test_a_teacher_that_cannot_encode_is_refused_beforehand(small, tmp_path):
    from pathlib import Path

    blobs = Path(__file__).parents[1] / "plugins" / "blobs.py"
    run = small("strategy=actgen", f"teacher={blobs}:Blobs")
    with pytest.raises(BadInput, match="^strategy=actgen: it starts from images, which teacher=blobs.* cannot encode"):
        runner.execute(run, quiet=True)
    guided = small("strategy=dp", "sampler.exact=true")
    with pytest.raises(BadInput, match="^sampler.exact=yes: no with strategy=dp, which guides"):
        runner.execute(guided, quiet=True)
    started = small("strategy=actgen", "actgen.omega=0", "sampler.exact=true")
    with pytest.raises(BadInput, match="^sampler.exact=yes: no with strategy=actgen, which starts from images"):
        runner.execute(started, quiet=True)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name, said", [("actgen", "starts from images"), ("allocate", "chooses the classes")])
def test_a_teacher_that_holds_images_deals_out_those(small, tmp_path, name, said):
    tree(tmp_path / "set", {str(label): 1 for label in range(10)})
    run = small(f"strategy={name}", f"{name}.omega=0", "teacher=images", f"images.path={tmp_path / 'set'}")
    with pytest.raises(BadInput, match=f"^strategy={name}: it {said}.*; teacher=images deals out those that it holds"):
        runner.execute(run, quiet=True)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["actgen", "real"])
def test_without_real_images_there_is_nothing_to_train_on_or_to_start_from(small, name):
    with pytest.raises(BadInput, match=f"^strategy={name}: .* real .*, and the task has none"):
        small(f"strategy={name}").strategy.check_real([0] * 10)


@pytest.mark.slow
@pytest.mark.parametrize("name", LOOPS)
def test_conforming(name):
    check_strategy(name, f"{name}.patience=1")
