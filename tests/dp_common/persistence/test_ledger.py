"""The ledger: any prefix of it is one; whatever else is wrong is named by file and line.

Nobody writes but the one writer.
"""

import errno
import json
import os
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dp_common.errors import Damaged, LeaseLost, Problem
from dp_common.files import write_atomic
from dp_common.persistence import ledger
from dp_common.persistence.ledger import NAME, Ledger, read, totals

NOTHING = {"phases": {}, "counts": {}}


def opened(folder, run_id="run", holds=lambda: None, meter=lambda: NOTHING):
    return Ledger(folder, run_id, holds, meter)


def lines(folder, n=6):
    """A ledger of one attempt with n lines; returns its records."""
    book = opened(folder)
    book.append("open", run_id="run", words=["scale=4k", 'name=a","crc":"00000000"}'])
    for number in range(1, n):
        book.append("call", call=number, name="träin\n", answer=0.1 * number, used=[f"shard-{number}"])
    book.close()
    return book.records


def test_what_is_read_is_what_was_appended(tmp_path):
    records = lines(tmp_path)
    assert read(tmp_path, "run") == records and read(tmp_path) == records
    assert [r["n"] for r in records] == list(range(6)) and {r["attempt"] for r in records} == {1}
    assert records[0]["words"][1] == 'name=a","crc":"00000000"}' and records[2]["name"] == "träin\n"
    assert all(r["spent"] == NOTHING and r["t"] > 0 for r in records)


def test_no_ledger_is_no_records(tmp_path):
    assert read(tmp_path, "run") == []
    (tmp_path / NAME).touch()
    assert read(tmp_path, "run") == []


def test_every_line_is_json_for_anybody(tmp_path):
    records = lines(tmp_path)
    parsed = [json.loads(line) for line in (tmp_path / NAME).read_text().splitlines()]
    assert [{key: value for key, value in record.items() if key != "crc"} for record in parsed] == records


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return lines(folder), (folder / NAME).read_bytes()


@settings(max_examples=200, deadline=None)
@given(share=st.floats(0, 1))
def test_any_prefix_is_a_ledger(whole, tmp_path_factory, share):
    """Cut at any byte: exactly the records whose lines are whole, and the writer goes on from there."""
    records, data = whole
    folder = tmp_path_factory.mktemp("prefix")
    cut = data[: round(share * len(data))]
    (folder / NAME).write_bytes(cut)
    kept = records[: cut.count(b"\n")]
    assert read(folder, "run") == kept
    book = opened(folder)
    book.append("open", run_id="run")
    book.close()
    assert read(folder, "run")[:-1] == kept and read(folder)[-1]["n"] == len(kept)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(record=st.dictionaries(st.text(), json_values, min_size=1, max_size=4))
def test_a_line_holds_any_record(record):
    line = ledger.encode(record)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    if "crc" not in record:
        assert ledger.decode(line[:-1], "here:1") == record


