"""Printed numbers: typed, each with its source, a fresh copy each time."""

from results import published


def test_published_numbers_are_typed_and_sourced():
    paper = published.table1()
    assert len(paper) == 10 and paper["images"].dtype == "Int64" and paper["source"].str.contains("Table 1").all()
    curve = published.scaling("imagenet100")
    assert curve.loc[
        curve["images"] == 640_000, ["in_val", "patience" if "patience" in curve else "initial_patience"]
    ].values.tolist() == [[67.80, 4]]
    assert (
        published.scaling("imagenet1k").loc[6, ["branch_out_epoch", "printed_in_sketch"]].isna().all()
        and published.scaling("digits") is None
    )
    assert len(published.ablations()) == 6 and published.teachers()["in_val"].max() == 59.24
    for frame in (paper, curve, published.scaling("imagenet1k"), published.ablations(), published.teachers()):
        assert frame["source"].str.contains("2502.15588").all()
    paper.loc[0, "images"] = 1
    assert published.table1()["images"].iloc[0] == 130_000  # a fresh copy each time
