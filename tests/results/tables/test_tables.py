"""Cells, groups, captions, renderings and the command."""

import re

import pandas as pd
import pytest
from scipy import stats as scipy_stats

from benchmarks import table as command
from benchmarks.cli import guarded, parse, seeds_text
from dp_common.errors import BadInput, Problem
from results.analysis.comparisons import groups, one_group
from results.figures.accuracy import points
from results.reading.runs import load
from results.tables import all_tables, render
from results.tables.accuracy import comparison, cost_tables, versus
from results.tables.csv import by_cell, tidy
from results.tables.table import Table


def rows_of(table):
    return {row[0].strip("`"): dict(zip(table.columns[1:], row[1:])) for row in table.rows}


def some(make, words, accuracies, **changes):
    for seed, accuracy in enumerate(accuracies):
        make(f"{words} seed={seed}", accuracy=accuracy, **changes)


def test_a_cell_is_mean_interval_and_n(make):
    values = [0.90, 0.92, 0.94]
    some(make, "strategy=static scale=1k", values)
    low, high = scipy_stats.t.interval(0.95, 2, loc=0.92, scale=scipy_stats.sem(values))
    assert rows_of(comparison(load(make.root)))["static"]["1k"] == f"92.0 [{100 * low:.1f}, {100 * high:.1f}] n=3"


def test_missing_runs_hide_the_mean_and_empty_cells_are_dashes(make):
    some(make, "strategy=static scale=1k", [0.9] * 5)
    some(make, "strategy=dp scale=1k", [0.9] * 2)
    make("strategy=dp scale=1k seed=4", state="interrupted")
    some(make, "strategy=static scale=2k", [0.9] * 5)
    table = comparison(load(make.root))
    assert rows_of(table)["dp"] == {"1k": "—(2/5)", "2k": "—"}
    assert any(note.startswith("—(2/5): 2 of 5 seeds") for note in table.notes)
    assert "Not finished: 1 interrupted." in table.notes
    whole = tidy(load(make.root)).set_index(["arm", "scale"]).loc[("dp", 1000)]
    assert (whole["n"], whole["expected"], whole["complete"], whole["accuracy_mean_percent"]) == (2, 5, False, 90)


def test_short_runs_are_counted_beside_the_cell(make):
    some(make, "strategy=dp scale=1k", [0.9, 0.9, 0.9, 0.9])
    make("strategy=dp scale=1k seed=4", accuracy=0.5, kept=700)
    some(make, "strategy=static scale=1k", [0.8] * 5)
    some(make, "strategy=prune scale=1k", [0.8] * 5, kept=900)
    frame = load(make.root)
    rows = rows_of(comparison(frame))
    assert rows["dp"]["1k"] == "90.0 [90.0, 90.0] n=4 (+1 short)"
    assert rows["prune"]["1k"] == "— (5 short)"
    assert rows_of(versus(frame)[0])["dp"]["1k"].startswith("+10.00 [+10.00, +10.00] n=4 (+1 short)")
    dots = points(frame, "images_generated")
    assert sorted(dots.loc[(dots["what"] == "run") & (dots["arm"] == "dp"), "x"]) == [700, 1000, 1000, 1000, 1000]
    assert dots.loc[(dots["what"] == "mean") & (dots["arm"] == "dp"), "accuracy"].tolist() == [90]


def test_the_ceiling_is_a_line_of_its_own_and_counts_each_seed_once(make):
    for scale in ("500", "1k", "2k"):
        some(make, f"strategy=real scale={scale}", [0.93, 0.95], kept=None if scale == "500" else 897)
        some(make, f"strategy=static scale={scale}", [0.8, 0.9])
    frame = load(make.root)
    table = comparison(frame)
    assert rows_of(table)["real"] == {"500": "94.0 [81.3, 106.7] n=2", "1k": "—", "2k": "—"}
    assert any(
        re.match(r"Ceiling, `real`: 94\.0 \[81\.3, 106\.7\] n=2, trained on 897 real images", note)
        for note in table.notes
    )
    lines = tidy(frame)
    assert lines.loc[(lines["arm"] == "real") & lines["scale"].isna(), ["n", "images_kept"]].values.tolist() == [
        [2, 897]
    ]


