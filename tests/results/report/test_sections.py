"""Sections: anchors and files of their own, what is said once, the theory."""

from dp_common.persistence import ledger
from results.claims import Judgement
from results.claims.judging.words import unpublished
from results.figures import Figure
from results.report import sections
from results.tables.table import Table, text_rows
from tests.results.report.pages import figure


def test_what_has_the_same_title_has_its_own_anchor_and_file(tmp_path):
    (tmp_path / "tables").mkdir()
    found = sections.anchored([Table("Cost of 93.5 %", "", ["arm"], text_rows([[name]]), "l") for name in "ab"], "c1")
    assert [anchor for anchor, _ in found] == ["c1-cost-of-93-5", "c1-cost-of-93-5-2"]
    assert [(tmp_path / sections.stored(table, anchor, tmp_path)).read_text() for anchor, table in found] == [
        "arm\na\n",
        "arm\nb\n",
    ]


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


def test_what_several_captions_say_is_said_once():
    shared = "Not drawn, ablations at one scale: dp omega=0.2."
    items = [Figure("a", "A", f"What A shows. {shared} Task digits.", ()), Figure("b", "B", f"B. {shared}", ())]
    assert [sections.without(one, shared).caption for one in items] == ["What A shows. Task digits.", "B."]
    assert sections.without(items[0], "", shared, "Task digits.").caption == "What A shows."


def test_open_questions_are_counted_apart_from_the_papers_claims():
    judged = [
        Judgement("C1", "", "", "+2 points", "", "confirmed", "", ""),
        Judgement("D1", "", "", unpublished(), "", "refuted", "", ""),
        Judgement("D2", "", "", unpublished(), "", "undecided", "", ""),
    ]
    assert sections.tally(judged) == [
        "Of 1 verdict on the paper's claims: 1 confirmed.",
        "Of 2 verdicts on open questions: 1 refuted, 1 undecided.",
    ]
    assert sections.tally([]) == []
