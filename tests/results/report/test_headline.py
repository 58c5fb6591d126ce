"""What the first sentences say of which numbers."""

from math import nan

from results.analysis.cost_to_target import Speedup
from results.report import headline
from tests.results.report.pages import sentences


def said(**found):
    usual = {
        "n": 5,
        "factor": 3.1,
        "low": 2.4,
        "high": 4.0,
        "censored": 0,
        "never": 0,
        "baseline_never": 0,
        "unfinished": 0,
    }
    return headline.sentence(
        "dp", "static", "`static`'s best accuracy (94.0 %)", Speedup(**usual | found), "images generated"
    )


def test_a_speedup_in_words():
    assert (
        said() == "`dp` reaches `static`'s best accuracy (94.0 %) with 3.1× [2.4, 4.0] fewer images generated (n = 5)."
    )
    assert (
        said(factor=0.5, low=0.25, high=0.8)
        == "`dp` needs 2.0× [1.2, 4.0] more images generated than `static` to reach `static`'s best accuracy (94.0 %) "
        "(n = 5)."
    )
    assert said(low=0.9).startswith(
        "Undecided at n = 5 whether"
    ) and "3.1× [0.9, 4.0] fewer, an interval that contains 1" in said(low=0.9)
    assert said(n=0, factor=nan, low=nan, high=nan, censored=5, never=5, baseline_never=2) == (
        "`dp` does not reach `static`'s best accuracy (94.0 %) at any scale, in any of 5 seeds."
    )
    few = said(n=2, factor=1.8, low=nan, high=nan, censored=3, never=1, baseline_never=3)
    assert few == (
        "Undecided: `static`'s best accuracy (94.0 %) costs `static` 1.8× the images generated that it costs `dp`, "
        "read in 2 pairs of seeds; too few for an interval; 3 censored: `dp` never there in 1, `static` never there "
        "in 3."
    )
    assert said(n=0, factor=nan, low=nan, high=nan, censored=5, never=2, baseline_never=3).startswith(
        "Undecided: no pair of seeds of `dp` and `static`"
    )
    assert said(n=4, censored=2, never=2).startswith("In 4 of 6 seeds `dp` reaches")
    assert "(n = 4; 1 still to finish; 1 censored: there at the smallest scale already)" in said(
        n=4, censored=1, unfinished=1
    )


def test_the_headline_follows_the_numbers(study):
    first, rest = sentences(study)
    assert first == (
        "`dp` beats `static`, over 3 scales (500 to 2k), 4 seeds: on 200 real test images by 2.00 points [1.82, 2.18], "
        "11 % fewer errors."
    )
    # dp is one step of three ahead: at 1k it has what static has at 2k, seed by seed
    (images,) = [
        text for text in rest if text.startswith("Images that `static` takes for the errors of `dp` on 200 real")
    ]
    assert "as a factor on `dp`'s: ×2.0 [1.9, 2.1] at 500, " in images
    assert "The highest mean accuracy is `dp`'s at 2k: 86.2 % [85.8, 86.7] (n = 4)." in rest
    assert "Finished are 24 of 24 runs: 2 arms at 3 scales from 500 to 2k, up to 4 seeds." in rest


def test_the_headline_says_so_where_dp_is_worse(make):
    for seed in range(4):
        for step, scale in enumerate(("1k", "2k")):
            make(f"strategy=static scale={scale} seed={seed}", accuracy=0.90 + 0.02 * step)
            make(f"strategy=dp scale={scale} seed={seed}", accuracy=0.85 + 0.02 * step)
    first, rest = sentences(make.root)
    assert first.startswith(
        "`dp` is behind `static`, over 2 scales (1k to 2k), 4 seeds: on 200 real test images by 5.00"
    )
    assert first.endswith("% more errors.")
    (images,) = [
        text for text in rest if text.startswith("Images that `static` takes for the errors of `dp` on 200 real")
    ]
    assert images.endswith("as a factor on `dp`'s: less than ×1 at 1k.")


def test_the_control_and_the_cost_follow_the_answer_and_methods_have_a_section_of_their_own(league_study):
    one = league_study.comparisons[0]
    first, rest = headline.sentences(one, headline.gaps_of(one))
    assert first.startswith("`dp` beats `static`") and rest[0].startswith("`dp` beats `dp omega=0` (growing without")
    assert "`dp omega=0`" in rest[1] and "`static`" in rest[1] and not any(" methods (" in text for text in rest)


def test_the_headline_waits_for_runs(make):
    make("strategy=static scale=1k", state="open")
    assert sentences(make.root)[0] == "Too few runs are finished to compare anything yet."


def test_what_is_not_finished_is_open(make):
    for scale in ("1k", "2k"):
        make(f"strategy=static scale={scale}", accuracy=0.9)
        make(f"strategy=dp scale={scale}", accuracy=0.9, state="done" if scale == "1k" else "open")
        make(f"strategy=prune scale={scale}", accuracy=0.85)
    first, rest = sentences(make.root)
    assert first.startswith("Undecided whether `dp` beats `static`, at 1k images, one seed, too few for an interval: ")
    assert any(text.startswith("Open, since runs are still to finish: what `dp` pays") for text in rest)
