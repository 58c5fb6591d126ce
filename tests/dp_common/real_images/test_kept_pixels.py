"""What is decoded once is read afterwards, bit by bit; whatever is damaged, missing or another's is decoded again."""

import errno
import multiprocessing
import os
import pickle
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dp_common.errors import Problem
from dp_common.real_images import image_files, kept_pixels
from dp_common.real_images.image_files import Files
from dp_common.real_images.kept_pixels import KeptPixels, folder_of, opened
from dp_common.real_images.splits import LazySplit
from dp_common.training_data.loading import SplitBatches, stream

from .pictures import tar_of, tree

SHAPE = (3, 4, 5)
IMAGES = np.random.default_rng(0).integers(0, 256, (300, *SHAPE), np.uint8)
EVERY = np.arange(300)


class Decoder:
    """Hands out IMAGES and remembers which."""

    def __init__(self):
        self.asked = []

    def __call__(self, row):
        self.asked.append(row)
        return IMAGES[row]


@pytest.fixture
def decoder():
    return Decoder()


@pytest.fixture
def where(tmp_path):
    return str(tmp_path / "decoded")


def kept_in(where, identity="some", says=True):
    return opened(where, "monitor", identity, 300, SHAPE, says)


def test_an_image_is_decoded_once_whoever_asks(where, decoder, capsys):
    rows = np.array([3, 4, 5, 299, 0, 7, 6])
    assert np.array_equal(kept_in(where).read(rows, decoder), IMAGES[rows]) and decoder.asked == rows.tolist()
    assert np.array_equal(kept_in(where).read(rows[::-1], decoder), IMAGES[rows[::-1]])
    assert np.array_equal(kept_in(where).read(EVERY, decoder), IMAGES)
    assert sorted(decoder.asked) == EVERY.tolist()
    kept = kept_in(where)
    assert kept.holds(EVERY) and kept.path.stat().st_size == 300 * (16 + 60)
    assert "300 decoded images of monitor are kept here" in capsys.readouterr().err.splitlines()[0]


def test_a_long_run_of_rows_takes_few_calls(where, decoder, monkeypatch):
    kept = kept_in(where)
    kept.read(EVERY, decoder)
    calls, read = [], os.preadv
    monkeypatch.setattr(os, "preadv", lambda *given: calls.append(len(given[1])) or read(*given))
    kept.read(EVERY, decoder)
    assert calls == [512, 88] and len(decoder.asked) == 300


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: data[: 10 * 76],  # cut between two records
        lambda data: data[: 10 * 76 + 30],  # within one
        lambda data: data[: 10 * 76] + bytes(290 * 76),  # never written
        lambda data: data[: 10 * 76] + data[11 * 76 :] + data[10 * 76 : 11 * 76],  # all moved by one
        lambda data: data[: 10 * 76] + bytes(n ^ 1 for n in data[10 * 76 :]),
    ],
)
def test_what_is_not_whole_is_decoded_again_and_then_kept(where, decoder, harm):
    kept = kept_in(where)
    kept.read(EVERY, decoder)
    kept.path.write_bytes(harm(kept.path.read_bytes()))
    again = Decoder()
    assert np.array_equal(kept_in(where).read(EVERY, again), IMAGES) and again.asked == list(range(10, 300))
    assert np.array_equal(kept_in(where).read(EVERY, again), IMAGES) and len(again.asked) == 290


def test_another_file_of_the_same_size_is_another(where, decoder):
    one, other = kept_in(where), kept_in(where, "other")
    one.read(EVERY, decoder)
    other.path.write_bytes(one.path.read_bytes())
    assert one.path != other.path and not other.fill(np.empty_like(IMAGES), EVERY).any()


@pytest.mark.parametrize("name", ["__version__", "features"])
def test_other_libraries_keep_another_file(where, monkeypatch, name):
    import PIL

    before = kept_in(where).path
    version = "0.0" if name == "__version__" else type("none", (), {"version": staticmethod(lambda codec: "0.0")})
    monkeypatch.setattr(PIL, name, version)
    assert kept_in(where).path != before


