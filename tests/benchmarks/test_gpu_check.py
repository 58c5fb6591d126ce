"""The check of a GPU, rehearsed on the CPU: every item comes through, and what goes wrong is a line."""

import json

import pytest
import torch

from benchmarks import gpu_check
from benchmarks.gpu_checks import DIFFERS, MEASURED, OK, Finding
from dp_common.errors import BadInput, Interrupted

CHEAP = ["machine", "correctness", "digits", "sampling", "layouts", "training", "looking", "reading", "lab", "compiled"]


def lines_of(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("item", CHEAP)
def test_a_rehearsal_of_each_item_is_as_expected(item, capsys, tmp_path):
    out = tmp_path / "found.jsonl"
    assert gpu_check.main(["device=cpu", f"items={item}", f"out={out}"]) == 0
    lines = lines_of(capsys)
    assert lines and [json.loads(line) for line in out.read_text().splitlines()] == lines
    assert {line["verdict"] for line in lines} <= {OK, MEASURED, "left out"}
    for line in lines:
        assert line["item"].startswith("guidance" if line["item"].startswith("guidance") else item)
        assert (
            line["verdict"] == "left out"
            or line["got"] is not None
            or "memory" in line["item"]
            or line["item"].endswith(("peak", "waits"))
        )


def test_every_item_is_rehearsed():
    assert list(gpu_check.CHECKS) == CHEAP
    with pytest.raises(BadInput, match="items=weather"):
        gpu_check.main(["items=weather"])


@pytest.mark.parametrize(
    "finding, judged, verdict",
    [
        (Finding("a", 1.0, "ms", None, 2), False, OK),
        (Finding("a", 3.0, "ms", None, 2), False, DIFFERS),
        (Finding("a", 3.0, "ms", None, 2, rate=True), False, MEASURED),
        (Finding("a", 3.0, "ms", None, 2, rate=True), True, DIFFERS),
        (Finding("a", 0.5, "ms", 1, None, rate=True), True, DIFFERS),
        (Finding("a", "2.14", ""), True, MEASURED),
        (Finding("a", 5.0), True, MEASURED),
    ],
)
def test_verdicts(finding, judged, verdict):
    assert finding.judge(judged) == verdict


def test_an_interrupt_says_what_is_left(monkeypatch):
    def broken(name, place, file):
        if name == "digits":
            raise KeyboardInterrupt
        return 0

    monkeypatch.setattr(gpu_check, "look", broken)
    with pytest.raises(Interrupted, match="interrupted; items=digits,lab is left$"):
        gpu_check.main(["device=cpu", "items=machine,digits,lab"])


def test_what_fails_is_a_line_and_the_rest_goes_on(capsys, monkeypatch):
    def broken(place):
        yield Finding("machine.first", 1.0, "", 1, 1)
        raise RuntimeError("the device\nis on fire")

    def full(place):
        raise torch.OutOfMemoryError("CUDA out of memory")
        yield

    monkeypatch.setattr("benchmarks.gpu_checks.machine.machine", broken)
    monkeypatch.setattr("benchmarks.gpu_checks.sampling.sampling", full)
    assert gpu_check.main(["device=cpu", "items=machine,sampling"]) == 1
    lines = lines_of(capsys)
    assert [line["verdict"] for line in lines] == [OK, "failed", "out of memory"]
    assert lines[1]["note"].startswith("RuntimeError: the device") and "\n" not in lines[1]["note"]


def test_a_difference_of_rates_is_no_failure_and_one_of_correctness_is(capsys, monkeypatch):
    monkeypatch.setattr("dp_common.device.label", lambda device: "NVIDIA H100 80GB HBM3")
    slow = Finding("machine.slow", 1.0, "TB/s", 2, None, rate=True)
    monkeypatch.setattr("benchmarks.gpu_checks.machine.machine", lambda place: iter([slow]))
    assert gpu_check.main(["device=cpu", "items=machine"]) == 0
    assert lines_of(capsys)[0] | {"seconds": 0} == {
        "item": "machine.slow",
        "expected": "at least 2 TB/s",
        "got": 1.0,
        "unit": "TB/s",
        "verdict": DIFFERS,
        "seconds": 0,
    }
    monkeypatch.setattr(
        "benchmarks.gpu_checks.machine.machine", lambda place: iter([Finding("machine.x", 0.0, "", 1, 1)])
    )
    assert gpu_check.main(["device=cpu", "items=machine"]) == 1


def test_when_the_time_is_over_no_item_begins(capsys):
    assert gpu_check.main(["device=cpu", "items=correctness,lab", "seconds=0.000001"]) == 0
    assert [line["verdict"] for line in lines_of(capsys)] == ["left out", "left out"]
