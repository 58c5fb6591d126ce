"""The claims on worlds in which each is true, false or null; their sweeps, table and application.

Rules in detail: test_rules.py, test_rules_inside_runs.py.
"""

import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks import claims as application
from benchmarks import cli, grid_files, theory
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput
from results import claims, load
from results.archive import write_study
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.what_to_run import judging
from results.tables import render
from tests.results.claims import claim_world as world

IDS = "C1a C1b C2 C3 C4 C5 C6 C7 C8 C9 C10r C10t D1 D2 D3 D4 D5 D6 D7 D8".split()
WORLDS = {
    "confirmed": (world.TRUE, {}),
    "refuted": (world.FALSE, {"off": 0.03, "gains": (0.02, -0.03)}),
    "undecided": (world.NULL, {"se": 0.03, "gains": (0.001, 0.001)}),
}
WHERE = {"D4": "plane", "C9": "d = 350", "C10t": "d = 350"}  # all others on the digits


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """{verdict: ({id: Claim}, root)} of the three worlds."""
    found = {}
    for verdict, (facts, study) in WORLDS.items():
        root = tmp_path_factory.mktemp(verdict)
        world.build(root, facts)
        world.theory(root, **study)
        judged = claims.evaluate(root)
        found[verdict] = ({one.id: one for one in judged if WHERE.get(one.id, "digits") in one.where}, root)
    return found


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("verdict", WORLDS)
def test_verdict(verdicts, verdict, id):
    one = verdicts[verdict][0][id]
    assert one.verdict == verdict, (one.ours, one.why)
    assert one.ours and one.paper and one.rule and one.why.count(verdict)
    assert verdict == "undecided" or not one.sweep


def bend(gains, knob):
    """Of −ln(error) over log2 of the knob, turned round: above zero is a maximum."""
    return -np.polyfit(np.log2(knob), gains, 2)[0]


OMEGA, POOL = (0.02, 0.1, 0.4), (1, 8, 40)
EFFECTS = {  # {id: what the worlds TRUE and FALSE were made with, in the order of its findings}
    "C1a": ([0.4 + 0.1 * 4 / 3, 0.4 + 0.1 * 4 / 3], [-0.3 - 0.1 * 4 / 3, -0.3 - 0.1 * 4 / 3]),
    "C1b": ([0.1], [-0.1]),
    "C2": ([0.0], [0.3]),
    "C3": (
        [bend((0, 0.5, 0), OMEGA), bend((-0.2, 0.2, -0.2), POOL)],
        [bend((0.2, -0.4, 0.2), OMEGA), bend((0.2, -0.2, 0.2), POOL)],
    ),
    "C5": ([0.3, 2.0], [-0.3, -2.0]),
    "C6": ([20.0, 11.0], [-20.0, -11.0]),  # of ten points 1, 1.1 and 1.2 times, by seed
    "C7": ([0.0, 0.0], [-0.4 - 0.2, 0.2 + 0.4]),
    "C10r": ([0.5 - 0.3, 0.3], [-0.4 + 0.1, -0.1 - 0.3]),
    "C10t": ([np.log(0.12 / 0.1), np.log(0.15 / 0.12)], [np.log(0.12 / 0.1), np.log(0.09 / 0.12)]),
    "D1": ([0.5], [-0.6]),
    "D2": ([0.5], [-0.6]),
    "D3": ([0.5, 0.5], [-0.6, -0.6]),
    "D4": ([0.4, 0.4], [-0.4, -0.4]),
    "D5": ([0.5, 0.5], [-0.6, -0.6]),
    "D7": ([0.8 - 0.5, 0.9 - 0.5], [-0.8 + 0.4, -0.9 + 0.4]),
    "D8": ([0.0] * 3, [0.2 + 0.4] * 3),
}  # C4, C8, C9 and D6 are worked out in test_rules