def test_two_that_fill_it_at_once_do_no_harm(where):
    def fill(first):
        kept = kept_in(where, says=False)
        for row in range(first, 300):
            kept.read(np.arange(row, min(row + 7, 300)), IMAGES.__getitem__)

    fork = multiprocessing.get_context("fork")
    others = [fork.Process(target=fill, args=(first,)) for first in (0, 50)]
    for process in others:
        process.start()
    fill(20)
    for process in others:
        process.join()
        assert process.exitcode == 0
    assert kept_in(where).fill(np.empty_like(IMAGES), EVERY).all()


def test_threads_and_processes_may_share_one(where):
    kept = kept_in(where)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda start: kept.read(EVERY[start::5], IMAGES.__getitem__), [0, 1, 2, 3, 4] * 4))
    assert all(np.array_equal(images, IMAGES[n % 5 :: 5]) for n, images in enumerate(found))
    again = pickle.loads(pickle.dumps(kept))
    assert again.fill(np.empty_like(IMAGES), EVERY).all()


def full(*given):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_said_once_and_given_its_room_back(where, decoder, capsys, monkeypatch):
    kept, beside = kept_in(where), kept_in(where)
    capsys.readouterr()
    kept.read(EVERY[:10], decoder)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwritev", full)
        assert np.array_equal(kept.read(EVERY[:20], decoder), IMAGES[:20])
        assert np.array_equal(kept.read(EVERY[:30], decoder), IMAGES[:30])
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and "No space left on device; its images are decoded as they are read" in said[0]
    assert not kept.path.exists()
    assert np.array_equal(beside.read(EVERY, decoder), IMAGES) and not beside.path.exists()
    assert capsys.readouterr().err == ""


def test_what_is_left_of_a_disk_that_others_fill_is_left_to_them(where, decoder, capsys, monkeypatch):
    kept, beside, size = kept_in(where), kept_in(where), 300 * 76
    capsys.readouterr()
    monkeypatch.setattr(kept_pixels.KeptPixels, "free", lambda self: size)
    kept.read(EVERY[:70], decoder)
    assert kept.fill(np.empty_like(IMAGES[:70]), EVERY[:70]).all() and capsys.readouterr().err == ""
    monkeypatch.setattr(kept_pixels.KeptPixels, "free", lambda self: size - 1)
    for file in (kept, beside):
        assert np.array_equal(file.read(EVERY, decoder), IMAGES) and not file.writes
    assert len(capsys.readouterr().err.splitlines()) == 1 and not kept.path.exists()
    assert kept.fill(np.empty_like(IMAGES[:128]), EVERY[:128]).all(), "it looks every 64 images, and reads what it had"


def test_it_knows_how_much_is_free(where):
    kept = kept_in(where)
    assert kept.free() == pytest.approx(shutil.disk_usage(where).free, rel=0.05)


def test_a_record_that_is_cut_off_by_a_full_disk_is_one_that_is_not_there(where, decoder, capsys, monkeypatch):
    kept, write = kept_in(where), os.pwritev
    monkeypatch.setattr(os, "pwritev", lambda fd, parts, at: write(fd, [parts[0], parts[1].tobytes()[:9]], at))
    assert np.array_equal(kept.read(EVERY[:2], decoder), IMAGES[:2]) and "No space left" in capsys.readouterr().err


def test_where_there_is_too_little_room_or_none_may_write_nothing_is_kept(where, tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(kept_pixels.shutil, "disk_usage", lambda folder: FREE)
        assert kept_in(where) is None and "too little room to keep 0.0 GB" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert opened(str(tmp_path / "file"), "monitor", "some", 300, SHAPE) is None
    assert "decoded as they are read; decoded=FOLDER" in capsys.readouterr().err
    assert kept_in("no") is None and folder_of("no") is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert folder_of("auto") == tmp_path / "cache" / "deliberate-practice-bench" / "decoded"


class FREE:
    """Of a disk."""

    free = 300 * 76 * 2 - 1


def test_somebody_elses_file_is_read(where, decoder, monkeypatch):
    kept_in(where).read(EVERY[:10], decoder)
    real = os.open

    def read_only(path, flags, *mode):
        if flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, *mode)

    monkeypatch.setattr(os, "open", read_only)
    theirs = kept_in(where)
    assert np.array_equal(theirs.read(EVERY[:12], decoder), IMAGES[:12]) and decoder.asked[10:] == [10, 11]
    assert np.array_equal(theirs.read(EVERY[:12], decoder), IMAGES[:12]) and decoder.asked[12:] == [10, 11]


