"""Hardness and entropy of added batches, aligned at their moments."""

from results.figures import entropy, hardness
from tests.results.figures.histories import csv_of, drawn, grown


def test_hardness_aligns_ends_and_says_what_the_conditional_curve_is(make, tmp_path):
    def probe(addition, at):
        return (
            0.5 if at == addition else 0.1,
            2.0 - 0.5 * addition if at == addition else 0.25,
            None if addition == 0 else 1.0 if at == addition else 0.2,
        )

    for seed, additions in enumerate((3, 2)):  # one seed ended with fewer additions
        grown(
            make(f"strategy=dp scale=1k seed={seed} probe=hardness", summary={"probe_hours": 1 / 3600}),
            additions,
            probe=probe,
        )
    (figure,) = drawn(hardness, make, tmp_path)
    shown = csv_of(figure)
    born = shown[shown["included"]]
    assert born.loc[born["curve"] == "error", "mean"].tolist() == [50, 50, 50] and set(
        born.loc[born["curve"] == "error_missed", "mean"]
    ) == {100}
    assert shown.loc[
        (shown["at"] == "end") & (shown["curve"] == "error"), ["addition", "n", "mean"]
    ].values.tolist() == [[1, 2, 10], [2, 2, 10], [3, 1, 10]]
    assert (
        "100 % at inclusion by construction" in figure.caption
        and "The probe took 1 device seconds a run on average" in figure.caption
    )
    entropies = csv_of(drawn(entropy, make, tmp_path)[0])
    birth = entropies[entropies["when"] == "birth"].set_index("addition")["mean"]
    assert birth.loc[[1, 2, 3]].tolist() == [1.5, 1.0, 0.5] and set(
        entropies.loc[entropies["when"] == "end", "mean"]
    ) == {0.25}
