"""Claims C1 to C10 on worlds in which each is true, false or open; their sweeps, table and application.

Rules in detail: test_rules.py.
"""

import sys

import pandas as pd
import pytest

from benchmarks import claims as application
from benchmarks import cli, grid_files, theory
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput
from results import claims
from results.tables import render
from tests.results.claims import claim_world as world

IDS = [f"C{number}" for number in range(1, 11)]
WORLDS = {
    "confirmed": (world.TRUE, {}),
    "refuted": (world.FALSE, {"off": 0.03, "gains": (0.02, -0.03)}),
    "undecided": (world.OPEN, {"se": 0.03, "gains": (0.001, 0.001)}),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """{verdict: ({id: Claim}, root)} of the three worlds."""
    found = {}
    for verdict, (facts, study) in WORLDS.items():
        root = tmp_path_factory.mktemp(verdict)
        world.build(root, facts)
        world.theory(root, **study)
        found[verdict] = ({one.id: one for one in claims.evaluate(root)}, root)
    return found


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("verdict", WORLDS)
def test_verdict(verdicts, verdict, id):
    one = verdicts[verdict][0][id]
    assert one.verdict == verdict, (one.ours, one.why)
    assert bool(one.sweep) == (verdict == "undecided")
    assert one.ours and one.paper and one.rule and one.why.count(verdict)


@pytest.mark.parametrize("id", IDS)
def test_effects_have_an_interval_and_n(verdicts, id):
    one = verdicts["confirmed"][0][id]
    assert id == "C9" or "[" in one.ours and "n=" in one.ours
    assert "digits, unet teacher" in one.where or id == "C9" and "d = 350" in one.where


def runs_of(sweep):
    """Run ids that a proposed command stands for with seeds 0 and 4, as benchmarks.sweep resolves them."""
    found = set()
    for line in sweep.split(" && "):
        python, m, module, *words = line.split()
        assert (python, m) == ("python", "-m")
        if module == "benchmarks.theory":
            cli.parse(words, theory.Options)
        else:
            assert module == "benchmarks.sweep"
            words = ["seed=0,4" if word.startswith("seed=") else word for word in words]
            found |= {resolve(point).run_id for point in grid_files.expand(words)}
    return found


@pytest.mark.parametrize(
    "id, arms", [("C1", ("static", "dp")), ("C10", ("dp dp.feedback=first", "dp", "dp dp.omega=0"))]
)
def test_the_sweep_that_would_decide_goes_on_with_the_runs_that_are_there(verdicts, id, arms):
    found, root = verdicts["undecided"]
    sweep = found[id].sweep
    assert f"root={root}" in sweep and "teacher=unet" in sweep
    there = {
        resolve(f"strategy={arm} teacher=unet train.seen=64k scale=1k seed={seed}".split()).run_id
        for arm in arms
        for seed in (0, 4)
    }
    assert there <= runs_of(sweep) and "spread" in found[id].why and "seed=0..4 " not in sweep  # and with more seeds


def test_the_sweep_keeps_every_key_of_the_comparison(tmp_path):
    said = "strategy=dp train.batch=64 dp.patience=2 sampler.steps=10 data.split=3"
    for seed in (0, 4):
        for growth in (0, 1):
            world.run(tmp_path, f"{said} dp.patience_growth={growth} scale=500", seed, 0.8 + seed * growth / 20)
    (found,) = claims.evaluate(tmp_path, only=("C7",))
    there = {
        resolve(f"{said} train.seen=64k scale=500 seed={seed} dp.patience_growth={growth}".split()).run_id
        for seed in (0, 4)
        for growth in (0, 1)
    }
    assert there < runs_of(found.sweep) and "dp.new_weight=2" in found.sweep


def test_what_was_not_run_proposes_runs_that_resolve(tmp_path):
    world.run(tmp_path, "strategy=real scale=500")
    found = claims.evaluate(tmp_path)
    assert [one.id for one in found] == IDS and {one.verdict for one in found} == {"not run"}
    for one in found:
        line = one.sweep.split(" && ")[-1]
        assert one.id == "C9" or len(grid_files.expand(line.split()[3:])) >= 5, one
        for words in [part.split()[3:] for part in one.sweep.split(" && ")]:
            cli.parse(words, theory.Options) if one.id == "C9" or "dp" not in str(words) else resolve(
                grid_files.expand(words)[-1]
            )


def test_a_study_of_the_theory_alone_is_enough(tmp_path):
    world.theory(tmp_path)
    found = {one.id: one for one in claims.evaluate(tmp_path)}
    assert (
        found["C9"].verdict == "confirmed" and found["C10"].verdict == "undecided" and found["C1"].verdict == "not run"
    )
    assert (
        "toy: adaptive − frozen: confirmed" in found["C10"].why
        and "runs: adaptive − frozen: not run" in found["C10"].why
    )
    assert "benchmarks.theory" not in found["C10"].sweep


def test_each_comparison_has_its_own_verdict(tmp_path):
    for budget, gap in (("64k", 0.1), ("128k", -0.1)):
        world.runs(tmp_path, f"strategy=static train.seen={budget}", {"500": 0.8, "1k": 0.8}, seeds=range(3))
        world.runs(
            tmp_path, f"strategy=dp train.seen={budget}", {"500": 0.8 + gap / 2, "1k": 0.8 + gap}, seeds=range(3)
        )
    world.run(tmp_path, "strategy=real train.seen=32k scale=500")
    found = claims.evaluate(tmp_path, only=("C1",))
    assert [(one.verdict, budget in one.where) for one, budget in zip(found, ("64,000", "128,000"))] == [
        ("confirmed", True),
        ("refuted", True),
    ]
    table = claims.table(found)
    assert table.columns[:3] == ["id", "in", "claim"] and [row[1].text for row in table.rows if row[0].text] == [
        "1",
        "2",
    ]
    assert any(note.startswith("Comparison 2") and "128,000" in note for note in table.notes)


def test_of_some_seeds_only(tmp_path, capsys):
    """Seeds 0 to 2 say the opposite of seeds 3 to 5."""
    noise = [0, 0.004, -0.004, 0, 0.004, -0.004]
    for seeds, gap in ((range(3), 0.05), (range(3, 6), -0.05)):
        world.runs(tmp_path, "strategy=static", {"500": 0.8, "1k": 0.8}, seeds=seeds, noise=noise)
        world.runs(tmp_path, "strategy=dp", {"500": 0.8 + gap / 2, "1k": 0.8 + gap}, seeds=seeds, noise=noise)
    found = {}
    for seeds in ("0..2", "3..5"):
        application.main([str(tmp_path), f"seeds={seeds}", f"out={tmp_path / 'out'}"])
        found[seeds] = set(pd.read_csv(tmp_path / "out" / "claims.csv").query("id == 'C1'")["claim_verdict"])
    assert found == {"0..2": {"confirmed"}, "3..5": {"refuted"}}
    with pytest.raises(BadInput, match="seed=9: .*no run under"):
        application.main([str(tmp_path), "seeds=9"])


def test_table_and_files(verdicts, tmp_path, capsys):
    found, root = verdicts["refuted"]
    for out in ("a", "b"):
        application.main([str(root), f"out={tmp_path / out}"])
    assert all(
        (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        for name in ("claims.md", "claims.tex", "claims.csv")
    )
    table = claims.table(list(found.values()))
    assert [row[-1].text for row in table.rows if row[0].text] == [
        "refuted"
    ] * 10 and "0 confirmed, 10 refuted, 0 undecided, 0 not run" in table.caption
    assert (
        render.text(table) in capsys.readouterr().out
        and render.markdown(table) + "\n" == (tmp_path / "a" / "claims.md").read_text()
    )
    frame = pd.read_csv(tmp_path / "a" / "claims.csv")
    (row,) = frame[(frame["id"] == "C1") & (frame["scale"] == 1000)].to_dict("records")
    assert (row["n"], row["unit"], row["verdict"], row["claim_verdict"]) == (5, "points", "refuted", "refuted") and row[
        "mean"
    ] == pytest.approx(-4)


@pytest.mark.parametrize(
    "words, part",
    [
        (["price=x"], "Did you mean prices"),
        (["a", "b"], "given twice"),
        (["nowhere"], "no such folder"),
        (["prices=nowhere.csv"], "no such file"),
    ],
)
def test_bad_input_is_one_line(words, part):
    with pytest.raises(BadInput, match=part) as caught:
        application.main(words)
    assert "\n" not in str(caught.value)


NEW = '''
"""C11: dp is above a strategy that nobody here has heard of."""

from results.claims.judging.claim import Claim
from results.claims.judging.pairs import above, by_scale

HALF = "dp − static"


def judge(selection):
    return by_scale(HALF, selection.arm("dp"), selection.arm("static"), above)


CLAIM = Claim("C11", "dp above static", "Above zero.", {HALF: (("dp", {}), ("static", {}))}, lambda: "—", judge)
'''


def test_a_new_claim_is_one_file(tmp_path, monkeypatch):
    """A module that lies in a folder of claims is judged, in the order of ids; nothing else says that it is there."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more/above_static.py").write_text(NEW)
    monkeypatch.setattr(claims, "__path__", [*claims.__path__, str(tmp_path / "more")])
    assert [claim.id for claim in claims.all_claims()] == [*IDS, "C11"]
    world.runs(tmp_path / "runs", "strategy=static", {"500": 0.6}, world.FLAT)
    world.runs(tmp_path / "runs", "strategy=dp", {"500": 0.9}, world.FLAT)
    (found,) = claims.evaluate(tmp_path / "runs", only=("C11",))
    assert (found.verdict, found.claim) == ("confirmed", "dp above static")


def test_an_interrupted_study_of_the_theory_has_no_toy_yet(tmp_path):
    """Its loop comes last: until then nothing is said of it, and nothing fails."""
    world.theory(tmp_path, loops=0)
    found = {one.id: one for one in claims.evaluate(tmp_path)}
    assert found["C10"].verdict == "not run" and "not finished" in found["C9"].why


@pytest.mark.parametrize("content", ["CLAIM = None", "from results.claims.gains import CLAIM"])
def test_a_file_without_a_claim_of_its_own_is_named(tmp_path, monkeypatch, content):
    (tmp_path / "odd_claim.py").write_text(content)
    monkeypatch.setattr(claims, "__path__", [*claims.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "results.claims.odd_claim", raising=False)
    with pytest.raises(BadInput, match="^claim=results.claims.odd_claim: needs a CLAIM"):
        claims.all_claims()
