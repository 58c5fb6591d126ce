"""A selection keeps the best of all its candidates, however it is interrupted, and a scan is paid for once."""

import json

import numpy as np
import pytest

from dp_common.config.resolve import resolve
from dp_common.diffusion.image_sampler import quantise
from dp_common.errors import Problem
from dp_common.lab import runner
from dp_common.lab.scan import joined, uncovered
from dp_common.lab.select import ChosenHere, ChosenInFiles, StateFile, rows_of
from dp_common.lab.top_k import TopK
from dp_common.persistence import ledger
from dp_common.seeds import uniforms
from dp_common.training_data import shards
from tests.processes import start_ranks

SCAN = (
    "strategy=prune",
    "prune.interval=128",
    "prune.patience=1",
    "prune.rounds=1",
    "prune.oversample=4",
    "sampler.block=64",
)


class Killed(BaseException):
    pass


def run_of(resolved):
    """(summary, surviving unit counts) of a run."""
    summary = runner.execute(resolved, quiet=True)
    alive = ledger.surviving(ledger.read(runner.folder_of(resolved)))
    return summary, ledger.totals([r for r in alive if r["kind"] in ledger.WORK])[1]


def test_a_scan_that_keeps_its_state_costs_what_one_that_does_not_costs(small, tmp_path):
    plain, without = run_of(small(*SCAN, f"root={tmp_path}/plain"))
    kept, counts = run_of(small(*SCAN, "checkpoint_every=0", f"root={tmp_path}/kept"))
    assert kept["store_digest"] == plain["store_digest"] and counts == without


@pytest.mark.parametrize("victim", [1, 3])
def test_a_scan_killed_between_its_state_and_the_line_that_names_it_goes_on(small, tmp_path, monkeypatch, victim):
    expected, _ = run_of(small(*SCAN, f"root={tmp_path}/whole"))
    write, states = shards.write, []

    def killing(path, *args, **kwargs):
        shard_digest = write(path, *args, **kwargs)
        states.extend([path] if path.name.startswith("partial") else [])
        if len(states) == victim and path == states[-1]:
            raise Killed
        return shard_digest

    again = small(*SCAN, "checkpoint_every=0", f"root={tmp_path}/killed")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(shards, "write", killing)
        runner.execute(again, quiet=True)
    summary, _ = run_of(again)
    assert (summary["store_digest"], summary["accuracy"]) == (expected["store_digest"], expected["accuracy"])


def test_a_scan_killed_before_its_call_is_told_costs_one_scan(small, tmp_path, monkeypatch):
    """What was scanned again is spent, and no part of what the result cost."""
    _, expected = run_of(small(*SCAN, f"root={tmp_path}/whole"))
    append = ledger.Ledger.append

    def killing(self, kind, **content):
        if kind == "call" and content["name"] == "select":
            raise Killed
        return append(self, kind, **content)

    again = small(*SCAN, f"root={tmp_path}/killed")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(ledger.Ledger, "append", killing)
        runner.execute(again, quiet=True)
    summary, counts = run_of(again)
    assert counts == expected
    assert summary["gpu_hours_spent"] > summary["gpu_hours"]["total"]


# ---------------------------------------------------------------------- which are kept


def test_the_highest_of_all_candidates_are_kept(open_lab):
    """Against scoring the same candidates one by one and sorting."""
    one = open_lab()
    one.lab.generate(12)
    one.lab.train(256)
    one.lab.select(48, 20, "entropy", balance="global")
    indices = np.arange(12, 60)
    images = quantise(one.run.models.sampler.sample(indices, indices % 3))
    log_p = one.run.models.learner.predict(images).log_softmax(1)
    scores = -(log_p.exp() * log_p).sum(1).numpy()
    best = sorted(indices[np.argsort(-scores)][:20].tolist())
    kept = one.run.data.training_set.joined()
    assert kept.indices.tolist() == [*range(12), *best]
    assert np.array_equal(kept.images[12:], images[np.array(best) - 12])
    call = one.ledger.records[-1]
    assert call["measured"]["score_at_birth"] == pytest.approx(np.sort(scores)[-20:].mean(), rel=1e-5)
    assert call["state"]["generated"] == 60 and one.lab.size == 32


