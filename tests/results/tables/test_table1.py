"""Table 1, teachers, and what papers printed: set apart, never in a mean."""

import pandas as pd
import pytest

from results import published
from results.analysis.comparisons import groups
from results.reading.runs import load
from results.tables import overview, render
from results.tables.accuracy import comparison
from results.tables.table1 import tables
from results.tables.teachers import tables as teachers

IMAGENET = "preset=paper/imagenet100-640k train.seen=102400000"
SHIFTED = {"imagenet-r": 0.6, "imagenet-v2": 0.5, "train_heldout": 0.7, "imagenet-a": 0.2}


def lines(table):
    return [dict(zip(table.columns, row)) for row in table.rows]


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


def test_a_line_per_arm_at_the_scale_most_have_whole(make):
    for seed in range(3):
        for scale in ("1k", "2k"):
            make(f"strategy=static scale={scale} seed={seed}", accuracy=0.90 + seed / 100)
            make(f"strategy=dp scale={scale} seed={seed}", accuracy=0.92, summary={"images_generated": 2000})
        make(f"strategy=dp dp.omega=0.2 scale=1k seed={seed}", accuracy=0.5)
        make(f"strategy=real scale=897 seed={seed}", accuracy=0.96)
    make("strategy=static scale=4k", accuracy=0.99)
    make("strategy=dp scale=8k", accuracy=0.99)
    (table,) = tables(load(make.root))
    assert (
        [line["method"] for line in lines(table)] == ["`static`", "`dp`", "`real`"]
        and "source" not in table.columns
        and not table.parts
    )
    static, dp, real = lines(table)
    assert (static["kept"], dp["kept"], real["kept"]) == ("2,000", "2,000", "897")
    assert (
        static["test"].startswith("91.0 [88.5, 93.5")
        and static["n"] == "3"
        and dp["test"] == dp["blur"] == "92.0 [92.0, 92.0]"
    )
    assert (static["train"], static["generate"], static["total"]) == ("7.20", "3.60", "10.80")
    assert (
        "Measured with teacher mixture, learner vit-digits, iterations 500, device cpu." in table.caption
        and "CPU seconds" in table.caption
    )
    assert table.notes == ("Not here, run at one scale only: `dp omega=0.2`.",)


def test_published_lines_stand_below_with_their_source_and_in_no_mean(make):
    for seed in range(3):
        make(
            f"{IMAGENET} seed={seed}",
            accuracy=0.68,
            summary={"shifted": SHIFTED},
            device="NVIDIA H100",
            hours={"guided": 10.0, "train": 20.0},
        )
    (table,) = tables(load(make.root))
    first, *rest = lines(table)
    assert len(rest) == 4 and table.parts[0][0] == 0 and table.parts[1][0] == 1 and "as published" in table.parts[1][1]
    assert (
        first["test"] == "68.0 [68.0, 68.0]"
        and first["source"] == "this suite"
        and (first["guided"], first["total"]) == ("10.00", "30.00")
    )
    assert table.columns[-6:] == ["test", "train_heldout", "imagenet-v2", "imagenet-r", "imagenet-a", "source"]
    dp = next(line for line in rest if line["method"] == "Deliberate Practice")
    assert (
        dp["test"],
        dp["train_heldout"],
        dp["imagenet-a"],
        dp["iterations"],
        dp["kept"],
        dp["generated"],
        dp["n"],
    ) == ("74.3", "75.0", "25.9", "100,000", "1,900,000", "—", "—")
    assert all("2502.15588" in line["source"] for line in rest)
    accuracy = comparison(load(make.root))
    assert "68.0 [68.0, 68.0] n=3" in accuracy.rows[0] and len(accuracy.rows) == 1


def test_parts_are_told_in_every_rendering(make):
    make(IMAGENET, accuracy=0.68, summary={"shifted": SHIFTED})
    (table,) = tables(load(make.root))
    words = "as published: one number each, no interval, in no statistic"
    text, markdown, latex = render.text(table), render.markdown(table), render.latex(table)
    assert f"| *{words}* |" in markdown and rf"\textit{{{words}}}" in latex
    assert text.count(f"\n{words}\n") == text.count("─\n\n") + 1 or text.count(words) > 1  # once in each panel
    assert (
        max(map(len, text.splitlines())) <= 150 and text.count("Deliberate Practice") > 1
    )  # the first column is in every panel


def test_comparisons_of_one_task_are_told_apart_by_their_number(make):
    make("strategy=static scale=1k", accuracy=0.9)
    make("strategy=static scale=1k train.seen=128k", accuracy=0.95)
    (table,) = tables(load(make.root))
    assert [(line["comparison"], line["iterations"]) for line in lines(table)] == [("1", "500"), ("2", "1,000")]


def weights(name, mark):
    return {"places": {"unet.weights": name}, "fingerprints": {"teacher_fingerprint": mark}}


def test_weights_make_comparisons_of_their_own_and_teachers_stand_side_by_side(make):
    for seed in range(2):
        make(f"strategy=static scale=1k seed={seed}", accuracy=0.80)
        make(
            f"strategy=static scale=1k seed={seed} teacher=unet",
            accuracy=0.90,
            opened=weights("", "aa"),
            name=f"small-{seed}",
        )
        make(
            f"strategy=static scale=1k seed={seed} teacher=unet",
            accuracy=0.95,
            opened=weights("big.safetensors", "bb"),
            name=f"big-{seed}",
        )
    make(
        "strategy=static scale=1k seed=2 teacher=unet",
        accuracy=0.95,
        opened=weights("./elsewhere/big.safetensors", "bb"),
        name="big-2",
    )
    frame = load(make.root)
    assert [len(rows) for _, rows in groups(frame)] == [2, 2, 3]
    (table,) = teachers(frame)
    assert table.columns == ["arm", "scale", "mixture", "unet", "unet big.safetensors"]
    assert table.rows == [["`static`", "1k", "—(2/3)", "—(2/3)", "95.0 [95.0, 95.0] n=3"]]
    assert {table.title for table in overview(frame)} == {"Table 1: digits", "Teachers on digits"}


def test_weights_that_go_with_the_split_make_one_comparison(make):
    for seed in range(3):
        make(
            f"strategy=static scale=1k seed={seed} data.split={seed} teacher=unet",
            opened=weights(f"split{seed}.safetensors", str(seed)),
        )
    ((group, rows),) = groups(load(make.root))
    assert len(rows) == 3 and group.split is None and not group.extra


@pytest.mark.parametrize("task", ["imagenet100", "imagenet1k"])
def test_the_papers_scales_are_one_arm(task):
    """N, P and T_max are chosen anew at every scale: that is the plan of ``dp``, not another arm."""
    from dp_common.config.resolve import resolve
    from results.analysis.arms import arms

    rows = []
    for row in published.scaling(task).query("strategy == 'dp'").to_dict("records"):
        total = row["initial"] + row["rounds"] * row["per_round"]
        for omega in ("0.05", "0"):
            values = resolve([f"preset=paper/{task}-{total // 1000}k", f"dp.omega={omega}"]).values
            rows.append({"task": task, "strategy": "dp", "scale": values["scale"], "values": values})
    found = arms(pd.DataFrame(rows))
    assert found.nunique() == 2 and not found.str.contains("initial|per_round|interval").any()