def test_differences_pair_equal_seeds_and_leave_the_rest_out(make):
    for seed, accuracy in {0: 0.80, 1: 0.82, 2: 0.84}.items():
        make(f"strategy=static scale=1k seed={seed}", accuracy=accuracy)
    for seed, accuracy in {1: 0.86, 2: 0.90, 3: 0.5}.items():
        make(f"strategy=dp scale=1k seed={seed}", accuracy=accuracy)
    frame = load(make.root)
    assert rows_of(versus(frame)[0])["dp"]["1k"] == "—(2/4)"
    both = frame[frame["seed"].isin([1, 2])]
    low, high = scipy_stats.t.interval(0.95, 1, loc=5, scale=scipy_stats.sem([4, 6]))
    assert rows_of(versus(both)[0])["dp"]["1k"] == f"+5.00 [{low:+.2f}, {high:+.2f}] n=2"
    found = tidy(both).set_index("arm").loc["dp"]
    assert found["minus_static_verdict"] == "undecided" and found["minus_static_bootstrap_low_points"] > 0


def test_a_verdict_is_drawn_where_both_intervals_agree_and_not_without_correctness(make):
    some(make, "strategy=static scale=1k", [0.80, 0.81, 0.80])
    some(make, "strategy=dp scale=1k", [0.90, 0.91, 0.91])
    some(make, "strategy=prune scale=1k", [0.90, 0.91, 0.91], flags=False)
    table = versus(load(make.root))[0]
    assert rows_of(table)["dp"]["1k"].endswith("n=3 ↑") and rows_of(table)["prune"]["1k"].endswith("n=3")
    assert "No verdict for 3 pair(s) without per-image correctness (correct.parquet)." in table.notes


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("train.seen=32k", "train.seen"),
        ("data.monitor=paper", "data.monitor"),
        ("learner=vit-digits-deep", "learner"),
        ("sampler.steps=50", "sampler.steps"),
        ("data.split=1", "data.split"),
    ],
)
def test_comparisons_do_not_mix(make, words, key):
    some(make, "strategy=static scale=1k", [0.8, 0.9])
    some(make, f"strategy=static scale=1k {words}", [0.8, 0.9])
    frame = load(make.root)
    for refuse in (comparison, versus, cost_tables, one_group, lambda frame: points(frame, "hours")):
        with pytest.raises(BadInput, match=f"^{re.escape(key)}=.*: one comparison has one value of it"):
            refuse(frame)
    found = all_tables(frame)
    assert len(found) == 2 and len({group.title for group, _ in found}) == len({group.slug for group, _ in found}) == 2
    assert all(rows_of(tables[0])["static"]["1k"].endswith("n=2") for _, tables in found)
    assert len({tables[0].caption for _, tables in found}) == 2


def test_a_budget_raised_to_the_scale_is_a_comparison_of_its_own(make):
    for scale in ("64k", "128k"):
        make(f"strategy=static scale={scale}")
    assert [group.core["train.seen"] for group, _ in groups(load(make.root))] == [64_000, 128_000]


def test_splits_are_pooled_only_where_every_seed_has_its_own(make):
    for seed in range(3):
        make(f"strategy=static scale=1k seed={seed} data.split={seed}")
        make(f"strategy=dp scale=1k seed={seed} data.split={seed}")
    group, rows = one_group(load(make.root))
    assert group.split is None and len(rows) == 6 and "every seed with its own data.split" in comparison(rows).caption
    make("strategy=static scale=1k seed=1 data.split=0")
    assert [group.split for group, _ in groups(load(make.root))] == [0, 1, 2]


def test_what_a_run_writes_down_does_not_make_another_replicate(make):
    make("strategy=static scale=1k")
    make("strategy=static scale=1k evaluate=curve")
    assert len(one_group(load(make.root))[1]) == 1
    make("strategy=static scale=1k", name="same-values-other-code")
    with pytest.raises(Problem, match="same specification but other code"):
        groups(load(make.root))


def test_costs_are_by_device_and_readable(make):
    some(make, "strategy=static scale=1k", [0.9, 0.9], hours={"generate": 0.001, "train": 0.004, "monitor": 0.001})
    some(make, "strategy=dp scale=1k", [0.9, 0.9], hours={"guided": 3.0, "train": 1.0}, device="NVIDIA H200")
    make("strategy=dp scale=2k", device="mixed")
    frame = load(make.root)
    by_title = {table.title: table for table in cost_tables(frame, exclude=("monitor",))}
    assert list(by_title) == [
        "Costs in GPU hours, device NVIDIA H200",
        "Costs in CPU hours, given in seconds, device cpu",
        "Costs in GPU hours, device mixed",
    ]
    cpu = rows_of(by_title["Costs in CPU hours, given in seconds, device cpu"])["static"]
    assert (cpu["generate"], cpu["score"], cpu["monitor"], cpu["total"], cpu["spent"]) == (
        "3.60",
        "0",
        "3.60",
        "18.00",
        "21.60",
    )
    assert (
        "total = generate + guided + score + train;"
        in by_title["Costs in CPU hours, given in seconds, device cpu"].caption
    )
    assert rows_of(by_title["Costs in GPU hours, device NVIDIA H200"])["dp"]["total"] == "4.00"
    assert {
        rows_of(by_title["Costs in GPU hours, device mixed"])["dp"][phase] for phase in ("train", "total", "spent")
    } == {"—"}
    with pytest.raises(BadInput, match="exclude=monitr.*Did you mean monitor"):
        cost_tables(frame, exclude=("monitr",))


