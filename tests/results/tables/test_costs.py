"""Images, iterations and hours by phase, by device."""

import pytest

from dp_common.errors import BadInput
from results import load
from results.tables.costs import tables
from tests.results.tables.shown import seeds as some
from tests.results.tables.shown import texts


def test_costs_are_by_device_and_readable(make):
    some(make, "strategy=static scale=1k", [0.9, 0.9], hours={"generate": 0.001, "train": 0.004, "monitor": 0.001})
    some(make, "strategy=dp scale=1k", [0.9, 0.9], hours={"guided": 3.0, "train": 1.0}, device="NVIDIA H200")
    make("strategy=dp scale=2k", device="mixed")
    study = load(make.root)
    by_title = {table.title: table for table in tables(study.with_(exclude=("monitor",)).single())}
    assert list(by_title) == [
        "Costs in GPU hours, device NVIDIA H200",
        "Costs in CPU hours, given in seconds, device cpu",
        "Costs in GPU hours, device mixed",
    ]
    cpu = texts(by_title["Costs in CPU hours, given in seconds, device cpu"])["static"]
    assert (cpu["generate"], cpu["score"], cpu["monitor"], cpu["total"], cpu["spent"]) == (
        "3.60",
        "0",
        "3.60",
        "18.00",
        "21.60",
    )
    assert (
        "total = generate + guided + score + train;"
        in by_title["Costs in CPU hours, given in seconds, device cpu"].caption
    )
    assert texts(by_title["Costs in GPU hours, device NVIDIA H200"])["dp"]["total"] == "4.00"
    assert {
        texts(by_title["Costs in GPU hours, device mixed"])["dp"][phase] for phase in ("train", "total", "spent")
    } == {"—"}
    with pytest.raises(BadInput, match="exclude=monitr.*Did you mean monitor"):
        study.with_(exclude=("monitr",))
