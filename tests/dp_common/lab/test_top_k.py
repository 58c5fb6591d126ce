"""A streaming selection keeps what sorting everything would keep, and encodes only what enters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dp_common.lab.top_k import TopK
from dp_common.seeds import label_of
from dp_common.training_data import shards


def stream(n, classes, seed, first=0, levels=12):
    """Candidates with many ties: scores of few levels, indices in order, labels in blocks as the lab deals them."""
    indices = np.arange(first, first + n)
    scores = np.random.default_rng(seed).integers(0, levels, n).astype(np.float32)
    return scores, indices, label_of(indices, classes)


def offered(best, scores, indices, labels, cuts=()):
    """Offer in blocks; the encoded image of a row tells its index."""
    edges = [0, *sorted(cuts), len(scores)]
    for a, b in zip(edges, edges[1:]):
        best.offer(scores[a:b], indices[a:b], labels[a:b], lambda row, a=a: b"%d" % indices[a + row])
    return best


def brute_force(scores, indices, labels, keep, balance):
    """Sort everything: the highest scores, ties to the lower index. By class: the best of each, then the second of
    each, ...
    """
    ranked = sorted(zip(-scores, indices, labels))
    if balance == "class":
        place = {index: [i for _, i, other in ranked if other == label].index(index) for _, index, label in ranked}
        ranked.sort(key=lambda candidate: place[candidate[1]])
    return sorted(index for _, index, _ in ranked[:keep])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000), keep=st.integers(1, 40), balance=st.sampled_from(["class", "global"]), data=st.data()
)
def test_topk_is_sorting_everything_however_it_is_cut(seed, keep, balance, data):
    scores, indices, labels = stream(120, 5, seed, first=seed % 7)
    cuts = data.draw(st.lists(st.integers(0, 120), max_size=8))
    encoded, kept, kept_labels, kept_scores = offered(TopK(keep, 5, balance), scores, indices, labels, cuts).by_index()
    assert kept.tolist() == brute_force(scores, indices, labels, keep, balance)
    rows = kept - indices[0]
    assert np.array_equal(kept_labels, labels[rows]) and np.array_equal(kept_scores, scores[rows])
    assert encoded == [b"%d" % index for index in kept]


def test_ties_go_to_the_lower_index_even_if_it_comes_later():
    best = TopK(2, 1, "global")
    for index in (9, 5, 7):
        best.offer(np.float32([1.0]), np.array([index]), np.array([0]), lambda row: b"")
    assert best.by_index()[1].tolist() == [5, 7]


@pytest.mark.parametrize("balance", ["class", "global"])
@pytest.mark.parametrize("first", [0, 3, 125])
@pytest.mark.parametrize("pool", [25, 28, 60])
def test_as_many_are_kept_as_were_asked_for(balance, first, pool):
    """``keep`` of at least ``keep`` candidates, from whatever index on: the lab counts on it for the set's size.
    Where a class has too few for its share (oversample near 1, and the indices start within a block), others fill up.
    """
    best = offered(TopK(25, 10, balance), *stream(pool, 10, 1, first), cuts=(9, 17))
    assert len(best.encoded) == len(best.indices) == 25
    counts = np.bincount(best.labels, minlength=10)
    assert balance == "global" or counts.max() - counts.min() <= 1


def test_only_the_best_so_far_are_held_and_encoded():
    calls, (scores, indices, labels) = [], stream(1000, 10, 0, levels=1000)
    best = TopK(20, 10, "class")
    for a in range(0, 1000, 50):
        best.offer(
            scores[a : a + 50], indices[a : a + 50], labels[a : a + 50], lambda row, a=a: calls.append(a + row) or b"x"
        )
        assert len(best.encoded) <= 20 and len(best.indices) == len(best.encoded)
    assert len(calls) == len(set(calls)) < 400


@pytest.mark.parametrize("keep", [20, 23])
def test_classes_get_equal_shares(keep):
    """Even of candidates that are good in one class only."""
    scores, indices, labels = stream(200, 10, 0)
    best = offered(TopK(keep, 10, "class"), scores + 100 * (labels == 3), indices, labels, cuts=(50, 120))
    counts = np.bincount(best.labels, minlength=10)
    assert counts.sum() == keep and counts.max() - counts.min() <= 1 and counts[3] == counts.max()


@pytest.mark.parametrize("balance", ["class", "global"])
def test_a_restored_selection_goes_on(balance, tmp_path):
    """Through a shard of more than one row group."""
    n, keep = 400, 150
    scores, indices, labels = stream(n, 10, 5, levels=40)
    pictures = np.random.default_rng(0).integers(0, 256, (n, 1, 4, 4), dtype=np.uint8)
    encode = lambda start: lambda row: shards.encode(pictures[start + row])
    whole, before, after = (TopK(keep, 10, balance) for _ in range(3))
    for a, b in ((0, 230), (230, n)):
        whole.offer(scores[a:b], indices[a:b], labels[a:b], encode(a))
    before.offer(scores[:230], indices[:230], labels[:230], encode(0))
    shard_digest = shards.write(
        tmp_path / "partial.parquet", before.by_index(), range(10), shards.Origin(seed=0, round=1, strategy="prune")
    )
    table = shards.read_checked(tmp_path / "partial.parquet", shard_digest)
    after.offer(
        *(table[name].to_numpy() for name in ("score_at_birth", "index", "label")), shards.encoded_of(table).__getitem__
    )
    after.offer(scores[230:], indices[230:], labels[230:], encode(230))
    for expected, found in zip(whole.by_index(), after.by_index()):
        assert list(expected) == list(found)
