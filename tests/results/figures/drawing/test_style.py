"""The look of arms."""

import json
import warnings

import pytest

from results.figures.drawing.style import arm_look, name_text, plain_numbers, sheet


def test_arms_look_the_same_whoever_stands_beside_them():
    few, many = (
        arm_look(["static", "dp"]),
        arm_look(["static", "dp", "prune", "dp omega=0", "dp omega=0.1", "prune oversample=16"]),
    )
    assert all(few[arm] == many[arm] for arm in few) and len(set(many.values())) == len(many)
    assert json.dumps(list(many)) == json.dumps(
        ["static", "prune", "prune oversample=16", "dp", "dp omega=0", "dp omega=0.1"]
    )


@pytest.mark.parametrize(
    "name, shown",
    [
        ("cat", "cat"),
        ("$10_bill$", "$10_bill$"),
        ("new\nline\t", "new line"),
        ("x" * 200, "x" * 23 + "…"),
        ("\u202eevil", "evil"),
        ("=1+1", "=1+1"),
        (" ", "(no name)"),
    ],
)
def test_a_name_is_one_short_line(name, shown):
    assert name_text(name) == shown


@pytest.mark.parametrize("name", ["$10_bill$", r"$\frac{1}{", "$_^", "😀 smile", "שלום", "a % b & c # d"])
def test_what_people_call_things_is_drawn_as_it_is(tmp_path, name):
    """$10_bill$ is no formula, and what would be a broken one is no error; no glyph is missed loudly."""
    with sheet() as plt, warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        drawing, axes = plt.subplots()
        written = [axes.set_title(name), axes.text(0, 0, name), axes.set_xlabel(name)]
        axes.set_xticks([0], [name])
        axes.plot([0, 1], [0, 1], label=name)
        axes.legend()
        drawing.savefig(tmp_path / "a.svg")
        assert all(not text.get_parse_math() and text.get_text() == name for text in written)


def test_a_logarithmic_axis_has_numbers_and_no_formulas():
    with sheet() as plt:
        drawing, axes = plt.subplots()
        axes.plot([1, 2], [0.2, 1.0])
        axes.set_yscale("log")
        plain_numbers(drawing)
        drawing.canvas.draw()
        labels = [tick.label1.get_text() for tick in [*axes.yaxis.get_major_ticks(), *axes.yaxis.get_minor_ticks()]]
        plt.close(drawing)
    assert {"1", "0.2"} <= set(labels) and not any("$" in label for label in labels)


def test_forty_arms_have_forty_looks():
    looks = arm_look([f"dp omega={n}" for n in range(40)])
    assert len({(tuple(colour), marker) for colour, marker, _ in looks.values()}) == 40
