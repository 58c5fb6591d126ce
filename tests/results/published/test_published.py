"""Printed numbers: typed, each with its source, a fresh copy each time."""

from results import published


def test_published_numbers_are_typed_and_sourced():
    paper = published.table1()
    own, others = paper[paper["source"].str.contains("2502.15588")], paper[paper["remark"].notna()]
    assert len(own) == 10 and paper["images"].dtype == "Int64" and own["source"].str.contains("Table 1").all()
    assert len(own) + len(others) == len(paper) and others["source"].str.contains("arXiv 2508.10631").all()
    assert others["real_images"].tolist() == [0, 2000, 32000] and others["in_val"].tolist() == [47.67, 52.88, 54.91]
    curve = published.scaling("imagenet100")
    assert curve.loc[
        curve["images"] == 640_000, ["in_val", "patience" if "patience" in curve else "initial_patience"]
    ].values.tolist() == [[67.80, 4]]
    assert (
        published.scaling("imagenet1k").loc[6, ["branch_out_epoch", "printed_in_sketch"]].isna().all()
        and published.scaling("digits") is None
    )
    assert len(published.ablations()) == 6 and published.teachers()["in_val"].max() == 59.24
    for frame in (own, curve, published.scaling("imagenet1k"), published.ablations(), published.teachers()):
        assert frame["source"].str.contains("2502.15588").all()
    paper.loc[0, "images"] = 1
    assert published.table1()["images"].iloc[0] == 130_000  # a fresh copy each time
