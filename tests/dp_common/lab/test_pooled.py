"""Plain images are made once: whoever takes them has the same numbers, pays the same, and has spent less."""

import json
from collections import Counter
from pathlib import Path

import pytest

from dp_common.config.resolve import resolve
from dp_common.diffusion.image_sampler import ImageSampler
from dp_common.errors import Problem
from dp_common.lab import runner
from dp_common.persistence import ledger
from dp_common.persistence.summary import UNITS
from dp_common.pool import store
from tests.processes import start_ranks

TINY = [
    "task=digits-1797",
    "sampler.steps=2",
    "sampler.block=16",
    "shard=32",
    "train.seen=320",
    "train.batch=64",
    "data.limit=100",
    "population.images=0",
]
UNET = ["teacher=unet", *TINY]
MIDDLE = ["strategy=static", "scale=64", "teacher=mixture", *TINY]
RUNS = {
    "small": ["strategy=static", "scale=40"],
    "large": ["strategy=static", "scale=96"],
    "plain": [
        "strategy=dp",
        "dp.omega=0",
        "dp.every=1",
        "scale=96",
        "dp.initial=32",
        "dp.per_round=32",
        "dp.schedule=even",
    ],
    "prune": ["strategy=prune", "prune.initial=48", "scale=64", "prune.rounds=1", "prune.schedule=even"],
}
EQUAL = ("store_digest", "accuracy", "monitor_accuracy", "images_generated", "images_kept", "additions", *UNITS)


@pytest.fixture
def made(monkeypatch):
    """Counts the images that are sampled from now on, by index."""
    counts: Counter = Counter()
    sample = ImageSampler.sample

    def counting(self, indices, labels, guidance=None, start=None):
        counts.update(indices.tolist())
        return sample(self, indices, labels, guidance, start)

    monkeypatch.setattr(ImageSampler, "sample", counting)
    return counts


def run(root, *words):
    return runner.execute(resolve([*words, f"root={root}"]), quiet=True)


def files(root):
    return sorted((Path(root) / "pool").rglob("*.parquet"))


def blocks(root):
    return [block for path in files(root) for block in store.read_file(path, path.parents[1].name)]


def test_a_grid_makes_each_plain_image_once_and_has_the_numbers_of_one_without(tmp_path, made):
    without = {name: run(tmp_path / "no", *UNET, *words) for name, words in RUNS.items()}
    assert not files(tmp_path / "no")
    found, sampled = {}, {}
    for name, words in RUNS.items():
        made.clear()
        found[name] = run(tmp_path / "yes", *UNET, *words, "pool=yes")
        sampled[name] = dict(made)
    candidates = range(96, found["prune"]["images_generated"])  # those before are there, and these are not kept
    assert [list(indices) for indices in sampled.values()] == [
        list(range(40)),
        list(range(32, 96)),  # the small run's last eight were a batch of their own, and no part of one of sixteen
        [],
        list(candidates),
    ]
    assert all(n == 1 for counts in sampled.values() for n in counts.values())
    for name in RUNS:
        assert found[name]["run_id"] == without[name]["run_id"]
        assert {key: found[name][key] for key in EQUAL} == {key: without[name][key] for key in EQUAL}, name


def test_candidates_are_kept_where_that_is_asked_for_and_taken_by_any_rule_and_format(tmp_path, made):
    """Scores see what was sampled, jpeg or not; what looks at all scores makes its chosen again, as without a pool."""
    prune = ["teacher=mixture", *TINY, *RUNS["prune"], "prune.oversample=3"]  # 48, and 48 candidates for 16
    runs = {
        "png": prune,
        "jpeg": [*prune, "images.format=jpeg"],
        "moderate": [*prune, "prune.rule=moderate"],
        "static": ["teacher=mixture", *TINY, "strategy=static", "scale=96", "images.format=jpeg"],
    }
    without = {name: run(tmp_path / "no", *words) for name, words in runs.items()}
    found, sampled = {}, {}
    for name, words in runs.items():
        made.clear()
        found[name] = run(tmp_path / "yes", *words, "pool=yes", "pool.candidates=keep")
        sampled[name] = len(made)
    assert sampled == {"png": 96, "jpeg": 0, "moderate": 16, "static": 0}
    assert len(list((tmp_path / "yes" / "pool").iterdir())) == 1 and len(blocks(tmp_path / "yes")) == 6
    for name in runs:
        assert {key: found[name][key] for key in EQUAL} == {key: without[name][key] for key in EQUAL}, name
        cost = sum(block.seconds for block in blocks(tmp_path / "yes"))
        assert found[name]["gpu_hours"]["generate"] * 3600 >= cost - 1e-4, "as if it had made them"
    assert found["jpeg"]["gpu_hours"]["total"] - found["jpeg"]["gpu_hours_spent"] == pytest.approx(
        cost / 3600, abs=1e-7
    )


