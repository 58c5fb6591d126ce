"""The meter: always in one phase, so that the phases sum to the wall time; nothing is counted twice or lost.

On a clock of the test's own, so that every number is exact.
"""

import pytest

from dp_common import clock as module
from dp_common.clock import PHASES, PRICED, Clock


@pytest.fixture
def now(monkeypatch):
    """A clock hand: now(3) moves it on by 3 seconds."""
    hand = [100.0]

    def move(seconds):
        hand[0] += seconds

    monkeypatch.setattr(module, "time", type("Time", (), {"perf_counter": staticmethod(lambda: hand[0])}))
    return move


def test_phases_nest_and_return_to_the_one_outside(now):
    clock = Clock()
    now(1)
    with clock.phase("train"):
        now(2)
        with clock.phase("write"):
            now(4)
        now(8)
        with clock.phase("train"):
            now(16)
    now(32)
    assert clock.name == "startup"
    assert clock.take()["phases"] == {"startup": 33, "train": 26, "write": 4}


@pytest.mark.parametrize("devices", [1, 4])
def test_phases_sum_to_wall_times_devices(now, devices):
    clock = Clock(devices)
    total = 0.0
    for step in range(50):
        with clock.phase(PHASES[step % len(PHASES)]):
            now(0.1 * step)
            with clock.phase(PHASES[(step * 7) % len(PHASES)]):
                now(0.3)
        if step % 5 == 0:
            total += sum(clock.take()["phases"].values())
    now(2)
    total += sum(clock.take()["phases"].values())
    assert clock.wall() == pytest.approx(50 * 49 / 2 * 0.1 + 15 + 2)
    assert total == pytest.approx(devices * clock.wall(), rel=1e-4)


def test_take_starts_anew_in_the_same_phase(now):
    clock = Clock()
    clock.switch("idle")
    with clock.phase("train"):
        now(3)
        clock.count(iterations=2)
        assert clock.take() == {"phases": {"startup": 0, "idle": 0, "train": 3}, "counts": {"iterations": 2}}
        now(5)
    now(1)
    assert clock.take() == {"phases": {"train": 5, "idle": 1}, "counts": {}}


def test_startup_counts_from_the_start_of_the_process(now):
    clock = Clock(started=90.0)
    now(1)
    assert clock.take()["phases"] == {"startup": 11} and clock.wall() == 11


def test_an_error_inside_a_phase_leaves_it(now):
    clock = Clock()
    clock.switch("idle")
    with pytest.raises(KeyError), clock.phase("train"):
        now(3)
        raise KeyError
    now(2)
    assert clock.name == "idle" and clock.take()["phases"] == {"startup": 0, "train": 3, "idle": 2}


def test_an_unknown_phase_is_refused_and_the_present_one_goes_on(now):
    clock = Clock()
    with pytest.raises(ValueError, match="phase lunch: one of startup"):
        clock.switch("lunch")
    now(2)
    assert clock.take()["phases"] == {"startup": 2}


def test_the_device_is_waited_for_before_every_reading(now):
    """Work still queued on the device belongs to the phase that asked for it."""
    queued = [0.0]

    def synchronise():
        now(queued[0])
        queued[0] = 0.0

    clock = Clock(synchronise=synchronise)
    with clock.phase("train"):
        queued[0] = 5.0
    with clock.phase("write"):
        now(1)
        queued[0] = 2.0
        assert clock.take()["phases"] == {"startup": 0, "train": 5, "write": 3}


def test_counts_add_up_and_zeros_are_not_told(now):
    clock = Clock()
    clock.count(gradients=0, network_evaluations=3)
    clock.count(network_evaluations=4, iterations=True)
    assert clock.take()["counts"] == {"network_evaluations": 7, "iterations": 1}
    assert clock.take()["counts"] == {}


def test_the_price_is_the_work_of_the_method():
    assert set(PRICED) == {"generate", "guided", "score", "train", "monitor"}
    assert set(PHASES) - set(PRICED) == {"startup", "evaluate", "write", "idle"}
