"""The report: what its sentences say of which numbers, that its page stands on its own and links to what is there, and
that it is the same twice.
"""

import csv
import json
import re
import shutil
from html.parser import HTMLParser
from math import nan
from pathlib import Path

import pytest

from benchmarks import report as application
from dp_common.errors import BadInput
from dp_common.persistence import ledger
from results import report
from results.analysis.cost_to_target import Speedup
from results.analysis.study import Study, load
from results.claims import Judgement
from results.figures import Figure
from results.report import caveats, headline, made, page, sections, svg
from results.tables import of_comparisons
from results.tables.table import Cell, Table, text_rows
from tests.results.fabricate import run as make_run

VOID = {"meta", "img", "br"}
SHAPES = '<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="72pt" height="36pt" viewBox="0 0 72 36" xmlns="http://www.w3.org/2000/svg" version="1.1">'
DRAWN = f"""<?xml version="1.0" encoding="utf-8" standalone="no"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
{SHAPES}<metadata><rdf:RDF xmlns:dc="http://purl.org/dc/elements/1.1/"/></metadata>
 <defs><style type="text/css">*{{stroke-linejoin: round}}</style></defs>
 <g id="figure_1"><!-- 250 --><path id="m1" d="M 0 0
L 1 1"/><use xlink:href="#m1" x="3"/><g clip-path="url(#p1)"/></g>
 <defs><clipPath id="p1"><rect width="3" height="4"/></clipPath></defs></svg>"""
CLAIMS = [
    Judgement(
        "C1",
        "dp above static at every scale",
        "confirmed above, refuted below",
        "+2.0 points",
        "+1.10 [+0.20, +2.00] n=5 points",
        "undecided",
        "left open at 1k",
        "python -m benchmarks.sweep strategy=static,dp scale=1k root=/home/somebody/runs seed=0..9",
        "digits",
    ),
    Judgement(
        "C7",
        "growing patience equals fixed",
        "equivalence",
        "",
        "-3.00 [-3.50, -2.50] n=5 points",
        "refuted",
        "",
        "",
        "digits",
    ),
]


class Page(HTMLParser):
    """What a test asks of a page: ids, links, levels of headings, and that tags close in order."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.levels, self.open, self.tags, self.images, self.boxes = [], [], [], [], [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[key] for key in ("href", "src", "xlink:href") if key in given]
        self.levels += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self.images += [given.get("aria-label") or given.get("alt")] if tag in ("svg", "img") else []
        self.boxes += [self.open[-1][1].get("class")] if tag == "table" else []
        if tag not in VOID:
            self.open.append((tag, given))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag, tag


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A root with static, and a dp that is better by 2 points at every one of three scales; four seeds."""
    root = tmp_path_factory.mktemp("study")
    for seed in range(4):
        for step, scale in enumerate(("500", "1k", "2k")):
            make_run(
                root, f"strategy=static scale={scale} seed={seed}", accuracy=0.80 + 0.02 * step + 0.005 * (seed % 2)
            )
            make_run(root, f"strategy=dp scale={scale} seed={seed}", accuracy=0.82 + 0.02 * step + 0.005 * (seed % 2))
    return root


@pytest.fixture(scope="module")
def written(study, tmp_path_factory):
    """(text of the page, folder with what it links to)."""
    out = tmp_path_factory.mktemp("written")
    return composed(study, out, words=["seeds=0..3"]), out


def figure(folder, title, png=b"png", drawn=DRAWN):
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{page.slug(title)}.{ending}" for ending in ("svg", "png", "csv")]
    for path, content in zip(paths, (drawn.encode(), png, b"x,y\n")):
        path.write_bytes(content)
    return Figure(page.slug(title), title, f"What {title} shows, n=5, 95 % t-interval.", tuple(paths))


def composed(root, out, claims=CLAIMS, words=()):
    """The page of a root, with two figures that use the same ids."""
    for name in ("tables", "figures"):
        (out / name).mkdir(parents=True, exist_ok=True)
    study = load(root)
    shown = [
        report.Shown(
            one, tables, [figure(out / "figures", title) for title in ("One thing", "Another thing") if tables]
        )
        for one, tables in of_comparisons(study)
    ]
    across = [
        Table(
            "Table 1: digits",
            "Apart.",
            ["method", "test"],
            [[Cell("`dp`"), Cell("90.1 [89.0, 91.2] n=5", 90.1, 89.0, 91.2, 5)], [Cell("paper"), Cell("68.0", 68.0)]],
            "ll",
            (),
            ((0, "measured here"), (1, "as published")),
        )
    ]
    return report.compose(study, root, out, shown, across, claims, words)


