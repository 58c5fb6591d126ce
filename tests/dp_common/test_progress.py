"""Progress is never silent for long, says rates of what was done now, and how long the rest will take."""

import io
import threading
import time
from types import SimpleNamespace

import pytest

from dp_common import progress
from dp_common.progress import Progress, Work, amount_text, doing, duration_text, hours_text, pulse, rate_text
from tests.processes import until

BUDGET = SimpleNamespace(scale=500, seen=1000)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def hasty(monkeypatch):
    """Thirty seconds are thirty milliseconds."""
    monkeypatch.setattr(progress, "EVERY", 0.03)
    monkeypatch.setattr(progress, "FIRST", 0.005)


def test_silence_is_broken_again_and_again_whatever_is_being_done(hasty):
    stream = io.StringIO()
    with pulse(stream=stream), doing("loading the data"):
        until(lambda: stream.getvalue().count("\n") >= 3)
    lines = stream.getvalue().splitlines()
    assert all(line == "loading the data: 0:00 so far" for line in lines)
    time.sleep(0.1)
    assert stream.getvalue().splitlines() == lines  # nothing after the end


def test_the_innermost_work_is_told_with_its_rate_and_what_is_left(hasty):
    stream = io.StringIO()
    with pulse(stream=stream), doing("outer"), doing("generate", 400) as work:
        work.since -= 10.0
        work.advance(100)
        until(lambda: stream.getvalue())
    assert stream.getvalue().splitlines()[0] == "generate 100 of 400 images in 0:10 (10/s), about 0:30 to go"


def test_each_kind_of_work_is_told_early_once(monkeypatch):
    monkeypatch.setattr(progress, "FIRST", 0.01)  # EVERY is half a minute
    stream = io.StringIO()
    monkeypatch.setattr(progress, "_pulse", progress.Pulse())
    with pulse(stream=stream):
        for _ in range(2):
            for name in ("generate", "train"):
                with doing(name):
                    time.sleep(0.1)
    assert [line.partition(":")[0] for line in stream.getvalue().splitlines()] == ["generate", "train"]


def test_a_line_of_any_kind_is_a_line(monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.3)
    stream = io.StringIO()
    shown = Progress(BUDGET, stream)
    with pulse(stream=stream), doing("training"):
        for _ in range(10):
            shown.say("a line")
            time.sleep(0.06)
    assert "training" not in stream.getvalue()


def test_one_pulse_at_a_time_and_none_where_it_is_to_be_quiet(hasty):
    before = threading.active_count()
    outer, inner = io.StringIO(), io.StringIO()
    with pulse(stream=outer):
        with pulse(stream=inner), pulse(quiet=True):
            assert threading.active_count() == before + 1
        with doing("still"):
            until(lambda: "still" in outer.getvalue())
    assert inner.getvalue() == "" and threading.active_count() == before
    with pulse(quiet=True), doing("quiet"):
        assert threading.active_count() == before


def test_a_reader_who_has_gone_ends_nothing(hasty):
    stream = io.StringIO()
    with pulse(stream=stream), doing("work"):
        stream.close()
        time.sleep(0.1)


def test_what_was_there_already_is_in_no_rate():
    stream = io.StringIO()
    with Progress(BUDGET, stream).task("generate", 400, 390) as advance:
        time.sleep(0.1)
        advance(10)
    text = stream.getvalue()
    assert text.startswith("generate 400 images in 0:00 (") and text.endswith("/s, 390 of them there already)\n")
    assert 1 < float(text.partition("(")[2].partition("/")[0]) <= 100
    work = Work("generate", 400)
    work.start_at(390)
    assert work.line() == "generate 400 images: 0:00 so far"


def test_training_and_generation_tell_what_the_whole_run_takes():
    stream = io.StringIO()
    shown = Progress(BUDGET, stream)
    shown.expect(rate=2.0, planned=800)
    assert stream.getvalue() == ("about 8:20 of training, 1,000 images seen at about 2/s; and 800 images to generate\n")
    for name, total, ending in (
        ("train", 100, "; all training is 1,000 images, about 3:20"),
        ("generate", 100, "; the run generates about 800 in all, 2:40"),
        ("generate", 800, "/s), about 2:30 to go"),
    ):
        with shown.task(name, total) as advance:
            work = progress._pulse.works[-1]
            work.since -= 10.0
            advance(50)
            assert work.line().endswith(ending), work.line()


def test_bars_of_a_terminal_advance_too():
    stream = Terminal()
    with Progress(BUDGET, stream).task("generate", 400, 100) as advance:
        advance(300)
        assert progress._pulse.works[-1].done == 400
    assert "generate 400 images" in stream.getvalue()


def test_numbers():
    assert [duration_text(s) for s in (0.4, 75, 3700)] == ["0:00", "1:15", "1:01:40"]
    amounts = [amount_text(value) for value in (0, 6e-8, 0.0123, 3.14, 42, 1234)]
    assert amounts == ["0", "under 0.001", "0.012", "3.1", "42.0", "1,234"]
    assert [hours_text(h) for h in (0, 6e-8, 0.0123, 1234.5)] == ["0.00", "under 0.0001", "0.0123", "1234.50"]
    assert [rate_text(r) for r in (0.25, 3.14, 22241)] == ["0.25", "3.1", "22,241"]