@pytest.mark.parametrize("id", EFFECTS)
@pytest.mark.parametrize("verdict", ["confirmed", "refuted"])
def test_effects_are_what_the_worlds_were_made_with(verdicts, verdict, id):
    """By their numbers, of the right sign, arm and unit; on test of whole images of 200."""
    found = [one for one in verdicts[verdict][0][id].findings if one.verdict and one.interval is not None]
    wanted = EFFECTS[id][verdict == "refuted"]
    rough = 0.04 if id in ("C1a", "D7") else 0.015
    assert [one.interval.mean for one in found] == pytest.approx(wanted, abs=rough, rel=0.05 if id == "C6" else None)
    assert all(one.interval.low < one.interval.mean < one.interval.high for one in found)


@pytest.mark.parametrize("id", IDS)
def test_effects_have_an_interval_and_n(verdicts, id):
    one = verdicts["confirmed"][0][id]
    assert "[" in one.ours and "n=" in one.ours


@pytest.mark.parametrize("id", [id for id in IDS if id not in WHERE])
def test_what_is_undecided_says_its_power_and_what_would_decide_it(verdicts, id):
    one = verdicts["undecided"][0][id]
    assert "power" in one.why
    wanted = ("fresh seeds", "takes more than 64 seeds", "no number of seeds")
    assert sum(words in one.why for words in wanted) == 1
    assert bool(one.sweep) == ("fresh seeds" in one.why)
    for finding in one.findings:
        if finding.verdict == "undecided" and finding.design is not None:
            assert 0 <= finding.power < 1 and finding.detectable > 0


def test_a_sweep_has_fresh_seeds_and_they_are_judged_alone(tmp_path):
    """An effect half a standard deviation beyond the margin, at 6 seeds: more of them, and none that was looked at."""
    world.runs(tmp_path, "strategy=static", 0.0, noise=0.0)
    world.runs(tmp_path, "strategy=dp dp.omega=0", 0.13, noise=0.1)
    (found,) = claims.evaluate(tmp_path, only=("C2",))
    sweep, judging = found.sweep.split(" && ")
    (seeds,) = [word for word in judging.split() if word.startswith("seeds=")]
    first, last = map(int, seeds.removeprefix("seeds=").split(".."))
    assert first == len(world.SEEDS) and f"seed={first}..{last}" in sweep and f"root={tmp_path}" in judging
    assert f"{last - first + 1} fresh seeds" in found.why and "CPU hours" in found.why
    points = grid_files.expand(sweep.split()[3:])
    assert len(points) == 2 * len(world.SCALES) * (last - first + 1)
    assert {resolve(point).values["scale"] for point in points} == set(world.SCALES)
    assert cli.parse(judging.split()[3:], application.Options).seed == tuple(range(first, last + 1))


def test_runs_that_are_missing_go_to_no_archive(tmp_path):
    """They go where runs go by default, and fresh ones are judged there; at a planned look the archive's are, too."""
    world.runs(tmp_path / "runs", "strategy=static", 0.0, noise=0.0, scales=(500,))
    world.runs(tmp_path / "runs", "strategy=dp dp.omega=0", 0.13, noise=0.06, scales=(500,))
    write_study(load(tmp_path / "runs"), tmp_path / "kept")
    (fresh,) = claims.evaluate(tmp_path / "kept", only=("C2",))
    assert "fresh seeds" in fresh.why and "root=" not in fresh.sweep and "seeds=6.." in fresh.sweep
    looked = judging(
        ArmSelection(load(tmp_path / "kept").single(), tmp_path / "kept", looks=True), 8, tmp_path / "kept"
    )
    assert looked == f"python -m benchmarks.claims root={tmp_path / 'kept'} root=results/runs looks=planned"
    (missing,) = claims.evaluate(tmp_path / "kept", only=("D1",))
    assert missing.verdict == "not run" and "prune.rule=sir" in missing.sweep and "root=" not in missing.sweep
    (theory,) = claims.evaluate(tmp_path / "kept", only=("C9",))
    assert theory.sweep == "python -m benchmarks.theory"


