"""An addition, shard by shard: cut where nobody can see it, found again, and trained on as it was stored."""

import numpy as np
import pytest

from dp_common.errors import Interrupted
from dp_common.lab.addition_writer import blocks
from dp_common.lab.generate import covered, tapered, weighted_mean
from dp_common.training_data import shards


def test_blocks_are_cut_at_multiples_whoever_makes_them():
    assert blocks(3, 20, 8) == [range(3, 8), range(8, 16), range(16, 20)]
    assert blocks(8, 16, 8) == [range(8, 16)] and blocks(5, 5, 8) == []
    assert blocks(3, 9, 8) + blocks(9, 20, 8) == [range(3, 8), range(8, 9), range(9, 16), range(16, 20)]


def test_what_is_there_is_left_alone_and_gaps_are_made():
    there = {0: {"rows": 10}, 32: {"rows": 5}}
    assert covered(there, 0, 64, 16) == ([{"rows": 10}, {"rows": 5}], [[10, 16], [16, 32], [37, 48], [48, 64]])
    assert covered({}, 5, 10, 16) == ([], [[5, 15]])
    assert covered({5: {"rows": 10}}, 5, 10, 16) == ([{"rows": 10}], [])


def test_the_last_parts_of_several_ranks_are_smaller_and_cover_the_same_images():
    parts = covered({}, 0, 5000, 1024)[1]
    assert tapered(parts, 1, 64) == parts
    cut = tapered(parts, 2, 64)
    assert [stop - start for start, stop in cut] == [1024] + 4 * [512] + 4 * [256] + 3 * [256] + [136]
    assert [start for start, _ in cut[1:]] == [stop for _, stop in cut[:-1]] and cut[-1][1] == 5000
    assert tapered([[0, 100]], 4, 64) == [[0, 64], [64, 100]] and tapered([[3, 60]], 4, 64) == [[3, 60]]
    assert tapered([], 2, 64) == []


def test_means_are_weighted_and_over_those_that_have_them():
    assert weighted_mean([(1, {"a": 1.0}), (3, {"a": 5.0, "b": 2.0})]) == {"a": 4.0, "b": 2.0}
    assert weighted_mean([(4, {}), (5, {})]) == weighted_mean([]) == {}


def test_shards_and_blocks_do_not_show_in_the_images(open_lab):
    digests = []
    for words in (["shard=32"], ["shard=64"], ["shard=16"]):
        one = open_lab(*words, f"scale={60 + len(digests)}")
        one.lab.generate(50)
        digests.append(one.run.data.training_set.digest())
        lines = [record for record in one.ledger.records if record["kind"] == "shard"]
        size = int(words[0][6:])
        assert [record["rows"] for record in lines] == [len(block) for block in blocks(0, 50, size)]
    assert len(set(digests)) == 1


def stopped_at(open_lab, question):
    """An addition of 60 images in blocks of 16 and shards of 32 that is stopped at its n-th question."""
    answers = iter([False] * (question - 1) + [True])
    one = open_lab(stop=lambda: next(answers))
    with pytest.raises(Interrupted, match="between two blocks"):
        one.lab.generate(60)
    return one, [record for record in one.ledger.records if record["kind"] == "shard"]


def sampled_by(one):
    """The first index of each block that is sampled from now on."""
    sample, blocks_made = one.run.models.sampler.sample, []

    def counting(indices, *rest):
        blocks_made.append(int(indices[0]))
        return sample(indices, *rest)

    one.run.models.sampler.sample = counting
    return blocks_made


def test_stopped_between_blocks_the_finished_shards_are_found(open_lab):
    whole = open_lab("scale=61")
    whole.lab.generate(60)
    assert stopped_at(open_lab, 1)[1] == []
    _, lines = stopped_at(open_lab, 4)  # within the second shard, which is lost
    assert [record["rows"] for record in lines] == [32]
    again = open_lab()
    sampled = sampled_by(again)
    again.lab.generate(60)
    assert sampled == [32, 48] and again.run.data.training_set.digest() == whole.run.data.training_set.digest()


def test_a_shard_that_is_gone_is_made_again(open_lab):
    first, (line,) = stopped_at(open_lab, 3)
    (first.run.io.folder / line["file"]).unlink()
    again = open_lab()
    sampled = sampled_by(again)
    again.lab.generate(60)
    assert sampled == [0, 16, 32, 48]
    made = [record for record in again.ledger.records if record["kind"] == "shard"]
    assert [record["digest"] for record in made].count(line["digest"]) == 2


def test_what_is_trained_on_is_what_was_stored(open_lab):
    one = open_lab("task=digits", "scale=40", "images.format=jpeg", "images.quality=60", "mixture.components=2")
    one.lab.generate(40)
    lines = [record for record in one.ledger.records if record["kind"] == "shard"]
    stored = [shards.decoded_of(shards.read_checked(one.run.io.folder / r["file"], r["digest"])) for r in lines]
    held = one.run.data.training_set.joined().images
    assert np.array_equal(held, np.concatenate([decoded.images for decoded in stored]))
    sampled = one.run.models.sampler.sample(np.arange(16), np.arange(16) % 10)
    exact = ((sampled.clamp(-1, 1) + 1) * 127.5).round().numpy().astype(np.uint8)
    assert not np.array_equal(held[:16], exact)  # else the format had no effect here


def test_a_known_density_and_the_guiding_score_are_measured(open_lab):
    one = open_lab("sampler.steps=50")
    one.lab.generate(60)
    call = one.ledger.records[-1]
    assert set(call["measured"]) == {"true_label", "log_density"} and 0.9 < call["measured"]["true_label"] < 1
