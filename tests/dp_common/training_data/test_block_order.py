"""The training set streamed from its shards: every image once an epoch, a function of position alone, in bounded
memory.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from dp_common.arrays import EncodedImages
from dp_common.errors import Damaged, Problem
from dp_common.real_images.splits import LazySplit, Split
from dp_common.training_data import loading, shards
from dp_common.training_data.block_set import BlockSet
from dp_common.training_data.training_set import TrainSet


def image_of(index):
    return np.full((1, 8, 8), index % 251, np.uint8) + np.arange(64, dtype=np.uint8).reshape(1, 8, 8) * (
        index // 251 % 3 == 1
    )


def shard(folder, first, n):
    """A shard of images first ..; pixels, label and index name each other."""
    indices = np.arange(first, first + n)
    path = folder / f"{first}.parquet"
    shard_digest = shards.write(
        path,
        EncodedImages([shards.encode(image_of(i)) for i in indices], indices, indices % 7),
        list("abcdefg"),
        shards.Origin(seed=0, round=0, strategy="static"),
    )
    return path, shard_digest, n


def filled(folder, *sizes):
    made, first = BlockSet(), 0
    for n in sizes:
        made.add_shard(*shard(folder, first, n))
        first += n
    return made


def seen(training_set, start, stop, **how):
    images, labels = training_set.draw(0, np.arange(start, stop), **how)
    return list(zip([image.tobytes() for image in images], labels.tolist()))


def test_an_epoch_visits_every_image_once(tmp_path, monkeypatch):
    monkeypatch.setattr("dp_common.training_data.block_set.WINDOW", 2)  # several windows
    training_set, n = filled(tmp_path, 200, 150), 350
    want = sorted((image_of(i).tobytes(), i % 7) for i in range(n))
    first, second = seen(training_set, 0, n), seen(training_set, n, 2 * n)
    assert sorted(first) == sorted(second) == want and first != second
    assert first != [(image_of(i).tobytes(), i % 7) for i in range(n)]


def test_what_is_drawn_depends_on_position_alone(tmp_path):
    whole = seen(filled(tmp_path, 200, 150), 0, 800)
    again = filled(tmp_path, 200, 150)
    assert [seen(again, p, p + 1)[0] for p in reversed(range(0, 800, 7))][::-1] == whole[::7]
    assert seen(again, 100, 900, since=100) != whole  # an addition starts the order anew
    assert not np.array_equal(
        again.draw(0, np.arange(350))[1], again.draw(1, np.arange(350))[1]
    )  # and so does another seed


def test_how_an_addition_was_cut_into_shards_does_not_show(tmp_path):
    """Shards of 64 or of 192 images of two additions that start in mid-group: the same order."""
    orders = []
    for size in (64, 192):
        (tmp_path / str(size)).mkdir()
        training_set = BlockSet()
        for first, last in ((0, 100), (100, 450)):
            edges = [first, *range((first // size + 1) * size, last, size), last]
            for a, b in zip(edges, edges[1:]):
                training_set.add_shard(*shard(tmp_path / str(size), a, b - a), new_round=a == first)
        orders.append(seen(training_set, 0, 900))
        assert training_set.newest == 350
    assert orders[0] == orders[1]


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_hand_over_the_same_in_the_same_order(tmp_path, workers):
    training_set = filled(tmp_path, 200, 150)
    examples, spans = loading.Examples(training_set, 0), [(32 * n, 32 * n + 32) for n in range(3, 20)]
    alone = [(images.tobytes(), labels.tolist()) for images, labels in loading.stream(examples, spans)]
    beside = [
        (np.asarray(images).tobytes(), labels.tolist()) for images, labels in loading.stream(examples, spans, workers)
    ]
    assert alone == beside


def test_newest_images_come_as_often_as_they_weigh(tmp_path):
    training_set = filled(tmp_path, 200, 150)
    counts = np.unique(
        [data for data, _ in seen(training_set, 0, training_set.epoch_length(2), new_weight=2)], return_counts=True
    )[1]
    assert training_set.epoch_length(2) == 500 and sorted(counts) == [1] * 200 + [2] * 150
    with pytest.raises(Problem, match="whole number"):
        training_set.draw(0, np.arange(3), new_weight=1.5)


def test_real_images_are_decoded_when_drawn_and_never_before(tmp_path):
    opened = []
    split = LazySplit(lambda row: (opened.append(row), image_of(row))[1], np.arange(300) % 7)
    training_set = BlockSet()
    training_set.add_real(split, np.arange(300)[::-1])
    assert not opened
    drawn = seen(training_set, 0, 10)
    assert len(opened) == 10 and all((image_of(row).tobytes(), row % 7) in drawn for row in opened)
    assert sorted(seen(training_set, 0, 300)) == sorted((image_of(i).tobytes(), i % 7) for i in range(300))


def test_both_sets_hold_the_same(tmp_path):
    block, memory = filled(tmp_path, 130, 70), TrainSet()
    for part in block.shards:
        memory.add_shard(*part, 0)
    for one, other in zip(block.chunks(), memory.chunks(), strict=True):
        assert one[0] == other[0] and all(np.array_equal(a, b) for a, b in zip(one[1], other[1]))
    assert len(block) == len(memory) == 200
    real = TrainSet()
    real.add_real(Split(np.stack([image_of(i) for i in range(9)]), np.arange(9)), np.array([4, 2]))
    assert set(real.draw(0, np.arange(20))[1]) == {2, 4}


def test_damage_is_found_and_named(tmp_path):
    path, shard_digest, n = shard(tmp_path, 0, 130)
    with pytest.raises(Damaged, match="130 rows, the ledger says 131"):
        BlockSet().add_shard(path, shard_digest, 131)
    with pytest.raises(Damaged, match="not there"):
        BlockSet().add_shard(tmp_path / "none.parquet", shard_digest, n)
    training_set = BlockSet()
    training_set.add_shard(path, shard_digest, n)
    data = bytearray(path.read_bytes())
    data[2000] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged, match="row group . cannot be read") as caught:
        list(loading.stream(loading.Examples(training_set, 0), [(0, 65), (65, 130)], workers=2))
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def anonymous(pid):
    """Bytes of anonymous memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def children(pid):
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def test_memory_grows_by_at_most_16_bytes_an_image_from_130k_to_13M(tmp_path):
    """One shard under many names: what a reader holds depends on their number only."""
    path, shard_digest, n = shard(tmp_path, 0, 4096)
    held = {}
    for count in (32, 3174):
        training_set = BlockSet()
        for number in range(len(training_set.sources), count):
            link = tmp_path / f"{count}-{number}.parquet"
            os.link(path, link)
            training_set.add_shard(link, shard_digest, n)
        feeding = loading.stream(
            loading.Examples(training_set, 0), [(256 * n, 256 * n + 256) for n in range(40)], workers=2
        )
        for _ in range(40):
            next(feeding)
            processes = [os.getpid(), *children(os.getpid())]
            held[count] = max(held.get(count, 0), sum(anonymous(pid) for pid in processes))
        assert len(processes) >= 3
        feeding.close()
    grown = (held[3174] - held[32]) / ((3174 - 32) * n)
    print(f"{grown:.2f} bytes an image")
    assert grown <= 16