def test_the_sweep_keeps_every_key_of_the_comparison(tmp_path):
    said = "strategy=dp train.batch=64 dp.patience=2 sampler.steps=10 data.split=3"
    for seed in (0, 4):
        for growth in (0, 1):
            world.run(tmp_path, f"{said} dp.patience_growth={growth} scale=500", seed, seed * growth / 20)
    (found,) = claims.evaluate(tmp_path, only=("C7",))
    there = {
        resolve(f"{said} train.seen=64k scale=500 seed={seed} dp.patience_growth={growth}".split()).run_id
        for seed in (0, 4)
        for growth in (0, 1)
    }
    assert there < runs_of(found.sweep) and "dp.new_weight=2" in found.sweep


def runs_of(sweep):
    """Run ids that a proposed command stands for with seeds 0 and 4, as benchmarks.sweep resolves them."""
    found = set()
    for line in sweep.split(" && "):
        words = ["seed=0,4" if word.startswith("seed=") else word for word in line.split()[3:]]
        found |= {resolve(point).run_id for point in grid_files.expand(words)}
    return found


def test_what_was_not_run_proposes_runs_that_resolve(tmp_path):
    world.run(tmp_path, "strategy=real scale=500")
    found = claims.evaluate(tmp_path)
    assert [one.id for one in found] == IDS and {one.verdict for one in found} == {"not run"}
    for one in [one for one in found if one.sweep]:
        for words in [part.split()[3:] for part in one.sweep.split(" && ")]:
            if one.id in ("C9", "C10t"):
                cli.parse(words, theory.Options)
            else:
                points = grid_files.expand(words)
                resolve(points[-1])
                assert {point.split("=")[1] for line in points for point in line if point.startswith("seed=")} == set(
                    map(str, range(16))
                )
    named = {one.id for one in found if one.sweep}
    assert set(IDS) - named <= {"D4", "D5", "D7"}  # whose arms are not in every installation


def test_a_study_of_the_theory_alone_is_enough(tmp_path):
    world.theory(tmp_path)
    found = {one.id: one for one in claims.evaluate(tmp_path)}
    assert found["C9"].verdict == found["C10t"].verdict == "confirmed"
    assert found["C10r"].verdict == found["C1a"].verdict == "not run"


def test_each_comparison_has_its_own_verdict(tmp_path):
    for budget, gain in (("64k", 0.5), ("128k", -0.5)):
        for arm, own in (("static", 0.0), ("dp", gain)):
            world.runs(tmp_path, f"strategy={arm} train.seen={budget}", own, scales=(500, 1000), seeds=range(4))
    world.run(tmp_path, "strategy=real train.seen=32k scale=500")
    found = claims.evaluate(tmp_path, only=("C1a",))
    assert [(one.verdict, budget in one.where) for one, budget in zip(found, ("64,000", "128,000"))] == [
        ("confirmed", True),
        ("refuted", True),
    ]
    table = claims.table(found)
    assert table.columns[:3] == ["id", "in", "claim"]
    assert [row[1].text for row in table.rows if row[0].text] == ["1", "2"]
    assert any(note.startswith("Comparison 2") and "128,000" in note for note in table.notes)


def test_of_some_seeds_and_scales_only(tmp_path, capsys):
    """Seeds 0 to 3 say the opposite of seeds 4 to 7; one scale says nothing of the other."""
    for seeds, gain in ((range(4), 0.5), (range(4, 8), -0.5)):
        world.runs(tmp_path, "strategy=static", 0.0, scales=(500, 1000), seeds=seeds)
        world.runs(tmp_path, "strategy=dp", gain, scales=(500, 1000), seeds=seeds)
    found = {}
    for seeds in ("0..3", "4..7"):
        application.main([str(tmp_path), f"seeds={seeds}", "scales=1k", f"out={tmp_path / 'out'}"])
        frame = pd.read_csv(tmp_path / "out" / "claims.csv").query("id == 'C1a'")
        found[seeds] = set(frame["claim_verdict"])
    assert found == {"0..3": {"confirmed"}, "4..7": {"refuted"}}
    with pytest.raises(BadInput, match="seed=9: .*no run under"):
        application.main([str(tmp_path), "seeds=9"])
    with pytest.raises(BadInput, match="scales=9000: no run under .* has such a scale"):
        application.main([str(tmp_path), "scales=9k"])


