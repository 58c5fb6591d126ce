"""The page as a whole: it stands on its own, links to what is there, and is the same twice; its application."""

import csv
import re
import shutil
from pathlib import Path

import pytest

from benchmarks import report as application
from dp_common.errors import BadInput
from results import report
from results.analysis.study import Study, load
from tests.results.fabricate import run as make_run
from tests.results.report.pages import Page, composed, figure


def test_the_page_stands_on_its_own(study, written):
    (text, out), found = written, Page(written[0])
    assert len(found.ids) == len(set(found.ids))
    inside = {link[1:] for link in found.links if link.startswith("#")}
    assert inside <= set(found.ids), inside - set(found.ids)
    files = [link for link in found.links if not link.startswith("#")]
    assert files and all((out / link).is_file() for link in files), files
    assert (
        not {"script", "link", "iframe", "object"} & set(found.tags)
        and "http" not in text
        and "@import" not in text
        and "url(http" not in text
    )
    assert str(study) not in text and str(out) not in text and "/home/" not in text
    assert all(found.images) and found.images[:2] == ["One thing", "Another thing"]
    assert found.boxes and set(found.boxes) == {"scroll"}
    assert (
        found.levels[0] == 1
        and found.levels.count(1) == 1
        and all(after <= before + 1 for before, after in zip(found.levels, found.levels[1:]))
    )
    assert "prefers-color-scheme: dark" in text and "@media print" in text
    assert "python -m benchmarks.report ROOT seeds=0..3" in text


def test_tables_are_whole_and_their_csv_has_the_same_cells(written):
    text, out = written
    assert '<b>84.2</b> <span class="interval">[83.8,\u00a084.7] n=4</span>' in text  # static at 2k
    with open(out / "tables" / "c1-tables-accuracy-on-test.csv", newline="") as file:
        assert list(csv.reader(file))[1] == [
            "static",
            "80.3 [79.8, 80.7] n=4",
            "82.2 [81.8, 82.7] n=4",
            "84.2 [83.8, 84.7] n=4",
        ]
    with open(out / "tables" / "across-table-1-digits.csv", newline="") as file:
        assert list(csv.reader(file)) == [
            ["part", "method", "test"],
            ["measured here", "dp", "90.1 [89.0, 91.2] n=5"],
            ["as published", "paper", "68.0"],
        ]
    assert (
        text.index("measured here") < text.index("as published")
        and '<tr class="part"><th colspan="2" scope="rowgroup">' in text
    )


def test_repriced_tables_say_so(study, tmp_path):
    from results.analysis import repricing

    rows = [
        "item,seconds_per_unit,device",
        *(
            f"{item},{seconds},H100"
            for item, seconds in (
                ("sample.plain", 0.1),
                ("sample.relative.denoiser.every5", 0.2),
                ("learner.train", 0.01),
                ("learner.forward", 0.001),
            )
        ),
    ]
    (tmp_path / "prices.csv").write_text("\n".join(rows) + "\n")
    loaded = load(study)
    counts = dict.fromkeys(("classifier_evaluations", "gradients", "network_gradients", "monitor_evaluations"), 0)
    runs = loaded.runs.assign(additions=[[]] * 24, network_evaluations=20 * loaded.runs["images_generated"], **counts)
    study, out = Study.of_frame(runs), tmp_path / "out"
    text = report.write(study, tmp_path, out, repricing.load(tmp_path / "prices.csv")).read_text()
    titles = re.findall(r"<h4[^>]*>([^<]*)", text)
    assert any(title.startswith("Costs in") and "re-priced" in title for title in titles)
    assert [title for title in titles if "device cpu" in title] == [
        title for title in titles if title.strip().endswith("as measured")
    ]
    assert text.index("Hours as they were measured") > text.index("re-priced")


