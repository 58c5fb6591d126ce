"""The table of images for equal errors, and its sentence."""

from math import inf, log

import pytest

from results.tables import equal_error
from tests.results.analysis.test_equal_error import comparison_of


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((1.83, 1.41, 2.18, 0.25, 16), "×1.8 [1.4, 2.2]"),
        ((11.7, 3.83, inf, 0.25, 16), "×12 [3.8, …]"),
        ((0.9, 0.0, 1.04, 0.25, 16), "×0.90 […, 1.0]"),
        ((inf, 16.0, inf, 0.25, 16), "more than ×16"),
        ((inf, 8.0, inf, 0.25, 16), "at least ×8.0"),
        ((0.0, 0.0, 0.25, 0.25, 16), "less than ×0.25"),
        ((0.0, 0.0, 1.5, 0.25, 16), "at most ×1.5"),
        ((inf, 0.0, inf, 0.25, 16), "—"),
        ((inf, 0.94, inf), "at least ×0.94"),
    ],
)
def test_factors_in_words(numbers, text):
    assert equal_error.factor_text(*numbers) == text


def test_a_row_per_arm_and_scale_and_a_sentence_per_world(tmp_path):
    comparison = comparison_of(tmp_path, lambda scale: {500: log(0.3 / 0.24), 1000: 3.0}[scale], scales=(500, 1000))
    (table,) = equal_error.tables(comparison)
    assert table.columns == ["arm", "scale", "teacher's world: images", "test: images", "n"]  # hours say nothing here
    assert [(row[0].text, row[1].text) for row in table.rows] == [("`dp`", "500"), ("`dp`", "1k")]
    assert table.rows[0][2].value == pytest.approx(2, rel=0.02) and table.rows[0][3].value == pytest.approx(2, rel=0.1)
    assert table.rows[1][2].text == "more than ×4" and any("decided at 5 %" in note for note in table.notes)
    real, drawn = equal_error.sentences(comparison, "dp")
    assert real.startswith(
        "Images that `static` takes for the errors of `dp` on 200 real test images, as a factor on `dp`"
    )
    assert "'s: ×2" in real
    assert drawn.endswith("at 500, more than ×4 at 1k.") and "in the teacher's world" in drawn
