"""Images: the same latents in a column, classes by name, pixels as they are."""

import numpy as np
import pytest

from dp_common.errors import BadInput
from dp_common.training_data import shards
from results.figures import images
from tests.results.figures.histories import csv_of, drawn, grown


def test_images_in_a_column_are_the_same_latent_and_the_same_learner(make, tmp_path):
    for omega in (0, 0.05, 0.1):
        grown(make(f"strategy=dp dp.omega={omega} scale=32"), omega=omega)
    grown(make("strategy=dp dp.omega=0.2 scale=32"), omega=0.2, seen=2000)  # its learner was another one
    made = {figure.name: figure for figure in drawn(images, make, tmp_path)}
    cells = csv_of(made["images-omega"])
    assert cells["row_name"].unique().tolist() == ["ω = 0", "ω = 0.05", "ω = 0.1"]
    assert (cells.groupby("column")[["index", "label"]].nunique() == 1).all(axis=None) and set(cells["round"]) == {1}
    assert np.allclose(cells.groupby("row")["omega"].first(), [0, 0.05, 0.1])
    assert csv_of(made["images-rounds"])["round"].unique().tolist() == [0, 1, 2, 3]
    sets = csv_of(made["images-sets"])
    assert set(sets.loc[sets["block"] == "initial set", "round"]) == {0} and set(
        sets.loc[sets["block"] == "final set", "round"]
    ) == {0, 1, 2, 3}


def test_classes_are_chosen_by_name_and_missing_shards_leave_the_figure_out(make, tmp_path):
    folder = grown(make("strategy=dp scale=32"))
    assert {"b"} == {
        name for figure in drawn(images, make, tmp_path, classes=("b",)) for name in csv_of(figure)["class_name"]
    }
    with pytest.raises(BadInput, match="classes=c: one of a, b"):
        drawn(images, make, tmp_path, classes=("c",))
    (folder / "shard-2.parquet").unlink()
    assert [figure.name for figure in drawn(images, make, tmp_path)] == ["images-rounds"]


def test_pixels_are_enlarged_without_smoothing():
    pixels = np.arange(16, dtype=np.uint8).reshape(1, 4, 4) * 16
    shown = images.decoded(shards.encode(pixels), side=64)
    assert (
        shown.shape == (64, 64, 3)
        and (shown[::16, ::16, 0] == pixels[0]).all()
        and (shown[15::16, 15::16, 2] == pixels[0]).all()
    )


def test_images_of_two_numbers_are_not_shown(make, tmp_path, monkeypatch):
    grown(make("strategy=dp scale=32"))
    assert drawn(images, make, tmp_path)
    monkeypatch.setattr(images, "FEWEST_PIXELS", 17)  # of 4 x 4 there are 16
    assert drawn(images, make, tmp_path) == []