def test_classes_are_kept_in_equal_shares(open_lab):
    one = open_lab()
    one.lab.generate(12)
    one.lab.train(128)
    one.lab.select(60, 24, "loss", balance="class")
    assert np.bincount(one.run.data.training_set.joined().labels[12:]).tolist() == [8, 8, 8]


def test_with_replace_the_present_set_competes(open_lab):
    """The best of old and new remain; with as many kept as there are, all do."""
    one = open_lab()
    one.lab.generate(30)
    one.lab.train(256)
    one.lab.select(30, 60, "entropy", balance="global", replace=True)
    assert one.run.data.training_set.joined().indices.tolist() == list(range(60)) and one.lab.size == 60
    one.lab.select(10, 40, "margin", balance="global", replace=True)
    kept = one.run.data.training_set.joined().indices
    assert one.lab.size == len(kept) == 40 and kept.min() < 60 and len(set(kept.tolist())) == 40


def test_a_random_selection_asks_no_learner(open_lab):
    one = open_lab()
    one.lab.generate(12)
    one.run.models.learner.predict = None
    one.lab.select(30, 10, "random", balance="global")
    scores = uniforms(0, "score", np.arange(12, 42))
    best = sorted((12 + np.argsort(-scores.astype(np.float32))[:10]).tolist())
    assert one.run.data.training_set.joined().indices[12:].tolist() == best


def test_more_than_there_are_candidates_is_refused(open_lab):
    one = open_lab()
    with pytest.raises(Problem, match="select: keep=20 of pool=10"):
        one.lab.select(10, 20, "entropy")


# ---------------------------------------------------------------------- spans and files


def test_neighbouring_spans_are_one():
    spans = [[8, 16], [0, 8], [32, 40]]
    assert joined(spans) == [[0, 16], [32, 40]] and spans == [[8, 16], [0, 8], [32, 40]] and joined([]) == []


def test_what_no_state_has_seen_is_left_in_whole_blocks():
    assert uncovered(3, 40, [[8, 16], [24, 32]], 8) == [(3, 8), (16, 24), (32, 40)]
    assert uncovered(3, 20, [], 8) == [(3, 8), (8, 16), (16, 20)]
    assert uncovered(0, 16, [[0, 16]], 8) == []


@pytest.mark.parametrize("balance", ["class", "global"])
def test_the_best_of_several_ranks_files_is_the_best_of_all(tmp_path, balance):
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 20, 90).astype(np.float32), np.arange(90) % 3
    encoded = [b"%d" % index for index in range(90)]
    whole, paths = TopK(25, 3, balance), []
    whole.offer(scores, np.arange(90), labels, encoded.__getitem__)
    for rank in range(3):
        best, indices = TopK(25, 3, balance), np.arange(rank * 30, rank * 30 + 30)
        best.offer(scores[indices], indices, labels[indices], lambda row, first=30 * rank: encoded[first + row])
        paths.append(tmp_path / f"{rank}.parquet")
        shards.write(paths[-1], best.by_index(), "abc", shards.Origin(0, 1, "prune"))
    states, best = [StateFile(path) for path in paths[::-1]], TopK(25, 3, balance)
    one, several = ChosenHere(whole), ChosenInFiles(states, lambda *columns: rows_of(best, *columns))
    assert np.array_equal(one.scores, several.scores)
    for start, stop in ((0, 25), (7, 9)):
        for expected, found in zip(one.stored(start, stop), several.stored(start, stop)):
            assert list(expected) == list(found)


# ---------------------------------------------------------------------- rules