# ---------------------------------------------------------------------- of a set


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tree(tmp_path / "set", {"cat": 9, "dog": 8})


def split_of(path, shape=(3, 8, 8), rows=None):
    files = Files("data.train", path, {"cat": 0, "dog": 1})
    return files.split(np.arange(len(files)) if rows is None else rows, shape, lazy=True)


def decoded_by(split, where, monkeypatch, **stream_words):
    """(pixels, how many were decoded in this process) of all images of a split."""
    asked, decode = [], image_files.decode
    with monkeypatch.context() as patch:
        patch.setattr(image_files, "decode", lambda *given: asked.append(1) or decode(*given))
        split.keep(where, "monitor", (3, 8, 8))
        batches = SplitBatches(split, 4)
        images = list(stream(batches, range(len(batches)), **stream_words))
    return np.concatenate([np.asarray(batch) for batch in images]), len(asked)


def test_a_set_is_decoded_once_for_all_runs_wherever_it_lies(pictures, where, tmp_path, monkeypatch):
    expected = split_of(pictures).read(np.arange(17))
    assert SplitBatches(split_of(pictures), 4).holds([0]) is False
    first, n = decoded_by(split_of(pictures), where, monkeypatch)
    assert np.array_equal(first, expected) and n == 17
    tar = tar_of(pictures, tmp_path / "set.tar")
    for path in (pictures, tar):  # the same images
        split = split_of(path)
        again, n = decoded_by(split, where, monkeypatch)
        assert np.array_equal(again, expected) and n == 0 and SplitBatches(split, 4).holds(range(5))
    rows = np.array([1, 3, 16])
    fewer, n = decoded_by(split_of(pictures, rows=rows), where, monkeypatch)
    assert np.array_equal(fewer, expected[rows]) and n == 3


def test_a_set_of_which_one_image_changed_is_another(pictures, where, monkeypatch):
    before, _ = decoded_by(split_of(pictures), where, monkeypatch)
    one, other = pictures / "cat/000.png", pictures / "dog/000.png"
    one.write_bytes(other.read_bytes())
    after, n = decoded_by(split_of(pictures), where, monkeypatch)
    assert n == 17 and np.array_equal(after[0], after[9]) and not np.array_equal(before[0], after[0])


@pytest.mark.parametrize("packed", [False, True])
def test_threads_read_what_processes_and_this_process_read(pictures, where, tmp_path, monkeypatch, packed):
    path = tar_of(pictures, tmp_path / "set.tar") if packed else pictures
    expected = split_of(path).read(np.arange(17))
    for words in ({"workers": 2}, {"workers": 3, "threads": True}, {}):
        found, _ = decoded_by(split_of(path), where, monkeypatch, **words)
        assert np.array_equal(found, expected)
    cold, _ = decoded_by(split_of(path), "no", monkeypatch, workers=3, threads=True)  # and decode if they must
    assert np.array_equal(cold, expected)


def test_what_threads_meet_is_raised_and_they_end(pictures, monkeypatch):
    split = split_of(pictures)
    (pictures / "cat/005.png").unlink()
    before = threading.active_count()
    with pytest.raises(Problem, match="cat/005.png cannot be read"):
        list(stream(SplitBatches(split, 4), range(5), 3, threads=True))
    assert threading.active_count() == before


def test_a_split_that_cannot_say_what_it_is_is_not_kept(where):
    split = LazySplit(IMAGES.__getitem__, EVERY)
    split.keep(where, "monitor", SHAPE)
    assert split.kept is None and not os.path.exists(where)


def test_a_reader_that_is_started_anew_takes_the_split_with_it(pictures, where):
    split = split_of(pictures)
    split.keep(where, "monitor", (3, 8, 8))
    assert isinstance(split.kept, KeptPixels)
    again = pickle.loads(pickle.dumps(split))
    assert np.array_equal(again.read(np.arange(17)), split.read(np.arange(17))) and split.kept.holds(np.arange(17))