def test_claims_stand_with_their_verdicts(make, tmp_path, written):
    text, out = written
    assert "Of 2 verdicts on the paper&#x27;s claims: 1 refuted, 1 undecided." in text
    assert (
        text.count('<article class="claim') == 2
        and '<article class="claim refuted">' in text
        and "✗ refuted" in text
        and "? undecided" in text
    )
    assert "python -m benchmarks.sweep strategy=static,dp scale=1k seed=0..9" in text  # without the root
    assert "−3.00 [−3.50,\u00a0−2.50] n=5 points" in text
    assert "somebody" not in (out / "tables" / "claims.csv").read_text()
    with open(out / "tables" / "claims.csv", newline="") as file:
        assert [row["claim_verdict"] for row in csv.DictReader(file)] == ["undecided", "refuted"]
    make("strategy=static scale=1k")
    assert 'id="claims"' in text and 'id="claims"' not in composed(make.root, tmp_path / "other", claims=[])


def test_two_comparisons_have_a_headline_each(make, tmp_path):
    make("strategy=static scale=1k seed=0")
    make("strategy=static scale=1k seed=0 train.seen=16k")
    make("strategy=static scale=1k seed=0 train.seen=32k", state="open")
    text = composed(make.root, tmp_path / "out")
    found = Page(text)
    assert report.QUESTION in text and {"c1", "c2", "c3"} <= set(found.ids) and len(found.ids) == len(set(found.ids))
    assert "Comparison 1 of 3" in text and "No run of it is finished yet" in text
    assert text.index("Too few runs are finished") < text.index("<nav")


def test_where_only_one_comparison_has_finished_runs_the_page_is_about_it(make, tmp_path):
    for seed in range(4):
        for strategy, accuracy in (("static", 0.8), ("dp", 0.9)):
            make(f"strategy={strategy} scale=1k seed={seed}", accuracy=accuracy + 0.005 * seed)
    make("strategy=static scale=1k seed=0 train.seen=32k", state="open")
    text = composed(make.root, tmp_path / "out")
    heading = text[text.index("<h1") : text.index("</h1>")]
    assert "beats" in heading and report.QUESTION not in text
    assert "1 further comparison(s) have no finished run yet." in text and "In short" in text
    short = text[text.index('class=short aria-labelledby="short"') : text.index('aria-labelledby="c1"')]
    assert "All scales together" in short and "? undecided" in short


def test_the_same_ledgers_give_the_same_bytes_wherever_they_lie(study, written, tmp_path):
    first, one = written
    shutil.copytree(study, tmp_path / "elsewhere" / "copy")
    assert composed(tmp_path / "elsewhere" / "copy", tmp_path / "two", words=["seeds=0..3"]) == first
    assert [path.read_bytes() for path in sorted(one.rglob("*.csv"))] == [
        path.read_bytes() for path in sorted((tmp_path / "two").rglob("*.csv"))
    ]


def test_the_command_line_writes_the_page_and_refuses_bad_input(tmp_path, monkeypatch, capsys):
    root = tmp_path / "runs"
    for seed in range(2):
        make_run(root, f"strategy=static scale=1k seed={seed}", accuracy=0.9)
    monkeypatch.setattr(
        "results.figures.draw_all",
        lambda study, out: [(one, [figure(Path(out), "A thing")]) for one in study.comparisons],
    )
    application.main([str(root), "seeds=0", "exclude=monitor"])
    text = (root / "report" / report.NAME).read_text()
    assert "written:" in capsys.readouterr().err and "python -m benchmarks.report ROOT seed=0 exclude=monitor" in text
    assert "Finished are 1 of 1 run: 1 arm at 1k, up to 1 seed." in text and Page(text).ids
    again = tmp_path / "again"
    application.main([str(root), "seeds=0", "exclude=monitor", f"out={again}"])
    assert (again / report.NAME).read_bytes() == text.encode()  # the report itself under the root changes nothing
    for words, key in (
        (["root=nowhere"], "root"),
        (["sead=1"], "sead"),
        ([str(root), "seeds=7"], "seed"),
        ([str(root), "prices=nothing.csv"], "prices"),
        ([str(root), "on=blurr"], "on"),
        ([str(root), "exclude=trian"], "exclude"),
    ):
        with pytest.raises(BadInput) as error:
            application.main(words)
        assert error.value.key == key, words