def test_table_and_files(verdicts, tmp_path, capsys):
    found, root = verdicts["refuted"]
    for out in ("a", "b"):
        application.main([str(root), f"out={tmp_path / out}"])
    names = ("claims.md", "claims.tex", "claims.csv")
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
    table = claims.table(list(found.values()))
    assert [row[-1].text for row in table.rows if row[0].text] == ["refuted"] * len(IDS)
    assert f"0 confirmed, {len(IDS)} refuted, 0 undecided, 0 not run" in table.caption and "version 2" in table.caption
    assert "refuted" in render.text(table) and "C10t" in capsys.readouterr().out
    frame = pd.read_csv(tmp_path / "a" / "claims.csv")
    (row,) = frame[(frame["id"] == "C2") & (frame["verdict"] == "refuted")].to_dict("records")
    assert (row["n"], row["unit"], row["level_percent"]) == (len(world.SEEDS), "log error", 90)
    assert row["mean"] == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(
    "words, part",
    [
        (["price=x"], "Did you mean prices"),
        (["a", "b"], "no such folder"),
        (["nowhere"], "no such folder"),
        (["prices=nowhere.csv"], "no such file"),
        (["looks=often"], "looks=often: one of"),
    ],
)
def test_bad_input_is_one_line(words, part):
    with pytest.raises(BadInput, match=part) as caught:
        application.main(words)
    assert "\n" not in str(caught.value)


NEW = '''
"""C11: dp is above a strategy that nobody here has heard of."""

from results.claims.judging.claim import Claim
from results.claims.judging.rules import better

HALF = "dp − static"


def judge(selection):
    return better(HALF, selection.arm("dp"), selection.arm("static"), selection)


CLAIM = Claim("C11", "dp above static", "Above zero.", {HALF: (("dp", {}), ("static", {}))}, lambda: "—", judge)
'''


def test_a_new_claim_is_one_file(tmp_path, monkeypatch):
    """A module that lies in a folder of claims is judged, in the order of ids; nothing else says that it is there."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more/above_static.py").write_text(NEW)
    monkeypatch.setattr(claims, "__path__", [*claims.__path__, str(tmp_path / "more")])
    assert [claim.id for claim in claims.all_claims()] == [*IDS[:12], "C11", *IDS[12:]]
    for arm, gain in (("static", 0.0), ("dp", 0.5)):
        world.runs(tmp_path / "runs", f"strategy={arm}", gain, scales=(500,))
    (found,) = claims.evaluate(tmp_path / "runs", only=("C11",))
    assert (found.verdict, found.claim) == ("confirmed", "dp above static")


def test_an_interrupted_study_of_the_theory_has_no_toy_yet(tmp_path):
    """Its loop comes last: until then nothing is said of it, and nothing fails."""
    world.theory(tmp_path, loops=0)
    found = {one.id: one for one in claims.evaluate(tmp_path)}
    assert found["C10t"].verdict == "not run" and "not finished" in found["C9"].why


@pytest.mark.parametrize("content", ["CLAIM = None", "from results.claims.gains import CLAIM"])
def test_a_file_without_a_claim_of_its_own_is_named(tmp_path, monkeypatch, content):
    (tmp_path / "odd_claim.py").write_text(content)
    monkeypatch.setattr(claims, "__path__", [*claims.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "results.claims.odd_claim", raising=False)
    with pytest.raises(BadInput, match="^claim=results.claims.odd_claim: needs a CLAIM"):
        claims.all_claims()


def test_the_help_counts_no_claims():
    assert "ten claims" not in application.__doc__