def states(resolved):
    """Names of the files in which scans of a run have put away what they found."""
    return [path.name for path in runner.folder_of(resolved).iterdir() if path.name.startswith(("partial", "feature"))]


RULES = {"ccs": {"strata": 4}, "sir": {"omega": 2.0}, "moderate": {}}


def kept_by(one, rule, replace=False):
    one.lab.generate(12)
    one.lab.train(256)
    one.lab.select(60, 24, "entropy", rule=rule, parameters=RULES[rule], replace=replace)
    return one.run.data.training_set.joined()


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_keeps_candidates_as_they_were_scored(open_lab, rule):
    """Also where they are made a second time: the same pixels, in equal shares."""
    one = open_lab()
    kept = kept_by(one, rule)
    new = kept.indices[12:]
    candidates = quantise(one.run.models.sampler.sample(np.arange(12, 72), np.arange(12, 72) % 3))
    assert np.array_equal(kept.images[12:], candidates[new - 12]) and sorted(set(new.tolist())) == new.tolist()
    assert np.bincount(kept.labels[12:]).tolist() == [8, 8, 8]
    call = one.ledger.records[-1]
    assert call["args"]["rule"] == rule and ("ess.2" in call["measured"]) == (rule == "sir")
    if rule == "sir":
        assert call["measured"]["ess"] <= 20 and call["args"]["parameters"] == {"omega": 2.0}


@pytest.mark.parametrize("rule", RULES)
def test_with_replace_the_present_set_competes_under_every_rule(open_lab, rule):
    one = open_lab()
    kept = kept_by(one, rule, replace=True)
    assert one.lab.size == len(kept.indices) == 24 == len(set(kept.indices.tolist()))
    present = quantise(one.run.models.sampler.sample(np.arange(12), np.arange(12) % 3))
    old = kept.indices < 12
    assert old.any() and np.array_equal(kept.images[old], present[kept.indices[old]])


@pytest.mark.parametrize("rule", RULES)
def test_a_killed_selection_goes_on_and_is_paid_for_once(small, tmp_path, monkeypatch, rule):
    """Killed while its chosen images are written: the scan is not done again where its state was kept."""
    words = [*SCAN, f"prune.rule={rule}", "checkpoint_every=0", "shard=64"]
    expected, counts = run_of(small(*words, f"root={tmp_path}/whole"))
    write, written = shards.write, []

    def killing(path, *args, **kwargs):
        digest = write(path, *args, **kwargs)
        written.extend([path] if path.name.startswith("shard") else [])
        if len(written) == 3:
            raise Killed
        return digest

    again = small(*words, f"root={tmp_path}/killed")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(shards, "write", killing)
        runner.execute(again, quiet=True)
    assert rule == "sir" or states(again), "a killed one needs them"
    summary, spent = run_of(again)
    assert (summary["store_digest"], summary["accuracy"]) == (expected["store_digest"], expected["accuracy"])
    assert spent == counts and not states(again), "one that is done does not"


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_ranks_change_nothing_of_a_selection(tmp_path, rule):
    """By a score that no rounding of a shared training reaches."""
    words = ["task=plane", "strategy=prune", "scale=200", "train.seen=2560", "train.batch=64", "sampler.steps=4"]
    words += ["sampler.block=64", "shard=64", "prune.rounds=1", "prune.at=0.5", "prune.score=random", "threads=1"]
    words += [f"prune.rule={rule}"]
    alone = runner.execute(resolve([*words, f"root={tmp_path}/alone"]), quiet=True)
    processes = start_ranks(2, [*words, f"root={tmp_path}/two", "--quiet"], tmp_path / "said")
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0, 0]
    two = json.loads(next((tmp_path / "two").glob("*/summary.json")).read_text())
    same = ("store_digest", "network_evaluations", "images_generated", "images_kept")
    assert [two[key] for key in same] == [alone[key] for key in same]
    assert two["additions"][1].get("ess") == alone["additions"][1].get("ess")
