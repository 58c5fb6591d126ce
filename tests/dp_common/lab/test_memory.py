"""What a call of the lab holds does not grow with the images it makes, and what a stop loses does not either."""

import gc
import tracemalloc

import numpy as np
import pytest

from dp_common.errors import Interrupted
from dp_common.lab import scan
from dp_common.persistence.background import BOUND, Background
from dp_common.training_data import shards

SIDE = 128  # pixels: a file of noise is 49 kB, so that images outweigh their labels, indices and lines in the ledger


def noise(indices, labels, guidance=None, start=None):
    """Images that cannot be compressed, each a function of its index."""
    drawn = [np.random.default_rng(index).integers(0, 256, (3, SIDE, SIDE), np.uint8) for index in indices.tolist()]
    return np.stack(drawn), None


def lab_of_noise(open_lab, *words):
    one = open_lab("train.order=block", "scale=4096", "shard=64", "sampler.block=16", *words)
    one.run.models.sampler.pixels = noise
    return one


def peak_of(work, *args, **kwargs):
    """Bytes that a call held at most, above what was held before."""
    tracemalloc.start()
    try:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        work(*args, **kwargs)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("threaded", [False, True])
def test_generating_eight_times_as_many_holds_no_more(open_lab, threaded):
    peaks = []
    lab_of_noise(open_lab, "seed=0").lab.generate(128)  # imports what is imported late
    for seed, n in ((2, 128), (3, 8 * 128)):
        one = lab_of_noise(open_lab, f"seed={seed}")
        object.__setattr__(one.run.io, "background", Background(threaded))
        peaks.append(peak_of(one.lab.generate, n))
        one.run.io.background.close()
        assert len(one.run.data.training_set) == n
    few, many = peaks
    image = 3 * SIDE * SIDE
    assert 64 * image < few < 8 * 64 * image * (1 + threaded) and many < 1.05 * few


@pytest.mark.parametrize("rule", ["top", "moderate"])
def test_selecting_eight_times_as_many_holds_no_more(open_lab, monkeypatch, rule):
    """Also where the rule looks at all scores, and the chosen ones are made again."""
    monkeypatch.setattr(scan, "HELD", 96 * 3 * SIDE * SIDE)
    peaks = []
    lab_of_noise(open_lab, "seed=0").lab.select(64, 64, "random", rule=rule)
    for seed, n in ((2, 192), (3, 8 * 192)):
        one = lab_of_noise(open_lab, f"seed={seed}")
        peaks.append(peak_of(one.lab.select, n, n, "random", rule=rule))
        assert len(one.run.data.training_set) == n
    few, many = peaks
    assert few > 96 * 3 * SIDE * SIDE and many < 1.05 * few


@pytest.mark.parametrize("rule", ["top", "sir", "moderate"])
def test_a_selection_that_puts_images_away_keeps_the_same_ones(open_lab, monkeypatch, rule):
    """Also with the present set among the candidates, real images and generated ones."""
    kept = []
    for held in (2**28, 4000):
        monkeypatch.setattr(scan, "HELD", held)
        one = open_lab("task=digits", "scale=300", "mixture.components=2", f"seed={len(kept) // 9}", f"shard={64}")
        one.lab.real(20)
        one.lab.generate(60)
        one.lab.train(128)
        one.lab.select(160, 90, "entropy", rule=rule, replace=True)
        kept.append(one.run.data.training_set.joined())
        lines = [record for record in one.ledger.records if record["kind"] == "partial"]
        assert len(lines) >= 2 if held == 4000 else len(lines) <= 1
        (one.run.io.folder / "ledger.jsonl").unlink()  # the next one starts anew
    for one, other in zip(*kept):
        assert np.array_equal(one, other)
    assert len(set(kept[0].indices.tolist())) >= 80


def test_a_full_set_of_real_and_generated_images_competes(open_lab):
    """Real images came first; all that is in the set is offered, and with as many kept as there are all stay."""
    for order in ("uniform", "block"):
        one = open_lab("task=digits", "scale=100", "mixture.components=2", "shard=64", f"train.order={order}")
        one.lab.real(20)
        one.lab.generate(30)
        one.lab.train(128)
        before = {image.tobytes() for _, chunk in one.run.data.training_set.chunks() for image in chunk.images}
        one.lab.select(10, 60, "random", balance="global", replace=True)
        chunks = [chunk for _, chunk in one.run.data.training_set.chunks()]
        assert sum(len(chunk.labels) for chunk in chunks) == 60
        assert before <= {image.tobytes() for chunk in chunks for image in chunk.images}