# ------------------------------------------------------------------ sentences


def sentences(root):
    comparison = load(root).single()
    return headline.sentences(comparison, headline.gaps_of(comparison))


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
        == "`dp` needs 2.0× [1.2, 4.0] more images generated than `static` to reach `static`'s best accuracy (94.0 %) (n = 5)."
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
    # dp is one step of three ahead: at 1k it has what static has at 2k, seed by seed
    assert (
        first
        == "`dp` reaches the accuracy that `static` reaches at every seed (84.0 %) with 2.0× [2.0, 2.0] fewer images generated (n = 4)."
    )
    assert any(
        text.startswith(
            "Paired with `static` at equal scale, `dp` is decidedly above at 500, 1k, 2k (+2.0 to +2.0 points, n = 4)"
        )
        for text in rest
    )
    assert "The highest mean accuracy is `dp`'s at 2k: 86.2 % [85.8, 86.7] (n = 4)." in rest
    assert "Finished are 24 of 24 runs: 2 arms at 3 scales from 500 to 2k, up to 4 seeds." in rest


def test_the_headline_says_so_where_dp_is_worse(make):
    for seed in range(4):
        for step, scale in enumerate(("1k", "2k")):
            make(f"strategy=static scale={scale} seed={seed}", accuracy=0.90 + 0.02 * step)
            make(f"strategy=dp scale={scale} seed={seed}", accuracy=0.85 + 0.02 * step)
    first, rest = sentences(make.root)
    assert first == "`dp` does not reach `static`'s best accuracy (92.0 %) at any scale, in any of 4 seeds."
    assert any("decidedly below at 1k, 2k (-5.0 to -5.0 points" in text for text in rest)


def test_the_headline_waits_for_runs(make):
    make("strategy=static scale=1k", state="open")
    assert sentences(make.root)[0] == "Too few runs are finished to compare anything yet."


def test_what_is_not_finished_is_open(make):
    for scale in ("1k", "2k"):
        make(f"strategy=static scale={scale}", accuracy=0.9)
        make(f"strategy=dp scale={scale}", accuracy=0.9, state="done" if scale == "1k" else "open")
        make(f"strategy=prune scale={scale}", accuracy=0.85)
    assert (
        sentences(make.root)[0]
        == "`prune` does not reach `static`'s best accuracy (90.0 %) at any scale, in any of 1 seed."
    )
    assert "Open, since runs are still to finish: what `dp` pays for that accuracy." in sentences(make.root)[1]


# ------------------------------------------------------------------ caveats, and how it was made


def kept_in_mind(root):
    comparison = load(root).single()
    return " ".join(caveats.of_comparison(comparison, headline.gaps_of(comparison)))


def test_caveats_are_those_that_apply(make):
    make("strategy=static scale=1k", accuracy=0.9)
    one = kept_in_mind(make.root)
    assert (
        "One seed: there are no intervals" in one
        and "200 images, so one image is 0.5 points" in one
        and "±4.2 points" in one
    )  # 1.96 sqrt(.09/200)
    for absent in ("below their scale", "kinds of device", "Not finished", "uncommitted", "monitor=paper"):
        assert absent not in one
    make("strategy=static scale=1k seed=1", kept=400)
    make("strategy=static scale=1k seed=2", state="failed")
    make("strategy=static scale=1k seed=3", device="NVIDIA H100")
    more = kept_in_mind(make.root)
    assert (
        "4 seeds: a 95 % interval reaches 1.59 standard deviations" in more
        and "Finished below their scale: 1 runs." in more
    )
    assert "Not finished: 1 failed" in more and "2 kinds of device (NVIDIA H100, cpu)" in more


