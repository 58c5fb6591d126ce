"""Accuracy against hours: a figure per device, in the unit that reads well."""

from results.figures import hours
from tests.results.figures.histories import csv_of, drawn


def test_hours_have_a_figure_per_device_and_say_what_was_spent(make, tmp_path):
    make("strategy=static scale=1k", hours={"train": 2.0}, device="NVIDIA H200", summary={"gpu_hours_spent": 3.0})
    make(
        "strategy=static scale=2k",
        hours={"train": 4.0, "monitor": 1.0},
        device="NVIDIA H200",
        summary={"gpu_hours_spent": 5.0},
    )
    make("strategy=dp scale=1k", hours={"train": 1.0})
    make("strategy=dp scale=500", hours={"train": 0.5})
    make("strategy=dp scale=2k", device="mixed")
    made = {figure.title: csv_of(figure) for figure in drawn(hours, make, tmp_path, exclude=("monitor",))}
    assert list(made) == ["Accuracy on test against GPU hours on NVIDIA H200", "Accuracy on test against CPU minutes"]
    gpu = made["Accuracy on test against GPU hours on NVIDIA H200"].query("what == 'mean'")
    assert gpu["x"].tolist() == [2, 4] and gpu["spent"].tolist() == [3, 5]
    assert made["Accuracy on test against CPU minutes"].query("what == 'run'")["x"].tolist() == [30, 60]


def test_hours_of_every_run_and_the_ceiling_are_in_the_csv(make, tmp_path):
    for seed, value in enumerate((0.9, 0.85, 0.8)):
        make(f"strategy=dp scale=1k seed={seed}", accuracy=value)
        make(f"strategy=dp scale=2k seed={seed}", accuracy=value)
        make(f"strategy=real scale=1k seed={seed}", accuracy=value, kept=897)
    shown = csv_of(drawn(hours, make, tmp_path, exclude=("monitor",))[0])
    assert shown["what"].value_counts().to_dict() == {"run": 6, "mean": 2, "ceiling": 1}
    assert shown["unit"].unique().tolist() == ["CPU seconds of one run (without monitor)"]
    assert shown.loc[shown["what"] == "ceiling", "kept"].item() == 897


def test_one_dot_on_a_device_is_no_figure(make, tmp_path):
    make("strategy=static scale=1k", device="NVIDIA H200")
    make("strategy=static scale=2k")
    assert drawn(hours, make, tmp_path) == []