@pytest.mark.parametrize("threaded", [False, True])
def test_a_stop_keeps_the_blocks_that_are_finished(open_lab, threaded):
    """All but what lies beyond the last place where a file may be cut: a multiple of block and row group."""
    answers = iter([False] * 21 + [True])
    one = open_lab("scale=400", "shard=256", stop=lambda: next(answers))
    object.__setattr__(one.run.io, "background", Background(threaded))
    with pytest.raises(Interrupted):
        one.lab.generate(400)  # 22 blocks of 16 are there: 352 images, of which 320 end at a multiple of 64
    lines = [record for record in one.ledger.records if record["kind"] == "shard"]
    assert sorted(record["rows"] for record in lines) == [64, 256]
    again, whole = open_lab("scale=400", "shard=256"), open_lab("scale=401", "shard=256")
    for lab in (again.lab, whole.lab):
        lab.generate(400)
    assert again.run.data.training_set.digest() == whole.run.data.training_set.digest()
    sizes = [
        shards.group_sizes(one.run.io.folder / record["file"], record["rows"])
        for one in (again, whole)
        for record in sorted(
            (r for r in one.ledger.records if r["kind"] == "shard"), key=lambda r: int(r["key"].rpartition("-")[2])
        )
    ]
    assert sum(sizes[:3], []) == sum(sizes[3:], []), "the cut shows in no row group"
    made = again.run.io.meter.counts.get("network_evaluations", 0) + sum(
        r["spent"]["counts"].get("network_evaluations", 0) for r in again.ledger.records if r["attempt"] == 2
    )
    assert made == 80 * again.run.spec.sampler.steps


def test_a_stop_keeps_what_was_made_again_of_the_chosen(open_lab):
    answers = iter([False] * (13 + 9) + [True])  # 13 blocks of candidates, then blocks that are made again
    words = ["scale=400", "shard=256", "seed=3"]
    one = open_lab(*words, stop=lambda: next(answers))
    with pytest.raises(Interrupted):
        one.lab.select(208, 180, "random", rule="moderate")
    lines = [record for record in one.ledger.records if record["kind"] == "shard"]
    assert [record["rows"] for record in lines] == [128]
    again, whole = open_lab(*words), open_lab("scale=401", *words[1:])
    for lab in (again.lab, whole.lab):
        lab.select(208, 180, "random", rule="moderate")
    assert again.run.data.training_set.digest() == whole.run.data.training_set.digest()


def test_files_written_beside_the_device_are_the_same(open_lab):
    found = []
    for threaded in (False, True):
        one = open_lab("scale=200", "images.format=jpeg", "task=digits", "mixture.components=2", f"seed={5}")
        object.__setattr__(one.run.io, "background", Background(threaded))
        one.lab.generate(200)
        found.append([(r["file"], r["digest"], r["rows"]) for r in one.ledger.records if r["kind"] == "shard"])
        assert {"encode", "store"} <= one.ledger.records[-2]["spent"]["beside"].keys()
        (one.run.io.folder / "ledger.jsonl").unlink()
    assert found[0] == found[1] and len(found[0]) > 3


def test_what_is_handed_in_is_done_in_order_and_does_not_pile_up():
    import threading

    gate, done, handed = threading.Event(), [], []
    background = Background(threaded=True)

    def hand_in():
        for number in range(3 * BOUND):
            background.do(lambda number=number: (gate.wait(60), done.append(number)))
            handed.append(number)

    worker = threading.Thread(target=hand_in)
    worker.start()
    worker.join(0.5)
    assert worker.is_alive() and len(handed) == BOUND
    gate.set()
    worker.join(60)
    background.do(lambda: None).result()
    assert done == list(range(3 * BOUND))
    background.close()


def test_an_error_of_the_thread_is_raised_where_the_answer_is_asked_for():
    background = Background(threaded=True)
    broken = background.do(lambda: 1 / 0)
    for _ in range(2 * BOUND):
        background.do(lambda: None)
    with pytest.raises(ZeroDivisionError):
        broken.result()
    background.close()
    with pytest.raises(ZeroDivisionError):
        Background().do(lambda: 1 / 0)
