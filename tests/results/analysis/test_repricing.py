"""Hours re-priced at unit costs: by hand, phase by phase; what a file does not know; how it is marked."""

from math import isnan

import pytest

from dp_common.errors import BadInput
from results import load
from results.analysis import repricing
from results.tables.costs import tables as cost_tables
from results.tables.csv import numbers

HEAD = "item,unit,seconds_per_unit,units_per_second,compared_with,ratio,repeats,threads,device\n"
MIXTURE = {
    "sample.plain": 0.001,
    "sample.relative.denoiser.every1": 0.011,
    "sample.relative.denoiser.every5": 0.004,
    "learner.train": 0.01,
    "learner.forward": 0.002,
}
UNET = {
    "unet.plain": 1.0,
    "unet.relative.denoiser.every5": 1.5,
    "unet.learner.train": 0.02,
    "unet.learner.forward": 0.005,
}


@pytest.fixture
def file(tmp_path):
    def build(costs, device="cpu (x86_64)", name="costs.csv"):
        path = tmp_path / name
        path.write_text(
            HEAD + "".join(f"{item},images,{cost},{1 / cost},,,7,1,{device}\n" for item, cost in costs.items())
        )
        return path

    return build


def guided(images=600, steps=4):
    """What a summary counts of a run with 200 plain images and so many guided ones, ``steps`` of 20 steps each."""
    return {
        "additions": [
            {"call": "generate", "images": 200, "omega": 0.0},
            {"call": "generate", "images": images, "omega": 0.05},
        ],
        "images_generated": 200 + images,
        "network_evaluations": 20 * (200 + images),
        "gradients": steps * images,
        "network_gradients": steps * images,
        "classifier_evaluations": steps * images,
    }


def hours(make, file, summary, words="strategy=dp scale=1k"):
    make(words, summary=summary)
    return repricing.reprice(load(make.root).runs, repricing.load(file)).iloc[0]


def seconds(row):
    return {
        phase: row[f"hours_repriced.{phase}"] * 3600 for phase in ("generate", "guided", "score", "train", "monitor")
    }


def test_every_phase_is_a_count_times_a_cost(make, file):
    row = hours(make, file(MIXTURE), guided())
    assert seconds(row) == pytest.approx({"generate": 0.2, "guided": 2.4, "score": 0, "train": 640, "monitor": 36.9})
    assert row["hours_repriced"] * 3600 == pytest.approx(0.2 + 2.4 + 640 + 36.9)


def test_pruned_candidates_are_made_and_scored(make, file):
    work = {
        "additions": [
            {"call": "generate", "images": 250, "omega": 0.0},
            {"call": "select", "images": 750, "omega": 0.0},
        ],
        "images_generated": 6250,
        "network_evaluations": 125_000,
        "classifier_evaluations": 6000,
    }
    found = seconds(hours(make, file(MIXTURE), work, "strategy=prune scale=1k"))
    assert (found["generate"], found["guided"], found["score"]) == pytest.approx((6.25, 0, 12))


def test_a_frequency_that_was_not_measured_lies_between(make, file):
    assert seconds(hours(make, file(MIXTURE), guided(steps=10)))["guided"] == pytest.approx(600 * (0.001 + 0.5 * 0.010))


def test_the_mixtures_own_images_cost_by_their_steps(make, file):
    work = guided() | {
        "network_evaluations": 50 * 800,
        "gradients": 10 * 600,
        "network_gradients": 6000,
        "classifier_evaluations": 6000,
    }
    found = seconds(hours(make, file(MIXTURE), work, "strategy=dp scale=1k sampler.steps=50"))
    assert (found["generate"], found["guided"]) == pytest.approx((0.5, 6.0))


def test_another_teachers_file_prices_images_as_its_own(make, file):
    row = hours(make, file(UNET), guided())
    assert seconds(row) == pytest.approx({"generate": 200, "guided": 900, "score": 0, "train": 1280, "monitor": 92.25})


def test_what_the_file_does_not_know_is_told_and_not_guessed(make, file):
    path = file(UNET)
    make("strategy=static scale=1k")
    row = hours(make, path, guided(steps=10))
    assert isnan(row["hours_repriced"]) and row["repriced_why"] == "costs.csv has no item unet.relative.denoiser.every2"
    (table,) = cost_tables(load(make.root).repriced(repricing.load(path)).single())
    assert "Not re-priced, 1 run(s): costs.csv has no item unet.relative.denoiser.every2." in table.notes
    cells = {row[0].text: dict(zip(table.columns, row)) for row in table.rows}
    assert cells["`dp`"]["total"].text == "—" != cells["`static`"]["total"].text


def test_repriced_hours_are_marked_wherever_they_stand(make, file):
    make("strategy=static scale=1k", device="NVIDIA H100")
    make("strategy=dp scale=1k", device="cpu")
    study = load(make.root).repriced(repricing.load(file(UNET, "NVIDIA B200")))
    (table,) = cost_tables(study.single())  # of one device now
    assert table.title == "Costs in GPU hours, given in minutes, re-priced: NVIDIA B200, costs.csv"
    assert "Hours are re-priced, not measured in these runs" in table.caption and "spent" not in table.columns
    assert set(numbers(study)["device"]) == {"re-priced: NVIDIA B200, costs.csv"}
    assert repricing.kind_of("re-priced: cpu (x86_64), a.csv") == repricing.kind_of("cpu") == "CPU hours"


def test_unfinished_runs_have_no_hours(make, file):
    make("strategy=static scale=1k", state="open")
    frame = repricing.priced(load(make.root).runs, repricing.load(file(MIXTURE)))
    assert frame["device"].tolist() == ["cpu"] and frame["gpu_hours.total"].isna().all()


@pytest.mark.parametrize(
    ("costs", "told"),
    [
        ({"loader.block": 0.1}, "costs of plain images and of the learner"),
        ({"unet.plain": 1.0, "learner.train": 1.0}, "costs of plain images and of the learner"),
    ],
)
def test_a_file_without_a_whole_teacher_is_refused(file, costs, told):
    with pytest.raises(BadInput, match=told):
        repricing.load(file(costs))


def test_other_files_are_refused(tmp_path, file):
    with pytest.raises(BadInput, match="no such file"):
        repricing.load(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match="not a file of benchmarks.speed"):
        repricing.load(tmp_path / "other.csv")
    both = file(MIXTURE | {key.replace("unet", "sd"): cost for key, cost in UNET.items()} | UNET)
    assert repricing.load(both).teachers == ("mixture", "sd", "unet")


def test_of_several_teachers_the_runs_own_is_meant(make, file):
    row = hours(make, file(MIXTURE | UNET), guided())
    assert seconds(row)["generate"] == pytest.approx(0.2)
    with pytest.raises(BadInput, match="prices sd, unet; which of them is meant for teacher mixture"):
        repricing.reprice(
            load(make.root).runs,
            repricing.load(file({key.replace("unet", "sd"): cost for key, cost in UNET.items()} | UNET)),
        )


def test_the_packaged_costs_price_the_default_run():
    """Those of suite=teacher, which names the mixture's items otherwise than suite=digits."""
    from benchmarks import unit_costs
    from results.analysis import repricing

    prices = repricing.load(unit_costs.FOLDER / "digits.csv")
    assert prices.teachers == ("mixture",)
    item = repricing.items_of("mixture", prices.seconds)
    assert item["plain"] == "mixture.plain" and item["train"] == "mixture.learner.train"
    assert repricing.items_of("mixture", {"sample.plain": 1.0})["plain"] == "sample.plain"
