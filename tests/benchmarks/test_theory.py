"""The application that draws the theory: its verdict, its ledger, what it refuses."""

import numpy as np
import pytest

from benchmarks import cli
from benchmarks import theory as application
from dp_common.errors import BadInput, Held
from dp_common.theory.simulation import estimate
from results.analysis import theory as numbers
from results.figures import theory as figures


def test_agreement_can_say_no_and_the_second_simulation_stands():
    def line(x, limit, mean, se, repeats=16, **more):
        return {
            "kind": "point",
            "figure": "imperfect",
            "panel": ["flips"],
            "series": "hard",
            "x": x,
            "limit": limit,
            "finite": limit,
            "simulated": mean,
            "se": se,
            "repeats": repeats,
            "beyond": "",
            **more,
        }

    rng = np.random.default_rng(0)
    fine = [line(x, 0.2, *estimate(0.2 + 0.01 * rng.standard_normal(16))) for x in range(100)]
    assert numbers.agreement(fine)[1]["agrees"] and not numbers.suspects(fine)
    wrong = [*fine, line(100, 0.2, 0.22, 0.0025)]
    assert not numbers.agreement(wrong)[1]["agrees"] and numbers.suspects(wrong) == {
        ("imperfect", "flips", "hard", 100)
    }
    for mean, agrees in ((0.2004, True), (0.21, False)):
        points, found = numbers.agreement([*wrong, line(100, 0.2, mean, 0.0008, 160, again=True)])
        assert found["agrees"] == agrees and found["again"] == 1 and len(points) == 101
    assert not numbers.agreement([*fine[:-1], line(99, 0.2, 0.3, 0.001)])[1]["agrees"]
    assert numbers.agreement([*fine[:-1], line(99, 0.2, 0.3, 0.001) | {"beyond": "peak"}])[1]["agrees"]


SMALL = ["d=24", "n=60", "lam=1e-3", "repeats=3"]


def run(capsys, *words):
    application.main(list(words))
    return capsys.readouterr()


def test_the_application_writes_a_ledger_of_its_own_and_resumes(tmp_path, capsys):
    from results import load

    path = tmp_path / "runs" / numbers.NAME
    first = run(capsys, *SMALL, f"root={tmp_path / 'runs'}", f"out={tmp_path / 'a'}")
    assert "Limit against simulation" in first.out and "frozen - random" in first.out
    names = {f"{name}.{ending}" for name in figures.modules() for ending in ("svg", "png", "csv")} | {
        "loop-differences.csv"
    }
    assert {file.name for file in (tmp_path / "a").iterdir()} == names
    whole, options = path.read_bytes(), cli.parse(SMALL, application.Options)

    def again(content):
        path.write_bytes(content)
        with application.Journal(path, options) as journal:
            application.bring_up(journal, options, SMALL)
            return journal.records

    assert (
        again(whole + b'{"n": 9, torn') == numbers.read(path) and path.read_bytes() == whole
    )  # nothing is computed again
    lines = whole.splitlines(keepends=True)
    records = again(b"".join(lines[:-20]) + lines[-20][:30])  # killed on the way: only the rest is
    assert len(records) == len(lines) + 1 and records[:-21] == numbers.read(path)[:-21]
    drawn = figures.draw(records, None, tmp_path / "a" / "..")
    assert [figure.name for figure in drawn] == list(figures.modules()) and all(
        "d = 24" in figure.caption for figure in drawn
    )
    for file in [*(path for figure in drawn for path in figure.paths), tmp_path / "loop-differences.csv"]:
        assert (tmp_path / "a" / file.name).read_bytes() == file.read_bytes()
    with pytest.raises(BadInput, match="holds no runs"):  # not mistaken for a run
        load(tmp_path / "runs")
    with application.Journal(path, application.Options()), pytest.raises(Held):
        application.Journal(path, application.Options())


@pytest.mark.parametrize(
    "word, part",
    [
        ("repeat=3", "Did you mean repeats"),
        ("lam=-1", "lam=-1"),
        ("lam=x", "a number"),
        ("rho=2", "rho=2"),
        ("n=10.5", "whole number"),
        ("n=100,100", "different"),
        ("repeats=1", "repeats=1"),
        ("rho=nan", "rho=nan"),
    ],
)
def test_a_wrong_key_is_one_line(word, part):
    with pytest.raises(BadInput, match=part) as caught:
        cli.parse([word], application.Options)
    assert "\n" not in str(caught.value)


def test_a_damaged_line_is_named(tmp_path):
    from dp_common.errors import Damaged
    from dp_common.persistence.ledger import encode

    path = tmp_path / "theory.jsonl"
    path.write_bytes(encode({"n": 0, "kind": "open"}) + encode({"n": 2, "kind": "point"}))
    with pytest.raises(Damaged, match="theory.jsonl:2"):
        numbers.read(path)
    path.write_bytes(encode({"n": 0, "kind": "open"}).replace(b"open", b"shut"))
    with pytest.raises(Damaged, match="theory.jsonl:1"):
        numbers.read(path)