@settings(max_examples=300, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_flipped_byte_is_named_by_file_and_line(whole, tmp_path_factory, share, flip):
    """Anywhere but in the last line, newlines included: they belong to the line they end."""
    _, data = whole
    damaged = bytearray(data)
    place = int(share * (data[:-1].rindex(b"\n") + 1))
    damaged[place] ^= flip
    folder = tmp_path_factory.mktemp("flip")
    (folder / NAME).write_bytes(damaged)
    number = data[:place].count(b"\n") + 1
    with pytest.raises(Damaged, match=f"{NAME}:{number}:"):
        read(folder)
    with pytest.raises(Damaged):
        opened(folder)
    assert (folder / NAME).read_bytes() == damaged  # left as it is for whoever looks into it


def test_a_flipped_byte_in_a_whole_last_line_is_named_too(tmp_path):
    lines(tmp_path, 3)
    data = bytearray((tmp_path / NAME).read_bytes())
    data[-5] ^= 1
    (tmp_path / NAME).write_bytes(data)
    with pytest.raises(Damaged, match=f"{NAME}:3:"):
        read(tmp_path)


@pytest.mark.parametrize(
    "change, number",
    [
        (lambda rows: rows[:2] + rows[3:], 3),
        (lambda rows: rows[:2] + rows[1:], 3),
        (lambda rows: rows[1:], 1),
        (lambda rows: [rows[0], rows[2], rows[1], *rows[3:]], 2),
    ],
)
def test_a_missing_doubled_or_moved_line_is_named(tmp_path, change, number):
    lines(tmp_path)
    rows = (tmp_path / NAME).read_bytes().splitlines(keepends=True)
    (tmp_path / NAME).write_bytes(b"".join(change(rows)))
    with pytest.raises(Damaged, match=f"{NAME}:{number}: line .* stands where"):
        read(tmp_path)


def test_the_ledger_of_another_run_is_named(tmp_path):
    lines(tmp_path)
    with pytest.raises(Damaged, match=r"ledger\.jsonl: .*another run, run, lies where digits-dp-4k should"):
        read(tmp_path, "digits-dp-4k")
    before = (tmp_path / NAME).read_bytes()
    with pytest.raises(Damaged):
        opened(tmp_path, "digits-dp-4k")
    assert (tmp_path / NAME).read_bytes() == before


def test_attempts_are_counted_and_a_torn_line_is_gone(tmp_path):
    records = lines(tmp_path)
    with open(tmp_path / NAME, "ab") as file:
        file.write(b'{"n":6,"t":17')
    book = opened(tmp_path)
    assert book.records == records
    assert (tmp_path / NAME).read_bytes().endswith(b"}\n")
    book.append("open", run_id="run")
    book.close()
    assert [r["attempt"] for r in read(tmp_path)] == [1] * 6 + [2]


def test_a_stale_writer_that_lost_its_lease_writes_nothing(tmp_path):
    def lost():
        if gone:
            raise LeaseLost("taken over")

    gone = []
    stale = opened(tmp_path, holds=lost)
    stale.append("open", run_id="run")
    gone.append(True)
    before = (tmp_path / NAME).read_bytes()
    with pytest.raises(LeaseLost):
        stale.append("call", call=1)
    assert (tmp_path / NAME).read_bytes() == before and len(stale.records) == 1
    with pytest.raises(LeaseLost):
        opened(tmp_path, holds=lost)
    assert (tmp_path / NAME).read_bytes() == before


def test_a_stale_writer_stopped_between_check_and_write_writes_where_nobody_looks(tmp_path):
    stale = opened(tmp_path)
    stale.append("open", run_id="run", host="old")
    book = opened(tmp_path)
    book.append("open", run_id="run", host="new")
    for kind in ("call", "close"):
        with suppress(LeaseLost):  # it may learn of it, but need not
            stale.append(kind, name="stale")
        book.append("call", name="ours")
    assert read(tmp_path, "run") == book.records
    assert [r.get("name", r.get("host")) for r in read(tmp_path)] == ["old", "new", "ours", "ours"]


def test_a_writer_whose_file_was_replaced_stops_instead_of_writing_where_nobody_looks(tmp_path):
    """An attempt that hung in opening the ledger, after its check and before its replace, comes back when another has
    taken over and gone on: the copy it puts there is old. The holder must notice at its next line.
    """
    book = opened(tmp_path)
    book.append("open", run_id="run")
    late = (tmp_path / NAME).read_bytes()
    book.append("call", call=1)
    write_atomic(tmp_path / NAME, late)
    with pytest.raises(Problem):
        book.append("call", call=2)


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


class ShortFile:
    """A file on a disk with room for a few bytes more."""

    def __init__(self, file):
        self.file = file

    def write(self, data):
        return self.file.write(data[:10])

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.mark.parametrize("how", ["fsync fails", "write is short"])
@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_full_disk_leaves_the_ledger_valid(tmp_path, monkeypatch, how, failures):
    """However often it fails, as when the failing line is followed by the attempt to say so: the line is undone, and
    when there is space again the same writer goes on.
    """
    book = opened(tmp_path)
    book.append("open", run_id="run")
    book.append("call", call=1)
    before = (tmp_path / NAME).read_bytes()
    with monkeypatch.context() as disk:
        if how == "fsync fails":
            disk.setattr(os, "fsync", full)
        else:
            disk.setattr(book, "file", ShortFile(book.file))
        for failure in range(failures):
            with pytest.raises(OSError) as caught:
                book.append("call", call=2, name="x" * 10 * failure)
            assert caught.value.errno == errno.ENOSPC
            assert (tmp_path / NAME).read_bytes() == before and len(book.records) == 2
    book.append("call", call=2, name="at last")
    assert read(tmp_path, "run") == book.records and [r["n"] for r in book.records] == [0, 1, 2]


def test_what_was_spent_before_a_line_that_failed_is_in_the_next(tmp_path, monkeypatch):
    """``spent`` is what the clock measured since the line before; a line that is not there is none."""
    measured = [
        {"phases": {"train": 1.0}, "counts": {"iterations": 3}},
        {"phases": {"train": 5.0, "score": 2.0}, "counts": {"iterations": 7}},
        NOTHING,
    ]
    book = opened(tmp_path, meter=iter(measured).__next__)
    book.append("open", run_id="run")
    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(OSError):
            book.append("call", call=1)
    book.append("close", state="failed")
    assert totals(read(tmp_path)) == ({"train": 6.0, "score": 2.0}, {"iterations": 10})


def test_a_number_that_is_none_is_refused_and_nothing_written(tmp_path):
    book = opened(tmp_path)
    book.append("open", run_id="run")
    with pytest.raises(ValueError):
        book.append("call", call=1, answer=float("nan"))
    book.append("call", call=1, answer=0.5)
    assert read(tmp_path, "run") == book.records and len(book.records) == 2