def test_captions_say_what_the_numbers_are(make):
    some(make, "strategy=static scale=1k data.monitor=paper train.lr=0.01", [0.8, 0.9])
    caption = comparison(load(make.root)).caption
    for words in (
        "the test set (200 real images)",
        "95 % t-interval over seeds",
        "64,000 images seen",
        "the test set itself (data.monitor=paper)",
        "Further keys: train.lr=0.01",
    ):
        assert words in caption


def test_a_comparison_without_finished_runs_says_so(make, tmp_path, capsys):
    make("strategy=dp scale=1k", state="open")
    command.main([str(make.root), f"out={tmp_path / 'out'}"])
    assert "No run of it is finished yet" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "cells.csv",
        "table.csv",
        "table.md",
        "table.tex",
    ]
    assert pd.read_csv(tmp_path / "out" / "table.csv")[["n", "expected"]].values.tolist() == [[0, 1]]


def test_latex_is_escaped():
    assert render.escape("50 % of a_b & {#1} ~ ^ $ \\") == (
        r"50 \% of a\_b \& \{\#1\} \textasciitilde{} \textasciicircum{} \$ \textbackslash{}"
    )
    assert render.escape("`dp per_round=3` —(2/5) × -0.10 [-1.00, +1.00] ↑ t-interval") == (
        r"\texttt{dp per\_round=3} ---(2/5) $\times$ $-$0.10 [$-$1.00, +1.00] $\uparrow$ t-interval"
    )


def test_renderings_have_the_same_cells(make):
    some(make, "strategy=dp scale=1k", [0.8, 0.9])
    table = comparison(load(make.root))
    cell = rows_of(table)["dp"]["1k"]
    assert f"dp   {cell}" in render.text(table) and f"| `dp` | {cell} |" in render.markdown(table)
    assert rf"\texttt{{dp}} & {cell} \\" in render.latex(table) and render.latex(table).count(r"\toprule") == 1
    assert "±" not in render.text(table) + render.markdown(table)


def test_the_same_runs_give_the_same_bytes(make, tmp_path, capsys):
    for scale in ("1k", "2k"):
        some(make, f"strategy=static scale={scale}", [0.8, 0.82])
        some(make, f"strategy=dp scale={scale}", [0.9, 0.85])
        some(make, f"strategy=real scale={scale}", [0.95, 0.96], kept=897)
    for out in ("one", "two"):
        command.main([str(make.root), f"out={tmp_path / out}"])
    capsys.readouterr()
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / out).iterdir()} for out in ("one", "two"))
    assert first == second and {name.rpartition(".")[2] for name in first} == {"md", "tex", "csv", "svg", "png"}
    assert {"table.md", "table.tex", "table.csv", "cells.csv"} < set(first) and b"dc:date" not in b"".join(
        first.values()
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{root}", "figurs=no"], "figurs=no: no such key. Did you mean figures?"),
        (["{root}", "figures=maybe"], "figures=maybe: yes or no"),
        (["{root}", "root=b"], "root=b: given twice"),
        (["{root}/nowhere"], "no such folder"),
        (["{root}/.."], None),
        (["{empty}"], "holds no runs"),
        (["{root}", "seeds=x"], "seed=x: all, or numbers"),
        (["{root}", "seeds=7"], "no run under"),
        (["{root}", "on=blurr"], "on=blurr: one of test, monitor, blur. Did you mean blur?"),
        (["{root}", "exclude=monitr"], "Did you mean monitor?"),
        (["{root}", "tables=scale,reech"], "tables=reech: all, or some of table1, scale, versus"),
        (["{root}", "target=much"], "target=much: auto, or percent correct"),
        (["{root}", "target=0.93"], "target=0.93: auto, or percent correct"),
        (["{root}", "prices={root}/none.csv"], "no such file; python -m benchmarks.speed"),
        (["{root}", "prices=results/measured/speed/cpu.csv"], "is now prices=cpu"),
        (["--fast"], "--fast: no such key."),
    ],
)
def test_bad_input_is_one_line_and_exit_2(make, tmp_path, capsys, words, told):
    make("strategy=static scale=1k")
    (tmp_path / "empty").mkdir()
    words = [word.format(root=make.root, empty=tmp_path / "empty") for word in words] + ["out=" + str(tmp_path / "out")]
    with pytest.raises(SystemExit) as exit_:
        guarded(command.main, words + ([] if any("figur" in word for word in words) else ["figures=no"]))
    errors = capsys.readouterr().err
    if told is None:
        assert exit_.value.code == 0
    else:
        assert exit_.value.code == 2 and told in errors and errors.count("\n") == 1