@pytest.mark.multiprocess
@pytest.mark.slow
def test_two_ranks_make_each_block_once_and_one_takes_what_they_made(tmp_path):
    """The candidates' score looks at no learner, whose sums two ranks round otherwise."""
    words = ["teacher=mixture", *TINY, "strategy=prune", "prune.score=random", "prune.schedule=even", "prune.rounds=1"]
    words = [word for word in words if not word.startswith(("train.seen", "shard"))] + ["train.seen=640", "shard=256"]
    words += ["scale=480", "prune.initial=400", "prune.oversample=8"]
    keep = [*words, "pool=yes", "pool.candidates=keep", f"root={tmp_path / 'two'}"]
    ranks = start_ranks(2, keep, tmp_path / "said")
    alone = run(tmp_path / "no", *words)
    for rank in ranks:
        rank.join(60)
    assert [rank.exitcode for rank in ranks] == [0, 0]
    two = json.loads((tmp_path / "two" / alone["run_id"] / "summary.json").read_text())
    assert two["devices"] == 2 and two["store_digest"] == alone["store_digest"]
    assert {unit: two[unit] for unit in UNITS} == {unit: alone[unit] for unit in UNITS}
    there = blocks(tmp_path / "two")
    made = sorted((block.start, block.stop) for block in there)
    assert made == [(start, start + 16) for start in range(0, 1040, 16)], "each once"
    one = run(tmp_path / "two", *words, "pool=yes", "train.lr=0.001", "pool.candidates=keep")
    cost = sum(block.seconds for block in there)
    for summary, pooled in ((two, 0.0), (one, cost)):
        records = ledger.read(tmp_path / "two" / summary["run_id"])
        assert ledger.seconds_beside(records, "pooled").get("generate", 0.0) == pytest.approx(pooled, abs=1e-4)
        assert summary["gpu_hours"]["generate"] * 3600 >= cost - 1e-4
        assert (summary["gpu_hours"]["total"] - summary["gpu_hours_spent"]) * 3600 == pytest.approx(pooled, abs=1e-3)


def test_what_is_taken_costs_what_making_it_did_and_is_not_spent(tmp_path):
    makes = run(tmp_path, *MIDDLE, "pool=yes")
    takes = run(tmp_path, *MIDDLE, "pool=yes", "train.lr=0.001")
    assert makes["run_id"] != takes["run_id"] and makes["network_evaluations"] == takes["network_evaluations"] == 128
    cost = sum(block.seconds for block in blocks(tmp_path))
    records = ledger.read(tmp_path / takes["run_id"])
    assert cost > 0 and ledger.seconds_beside(records, "pooled")["generate"] == pytest.approx(cost, abs=1e-5)
    assert takes["gpu_hours"]["generate"] * 3600 >= cost - 1e-5
    assert takes["gpu_hours"]["total"] - takes["gpu_hours_spent"] == pytest.approx(cost / 3600, abs=1e-8)
    assert makes["gpu_hours"]["total"] == pytest.approx(makes["gpu_hours_spent"])
    assert records[0]["pool"] == files(tmp_path)[0].parents[1].name


@pytest.mark.parametrize("damage", ["truncated", "foreign", "of another pool"])
def test_a_damaged_file_is_made_again_and_said(tmp_path, made, capsys, damage):
    first = run(tmp_path, *MIDDLE, "pool=yes")
    path, *_ = files(tmp_path)
    whole = path.read_bytes()
    path.unlink()
    if damage == "truncated":
        path.write_bytes(whole[:-100])
    elif damage == "foreign":
        path.write_bytes(b"PAR1 of somebody else")
    else:
        data = store.file_of(store.blocks_in(whole, path, path.parents[1].name), "another", 10)
        path = path.with_name(f"{path.name[:21]}-{store.digest(data)[:16]}.parquet")
        path.write_bytes(data)
    made.clear()
    again = run(tmp_path, *MIDDLE, "pool=yes", "train.lr=0.001")
    assert sorted(made) == list(range(32)) and again["store_digest"] == first["store_digest"]
    assert f"{path}: " in capsys.readouterr().err
    assert sorted((block.start, block.stop) for block in blocks(tmp_path)) == [(0, 16), (16, 32), (32, 48), (48, 64)]


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "write_atomic", full)
    with pytest.raises(Problem, match="pool/.*: No space left on device; free some space .* pool=no"):
        run(tmp_path, *MIDDLE, "pool=yes")
    monkeypatch.undo()
    assert run(tmp_path, *MIDDLE, "pool=yes")["state"] == "done"
