"""What of a ledger of several attempts survives: lost calls are no part of the result, and are paid for."""

from dp_common.persistence.ledger import surviving, totals


def open_(**more):
    return {"kind": "open", **more}


def shard(file, call, kind="shard", **more):
    return {"kind": kind, "file": file, "call": call, **more}


def call(number, *used, **more):
    return {"kind": "call", "call": number, "used": list(used), **more}


def resume(number):
    return {"kind": "resume", "call": number}


def work(records):
    """What survives of calls and shards, in short."""
    return [
        r["file"] if "file" in r else r["call"]
        for r in surviving(records)
        if r["kind"] in ("call", "shard", "partial", "evaluate")
    ]


def test_all_of_an_uninterrupted_run_survives():
    records = [open_(), shard("a", 1), shard("b", 1), call(1, "a", "b"), call(2), {"kind": "evaluate", "call": 2}]
    assert surviving(records) == records


def test_calls_after_the_checkpoint_are_lost_and_those_done_again_count_once():
    records = [
        open_(),
        call(1),
        call(2, t=1),
        call(3, t=1),
        {"kind": "evaluate", "call": 3},
        open_(),
        resume(1),
        call(2, t=2),
    ]
    alive = surviving(records)
    assert [(r["call"], r.get("t")) for r in alive if r["kind"] == "call"] == [(1, None), (2, 2)]
    assert not any(r["kind"] == "evaluate" for r in alive)
    assert sum(r["kind"] == "open" for r in alive) == 2


def test_resume_from_the_very_start_loses_every_call():
    assert work([open_(), shard("a", 1), call(1, "a"), call(2), open_(), resume(0)]) == [
        "a"
    ]  # call 1 is in progress again
    assert work([open_(), call(1), shard("b", 2), call(2, "b"), open_(), resume(0)]) == []


def test_a_shard_that_no_call_kept_is_lost():
    """Made with other weights than those of the call that counts in the end."""
    records = [open_(), call(1), shard("old", 2), open_(), resume(1), shard("new", 2), call(2, "new"), call(3)]
    assert work(records) == [1, "new", 2, 3]


def test_a_shard_found_by_a_later_attempt_counts():
    records = [open_(), call(1), shard("a", 2), open_(), resume(1), shard("b", 2), call(2, "a", "b")]
    assert work(records) == [1, "a", "b", 2]


def test_a_shard_of_a_lost_call_counts_if_the_call_done_again_kept_it():
    records = [open_(), call(1), shard("a", 2), call(2, "a"), call(3), open_(), resume(1), call(2, "a")]
    assert work(records) == [1, "a", 2]


def test_shards_of_the_call_in_progress_count_and_those_of_later_calls_do_not():
    assert work([open_(), call(1), shard("a", 2), shard("p", 2, "partial")]) == [1, "a", "p"]
    assert work([open_(), call(1), call(2), shard("c", 3), open_(), resume(1)]) == [1]


def test_two_interruptions():
    records = [
        open_(),
        call(1),
        call(2, t=1),
        open_(),
        resume(1),
        call(2, t=2),
        call(3, t=2),
        open_(),
        resume(2),
        call(3, t=3),
    ]
    assert [(r["call"], r.get("t")) for r in surviving(records) if r["kind"] == "call"] == [(1, None), (2, 2), (3, 3)]


def test_a_shard_written_twice_under_one_name_counts_once():
    """A selection killed between its shard's line and its call's is scanned and written again, to the same name: what
    the result cost is one of the two, the other is lost work.
    """
    records = [open_(), call(1), shard("kept", 2, t=1), open_(), resume(1), shard("kept", 2, t=2), call(2, "kept")]
    assert [r["t"] for r in surviving(records) if r["kind"] == "shard"] == [2]


def test_totals_add_up_phases_and_counts():
    records = [
        {"spent": {"phases": {"train": 1.5, "write": 1}, "counts": {"iterations": 2}}},
        {},
        {"spent": {"phases": {"train": 0.5}, "counts": {"iterations": 3, "gradients": 1}}},
    ]
    assert totals(records) == ({"train": 2.0, "write": 1}, {"iterations": 5, "gradients": 1})
    assert totals([]) == ({}, {})