def test_seeds_choose_what_is_expected(make, capsys, tmp_path):
    some(make, "strategy=static scale=1k", [0.9] * 4)
    some(make, "strategy=dp scale=1k", [0.9] * 2)
    command.main([str(make.root), "seeds=0..1", "figures=no", f"out={tmp_path / 'out'}"])
    assert "dp      90.0 [90.0, 90.0] n=2" in capsys.readouterr().out
    options = parse(["seeds=0..2,7"], command.Options)
    assert options.seed == (0, 1, 2, 7) and seeds_text(options.seed) == "0..2,7"
    assert parse(["seed=all"], command.Options).seed == ()


def test_a_scale_expects_the_seeds_that_any_arm_has_there(make):
    for scale, seeds in (("1k", 5), ("64k", 2)):
        some(make, f"strategy=static scale={scale}", [0.9] * seeds)
        some(make, f"strategy=dp scale={scale}", [0.9] * (seeds - 1))
    rows = rows_of(comparison(load(make.root)))
    assert rows["static"] == {"1k": "90.0 [90.0, 90.0] n=5", "64k": "90.0 [90.0, 90.0] n=2"}
    assert rows["dp"] == {"1k": "—(4/5)", "64k": "—(1/2)"}


def test_the_command_makes_the_tables_asked_for_and_a_csv_of_their_cells(make, tmp_path, capsys):
    for scale, accuracy in (("1k", 0.8), ("2k", 0.9)):
        some(make, f"strategy=static scale={scale}", [accuracy, accuracy + 0.02])
    prices = tmp_path / "costs.csv"
    prices.write_text(
        "item,seconds_per_unit,device\n"
        + "".join(f"{item},1.0,cpu\n" for item in ("sample.plain", "learner.train", "learner.forward"))
    )
    out = tmp_path / "out"
    command.main([str(make.root), "tables=reach,costs", "target=85,89", f"prices={prices}", "figures=no", f"out={out}"])
    told = capsys.readouterr().out
    assert (
        "Cost of 85.0 % on test" in told
        and "Cost of 89.0 % on test" in told
        and "Costs in CPU hours, re-priced: cpu, costs.csv" in told
    )
    assert "Table 1" not in told and "Accuracy on test" not in told
    cells = pd.read_csv(out / "cells.csv").set_index(["table", "name", "column"]).sort_index()
    assert cells.loc[("Costs in CPU hours, re-priced: cpu, costs.csv", "static", "train"), "value"].tolist() == [
        17.78,
        17.78,
    ]
    assert cells.loc[("Cost of 85.0 % on test", "static", "images kept"), "n"].tolist() == [2]


def test_cells_are_read_as_they_are_shown():
    named = [
        (
            "a comparison",
            [
                Table(
                    "Title",
                    "",
                    ["arm", "x"],
                    [
                        ["`dp`", "1,820 [1,500, 2,210] n=5 (+1 never)"],
                        ["b", "-0.50 [-1.00, +0.10] n=3 ↑"],
                        ["c", "—(2/5)"],
                    ],
                    "ll",
                    (),
                    ((1, "below"),),
                )
            ],
        )
    ]
    first, second, third = by_cell(named).to_dict("records")
    assert (first["value"], first["low"], first["high"], first["n"], first["part"], first["name"]) == (
        1820,
        1500,
        2210,
        5,
        "",
        "dp",
    )
    assert (second["value"], second["low"], second["high"], second["part"]) == (-0.5, -1.0, 0.1, "below")
    assert pd.isna(third["value"]) and third["text"] == "—(2/5)" and third["part"] == "below"
