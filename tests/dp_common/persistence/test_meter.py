"""The meter: always in one phase, so that the phases sum to the wall time; nothing is counted twice or lost.

On a clock of the test's own, so that every number is exact.
"""

import pytest

from dp_common.persistence import meter as module
from dp_common.persistence.meter import PHASES, PRICED, Meter


@pytest.fixture
def now(monkeypatch):
    """A clock hand: now(3) moves it on by 3 seconds."""
    hand = [100.0]

    def move(seconds):
        hand[0] += seconds

    monkeypatch.setattr(module, "time", type("Time", (), {"perf_counter": staticmethod(lambda: hand[0])}))
    return move


def test_phases_nest_and_return_to_the_one_outside(now):
    meter = Meter()
    now(1)
    with meter.phase("train"):
        now(2)
        with meter.phase("write"):
            now(4)
        now(8)
        with meter.phase("train"):
            now(16)
    now(32)
    assert meter.name == "startup"
    assert meter.snapshot_and_reset()["phases"] == {"startup": 33, "train": 26, "write": 4}


@pytest.mark.parametrize("devices", [1, 4])
def test_phases_sum_to_wall_times_devices(now, devices):
    meter = Meter(devices)
    total = 0.0
    for step in range(50):
        with meter.phase(PHASES[step % len(PHASES)]):
            now(0.1 * step)
            with meter.phase(PHASES[(step * 7) % len(PHASES)]):
                now(0.3)
        if step % 5 == 0:
            total += sum(meter.snapshot_and_reset()["phases"].values())
    now(2)
    total += sum(meter.snapshot_and_reset()["phases"].values())
    assert meter.wall() == pytest.approx(50 * 49 / 2 * 0.1 + 15 + 2)
    assert total == pytest.approx(devices * meter.wall(), rel=1e-4)


def test_take_starts_anew_in_the_same_phase(now):
    meter = Meter()
    meter.switch("idle")
    with meter.phase("train"):
        now(3)
        meter.count(iterations=2)
        assert meter.snapshot_and_reset() == {
            "phases": {"startup": 0, "idle": 0, "train": 3},
            "counts": {"iterations": 2},
        }
        now(5)
    now(1)
    assert meter.snapshot_and_reset() == {"phases": {"train": 5, "idle": 1}, "counts": {}}


def test_startup_counts_from_the_start_of_the_process(now):
    meter = Meter(started=90.0)
    now(1)
    assert meter.snapshot_and_reset()["phases"] == {"startup": 11} and meter.wall() == 11


def test_an_error_inside_a_phase_leaves_it(now):
    meter = Meter()
    meter.switch("idle")
    with pytest.raises(KeyError), meter.phase("train"):
        now(3)
        raise KeyError
    now(2)
    assert meter.name == "idle" and meter.snapshot_and_reset()["phases"] == {"startup": 0, "train": 3, "idle": 2}


def test_an_unknown_phase_is_refused_and_the_present_one_goes_on(now):
    meter = Meter()
    with pytest.raises(ValueError, match="phase lunch: one of startup"):
        meter.switch("lunch")
    now(2)
    assert meter.snapshot_and_reset()["phases"] == {"startup": 2}


def test_the_device_is_waited_for_before_every_reading(now):
    """Work still queued on the device belongs to the phase that asked for it."""
    queued = [0.0]

    def synchronise():
        now(queued[0])
        queued[0] = 0.0

    meter = Meter(synchronise=synchronise)
    with meter.phase("train"):
        queued[0] = 5.0
    with meter.phase("write"):
        now(1)
        queued[0] = 2.0
        assert meter.snapshot_and_reset()["phases"] == {"startup": 0, "train": 5, "write": 3}


def test_counts_add_up_and_zeros_are_not_told(now):
    meter = Meter()
    meter.count(gradients=0, network_evaluations=3)
    meter.count(network_evaluations=4, iterations=True)
    assert meter.snapshot_and_reset()["counts"] == {"network_evaluations": 7, "iterations": 1}
    assert meter.snapshot_and_reset()["counts"] == {}


def test_the_price_is_the_work_of_the_method():
    assert set(PRICED) == {"generate", "guided", "score", "train", "monitor"}
    assert set(PHASES) - set(PRICED) == {"startup", "evaluate", "write", "idle"}


def test_what_was_so_far_can_be_told_apart_from_what_came_later(now):
    meter = Meter(2)
    now(1)
    meter.count(iterations=3)
    then = meter.so_far()
    assert then == meter.so_far() == {"phases": {"startup": 2}, "counts": {"iterations": 3}}
    meter.switch("train")
    now(4)
    meter.count(iterations=1, images_trained=5)
    meter.beside("encode", 7)
    with meter.only(then):
        now(8)
        meter.beside("checkpoint", 9)
        line = meter.snapshot_and_reset()
    assert line == {
        "phases": {"startup": 2, "train": 16},
        "counts": {"iterations": 3},
        "beside": {"checkpoint": 9},
    }
    now(16)
    rest = meter.snapshot_and_reset()
    assert rest["phases"] == {"startup": 0, "train": 8 + 32} and rest["counts"] == {
        "iterations": 1,
        "images_trained": 5,
    }
    assert rest["beside"] == {"encode": 7}