def texts_of(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_dirty_commits_and_mixed_versions_are_told(make):
    for seed, (commit, torch) in enumerate((("a" * 40, "2.14.1"), ("b" * 40, "2.13.0"))):
        folder = make(f"strategy=static scale=1k seed={seed}")
        summary = json.loads((folder / "summary.json").read_text())
        (folder / "summary.json").write_text(
            json.dumps(summary | {"git": {"commit": commit, "dirty": seed == 1}, "versions": {"torch": torch}})
        )
    runs = load(make.root).runs
    assert caveats.of_code(runs) == [
        "The runs come from 2 commits.",
        "1 of 2 finished runs were made with uncommitted changes.",
        "Runs used torch 2.13.0 and 2.14.1; bit-equality is promised for one version only.",
    ]
    by_title = {table.title: table for table in made.tables(runs)}
    assert texts_of(by_title["Commits"]) == [["`aaaaaaaaaaaa`", "no", "1"], ["`bbbbbbbbbbbb`", "yes", "1"]]
    assert texts_of(by_title["Software of the runs"]) == [["torch", "2.13.0 (1 runs), 2.14.1 (1 runs)"]]
    assert texts_of(by_title["Machines"]) == [["cpu", "Abacus 3000", "1", "1", "2"]]


def test_commands_are_those_remembered_without_their_place(make):
    planned = make("strategy=static scale=1k seed=0")
    make("strategy=static scale=1k seed=1", state="open")
    alone = make("strategy=real scale=500")
    (make.root / "sweeps").mkdir()
    content = {
        "words": ["strategy=static", "seed=0..1", "root=/home/me/runs", "data.root=/data/images net"],
        "runs": {planned.name: [], next(name.name for name in make.root.iterdir() if "s1" in name.name): []},
    }
    (make.root / "sweeps" / "x.json").write_text(json.dumps(content))
    sweeps, singles = made.commands(load(make.root).runs, make.root)
    assert sweeps == [("python -m benchmarks.sweep strategy=static seed=0..1 'data.root=…/images net'", 2, 1)]
    assert len(singles) == 1 and singles[0].startswith("python -m benchmarks.run") and alone.name


# ------------------------------------------------------------------ the page


def test_svgs_in_one_page_keep_their_ids_apart():
    one, two = (svg.embed(DRAWN, prefix, 'A "quoted" figure') for prefix in ("a", "b"))
    found = Page(one + two)
    assert sorted(found.ids) == ["a", "a-m1", "a-p1", "b", "b-m1", "b-p1"]  # figure_1 is referred to by nobody
    assert sorted(found.links) == ["#a-m1", "#b-m1"] and "url(#a-p1)" in one and "url(#p1)" not in one + two
    assert "#a *" in one and "<?xml" not in one and "metadata" not in one and "<!--" not in one and "72pt" not in one
    assert 'aria-label="A &quot;quoted&quot; figure"' in one and 'viewBox="0 0 72 36"' in one


def test_a_heavy_svg_gives_way_to_its_png():
    assert svg.inline(DRAWN.encode(), b"png", "a", "dots").startswith("<svg")
    heavy = svg.inline(DRAWN.encode() + b" " * svg.HEAVY, b"png", "a", "dots")
    assert heavy == '<img src="data:image/png;base64,cG5n" alt="dots">'
    assert svg.width_of(DRAWN.encode()) == 96


def test_words_and_cells():
    assert (
        page.prose("`dp omega=0` gained -0.4 [-1.2, 0.4], n = 5 <b>")
        == "<code>dp omega=0</code> gained −0.4 [−1.2,\u00a00.4], n\u00a0=\u00a05 &lt;b&gt;"
    )
    assert page.prose("2026-01-02 a-1 93.5 %") == "2026-01-02 a-1 93.5\u00a0%"
    assert (
        page.cell_html(Cell("+1.31 [+0.40, +2.22] n=5 (+1 short) ↑", 1.31, 0.4, 2.22, 5, "above"))
        == '<b>+1.31 ↑</b> <span class="interval">[+0.40,\u00a0+2.22] n=5 (+1 short)</span>'
    )
    few = page.cell_html(Cell("12,500 n=3 (+2 never)", 12500, n=3))
    assert few == '<b>12,500</b> <span class="interval">n=3 (+2 never)</span>'
    assert page.cell_html(Cell("—(2/5)")) == "—(2/5)" and page.cell_html(Cell("`static`")) == "<code>static</code>"
    assert page.cell_html(Cell("12,500", 12500)) == "12,500"  # a count is told with nothing


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


def test_what_has_the_same_title_has_its_own_anchor_and_file(tmp_path):
    (tmp_path / "tables").mkdir()
    found = sections.anchored([Table("Cost of 93.5 %", "", ["arm"], text_rows([[name]]), "l") for name in "ab"], "c1")
    assert [anchor for anchor, _ in found] == ["c1-cost-of-93-5", "c1-cost-of-93-5-2"]
    assert [(tmp_path / sections.stored(table, anchor, tmp_path)).read_text() for anchor, table in found] == [
        "arm\na\n",
        "arm\nb\n",
    ]


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
    (tables,) = report.repriced(Study.of_frame(runs), repricing.load(tmp_path / "prices.csv"))
    assert tables and all("re-priced" in table.title for table in tables)
    assert any(table.title.startswith("Accuracy on test by") for table in tables)


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


def test_the_theory_stands_where_its_ledger_is(tmp_path, monkeypatch):
    assert sections.theory(tmp_path, tmp_path) == []
    (tmp_path / "theory").mkdir()
    opened = {
        "n": 0,
        "t": 1.0,
        "kind": "open",
        "study": "s",
        "options": {},
        "argv": ["root=/home/me", "out=/home/me/paper", "d=100"],
    }
    (tmp_path / "theory" / "theory.jsonl").write_bytes(ledger.encode(opened))
    monkeypatch.setattr("results.analysis.theory.summary_text", lambda records: f"{len(records)} record agrees <= all")
    monkeypatch.setattr(
        "results.figures.theory.draw", lambda records, study, folder: [figure(folder, "Error against p")]
    )
    (section,) = sections.theory(tmp_path, tmp_path)
    assert (
        section.parts == (("Error against p", "theory-error-against-p"),)
        and "python -m benchmarks.theory d=100<" in section.body
    )
    assert (
        "1 record agrees &lt;= all" in section.body
        and "/home" not in section.body
        and (tmp_path / "figures" / "error-against-p.csv").exists()
    )


def test_two_comparisons_have_a_headline_each(make, tmp_path):
    make("strategy=static scale=1k seed=0")
    make("strategy=static scale=1k seed=0 train.seen=32k", state="open")
    text = composed(make.root, tmp_path / "out")
    found = Page(text)
    assert report.QUESTION in text and {"c1", "c2"} <= set(found.ids) and len(found.ids) == len(set(found.ids))
    assert "Comparison 1 of 2" in text and "No run of it is finished yet" in text
    assert text.index("Too few runs are finished") < text.index("<nav")


def test_the_same_ledgers_give_the_same_bytes_wherever_they_lie(study, written, tmp_path):
    first, one = written
    shutil.copytree(study, tmp_path / "elsewhere" / "copy")
    assert composed(tmp_path / "elsewhere" / "copy", tmp_path / "two", words=["seeds=0..3"]) == first
    assert [path.read_bytes() for path in sorted(one.rglob("*.csv"))] == [
        path.read_bytes() for path in sorted((tmp_path / "two").rglob("*.csv"))
    ]


# ------------------------------------------------------------------ the command line


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
    assert (
        "written to" in capsys.readouterr().err and "python -m benchmarks.report ROOT seed=0 exclude=monitor" in text
    )
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


# ------------------------------------------------------------------ on a small screen


def test_a_caption_has_four_lines_and_the_rest_unfolds():
    short = "Accuracy on test against images. Dots: runs."
    assert page.split_caption(short) == (short, "") and "<details>" not in page.caption(short, {})
    first, rest = page.split_caption(" ".join(f"Sentence {n} says what it says of the picture." for n in range(30)))
    assert len(first) <= page.FOUR_LINES and first.endswith("picture.") and rest.startswith("Sentence")
    whole = page.caption(f"{first} {rest}", {"CSV": "a.csv"})
    assert whole.index("a.csv") < whole.index("<details>") and "Sentence 29" in whole


def test_what_several_captions_say_is_said_once(study, tmp_path):
    comparison = load(study).single()
    shared = "Not drawn, run at one scale only: dp omega=0.2."
    items = [Figure("a", "A", f"What A shows. {shared} Task digits.", ()), Figure("b", "B", f"B. {shared}", ())]
    assert [sections.without(one, shared).caption for one in items] == ["What A shows. Task digits.", "B."]
    assert sections.without(items[0], "", shared, "Task digits.").caption == "What A shows." and comparison
