"""Table 1, teachers, and what papers printed: set apart, never in a mean."""

from results import load
from results.tables import accuracy, render
from results.tables.table1 import across
from tests.results.tables.shown import lines

IMAGENET = "preset=paper/imagenet100-640k train.seen=102400000"
SHIFTED = {"imagenet-r": 0.6, "imagenet-v2": 0.5, "train_heldout": 0.7, "imagenet-a": 0.2}


def test_a_line_per_arm_at_the_scale_most_have_whole(make):
    for seed in range(4):
        for scale in ("1k", "2k"):
            make(f"strategy=static scale={scale} seed={seed}", accuracy=0.90 + seed / 100)
            make(f"strategy=dp scale={scale} seed={seed}", accuracy=0.92, summary={"images_generated": 2000})
        make(f"strategy=dp dp.omega=0.2 scale=1k seed={seed}", accuracy=0.5)
        make(f"strategy=real scale=897 seed={seed}", accuracy=0.96)
    make("strategy=static scale=4k", accuracy=0.99)
    make("strategy=dp scale=8k", accuracy=0.99)
    (table,) = across(load(make.root))
    assert (
        [line["method"] for line in lines(table)] == ["`static`", "`dp`", "`real`"]
        and "source" not in table.columns
        and not table.parts
    )
    static, dp, real = lines(table)
    assert (static["kept"], dp["kept"], real["kept"]) == ("2,000", "2,000", "897")
    assert (
        static["test"].startswith("91.5 [89.4, 93.6")
        and static["n"] == "4"
        and dp["test"] == dp["blur"] == "92.0 [92.0, 92.0]"
    )
    assert (static["train"], static["generate"], static["total"]) == ("7.20", "3.60", "10.80")
    assert (
        "Measured with teacher mixture, learner cnn-digits, iterations 500, device cpu." in table.caption
        and "CPU seconds" in table.caption
    )
    assert table.notes == ("Not here, ablations at one scale: `dp omega=0.2`.",)


def test_lines_that_differ_in_a_key_are_named_by_it(make):
    for seed in range(2):
        make(f"strategy=static scale=1k seed={seed}")
        make(f"strategy=dp scale=1k seed={seed}")
        make(f"strategy=static scale=1k seed={seed} sampler.temperature=1.5")
        make(f"strategy=static scale=1k seed={seed} train.flip=yes train.lr=0.01")
        make(f"strategy=static scale=1k seed={seed} learner=vit-digits")
    (table,) = across(load(make.root))
    assert sorted((line["method"], line["learner"]) for line in lines(table)) == [
        ("`dp`", "cnn-digits"),
        ("`static sampler.temperature=1.5`", "cnn-digits"),
        ("`static train.flip=true train.lr=0.01`", "cnn-digits"),
        ("`static`", "cnn-digits"),
        ("`static`", "vit-digits"),
    ]


def test_published_lines_stand_below_with_their_source_and_in_no_mean(make):
    for seed in range(4):
        make(
            f"{IMAGENET} seed={seed}",
            accuracy=0.68,
            summary={"shifted": SHIFTED},
            device="NVIDIA H100",
            hours={"guided": 10.0, "train": 20.0},
        )
    (table,) = across(load(make.root))
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
    (table,) = accuracy.tables(load(make.root).single())
    assert "68.0 [68.0, 68.0] n=4" in [cell.text for cell in table.rows[0]] and len(table.rows) == 1


def test_parts_are_in_every_rendering(make):
    make(IMAGENET, accuracy=0.68, summary={"shifted": SHIFTED})
    (table,) = across(load(make.root))
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
    (table,) = across(load(make.root))
    assert [(line["comparison"], line["iterations"]) for line in lines(table)] == [("1", "500"), ("2", "1,000")]
