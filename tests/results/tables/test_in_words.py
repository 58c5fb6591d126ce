"""The answer in sentences and as a table: pooled over scales, in both worlds, decided or not."""

from math import log

import pytest

from results import load
from results.analysis.disturbance import is_disturbed
from results.analysis.equal_price import at_equal_price
from results.tables import in_words, pooled
from tests.results.tables.shown import texts

SEEDS = 4
ERRORS = {"1k": 0.2, "2k": 0.1}  # of static


def world(make, arms, seeds=SEEDS, population=True, hours=None):
    """Runs whose arms have ``factor`` times the errors of static, on test and in the teacher's world."""
    for words, factor in arms.items():
        for step, (scale, error) in enumerate(ERRORS.items()):
            for seed in range(seeds):
                wrong = factor * error * (1 + 0.05 * (seed % 2))
                summary = {"population": 1 - wrong, "population_images": 20000} if population else {}
                spent = {"generate": (hours or {}).get(words, 1.0) * (1 + step), "train": 1.0}
                make(f"strategy={words} scale={scale} seed={seed}", accuracy=1 - wrong, summary=summary, hours=spent)
    return load(make.root).single()


def test_the_first_sentence_has_both_worlds_and_the_control_follows(make):
    one = world(make, {"static": 1.0, "dp": 0.5, "dp dp.omega=0": 1.0})
    first, control, growing = in_words.sentences(one)
    assert first.startswith("`dp` beats `static`, over 2 scales (1k to 2k), 4 seeds: on 200 real test images by ")
    assert first.count("50 % fewer errors") == 2 and "; in the teacher's world by 7.69 points [" in first
    assert control.startswith("`dp` beats `dp omega=0` (growing without guidance, its control)")
    assert growing.startswith("`dp omega=0` and `static` make as many errors, within a tenth, over 2 scales (1k to 2k)")
    assert growing.count("errors ×1.00 [1.00, 1.00]") == 2


def test_undecided_is_not_equal_and_equal_is_not_undecided(make):
    """Four seeds of +20 and -20 % in the teacher's world, and of the same images on test."""
    for seed in range(4):
        for strategy, factor in (("static", 1.0), ("dp", 1.2 if seed % 2 else 0.8)):
            drawn = {"population": 1 - 0.1 * factor, "population_images": 20000}
            make(f"strategy={strategy} scale=1k seed={seed}", accuracy=0.9, summary=drawn)
    (told,) = in_words.sentences(load(make.root).single())
    real, drawn = told.split(": ", 1)[1].split("; ")
    assert told.startswith(
        "`dp` against `static`, at 1k images, 4 seeds: equal within a tenth on 200 real test images +0.00"
    )
    assert drawn.startswith("undecided in the teacher's world") and drawn.endswith("errors ×0.98 [0.68, 1.42].")


def test_what_is_worse_is_said_and_what_is_undecided_has_no_word_for_its_size(make):
    one = world(make, {"static": 1.0, "dp": 1.5}, population=False)
    (first,) = in_words.sentences(one)
    assert (
        first.startswith("`dp` is behind `static`")
        and "by 7.75 points [" in first
        and first.endswith("50 % more errors.")
    )
    assert "teacher" not in first


def test_below_four_seeds_nothing_is_decided_and_no_interval_is_shown(make):
    (first,) = in_words.sentences(world(make, {"static": 1.0, "dp": 0.5}, seeds=3))
    assert first.startswith("Undecided whether `dp` beats `static`, over 2 scales (1k to 2k), 3 seeds, too few for an")
    assert "[" not in first


def test_without_static_or_a_pair_there_is_no_sentence(make):
    make("strategy=dp scale=1k")
    assert in_words.sentences(load(make.root).single()) == []
    make("strategy=static scale=2k")
    assert in_words.sentences(load(make.root).single()) == []


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (0.9, "10 % fewer errors"),
        (0.667, "33 % fewer errors"),
        (0.7, "30 % fewer errors"),
        (2.5, "150 % more errors"),
        (0.985, "1.5 % fewer errors"),
        (1.04, "4 % more errors"),
    ],
)
def test_a_log_error_ratio_in_words(factor, words):
    assert in_words.in_words(-log(factor)) == words


def test_the_table_has_a_row_per_contrast_and_says_what_is_decided(make):
    one = world(make, {"static": 1.0, "dp": 0.5, "dp dp.omega=0": 1.0, "prune": 0.5})
    (table,) = pooled.tables(one)
    rows = texts(table)
    assert list(rows)[:3] == ["dp − static", "dp − dp omega=0", "dp omega=0 − static"]
    assert rows["dp − static"]["teacher's world: errors"].startswith("×0.50 [")
    assert rows["dp − static"]["teacher's world: errors"].endswith("] fewer")
    assert rows["dp omega=0 − static"]["test: errors"].startswith("×1.00")
    assert "scales" not in table.columns and "Mean over 2 scales (1k to 2k)." in table.caption


def test_at_equal_price_an_arm_that_costs_twice_as_much_has_to_be_better(make):
    """Errors fall as 1/price: at twice the price per image, half the errors is what the other gets for that money."""
    one = world(make, {"static": 1.0, "dp": 0.5}, hours={"static": 1.0, "dp": 1.0})
    found = at_equal_price(one, "dp", "static", "population")
    assert found.estimate.mean == pytest.approx(log(2), abs=1e-3) and len(found.prices) == 3
    (text,) = in_words.price_sentences(one)
    assert text.startswith("At equal price (2 to 3 CPU hours; 4 seeds), `dp` beats `static`")


def test_curves_that_share_no_price_are_not_compared(make):
    one = world(make, {"static": 1.0, "dp": 0.5}, hours={"static": 1.0, "dp": 10.0})
    assert at_equal_price(one, "dp", "static", "population") is None and in_words.price_sentences(one) == []


def test_hours_that_other_work_touched_say_nothing(make):
    for seed in range(4):
        for scale in ("1k", "2k"):
            for strategy in ("static", "dp"):
                spent = {"train": 1.0 + seed, "generate": 1.0}
                make(f"strategy={strategy} scale={scale} seed={seed}", accuracy=0.8 + 0.01 * seed, hours=spent)
    one = load(make.root).single()
    assert is_disturbed(one) and in_words.price_sentences(one) == []


def test_equal_work_at_equal_time_is_undisturbed_whatever_the_machine(make):
    for seed in range(4):
        for device, spent in (("cpu", 1.0), ("NVIDIA H200", 0.1)):
            words = "static" if device == "cpu" else "dp"
            make(f"strategy={words} scale=1k seed={seed}", device=device, hours={"train": spent, "generate": seed})
    assert not is_disturbed(load(make.root).single())
