"""``benchmarks.pool``: lists, removes, fills; says before what filling takes; refuses what does not go together."""

import json
import os
import re

import pytest

from benchmarks import cli, estimates, pool, pool_fill, run
from benchmarks.pool_checks import require_fillable, require_pool
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput, Interrupted
from dp_common.lab import runner
from dp_common.pool import store
from dp_common.pool.key import values_of

TINY = ["task=digits-1797", "teacher=mixture", "sampler.steps=5", "sampler.block=64", "data.limit=100"]

RUN = [*TINY, "pool=yes", "shard=256", "population.images=0", "train.seen=320", "train.batch=64"]


@pytest.fixture(autouse=True)
def own_signals(monkeypatch, tmp_path):
    """Nothing is installed in the tests' process, and no GPU is asked for."""
    monkeypatch.setattr(run, "stop_on_signals", lambda: lambda: False)
    monkeypatch.setattr(estimates, "NVIDIA", tmp_path / "no")


def files_under(root):
    return sorted((root / "pool").rglob("*.parquet"))


def test_what_is_filled_is_listed_taken_and_removed_where_no_run_refers_to_it(tmp_path, capsys):
    words = ["fill", "n=300", *TINY, f"root={tmp_path}"]
    assert pool.main([*words, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "digits-1797 mixture seed=0: 300 plain images, none there; 300 to make, 75.4 kB, about" in said
    assert not files_under(tmp_path)
    assert pool.main(words) == 0 and "300 images are there; 300 made here" in capsys.readouterr().err
    assert pool.main(words) == 0 and "0 made here" in capsys.readouterr().err
    pool.main([*words, "--dry-run"])
    assert "300 there (cpu); 0 to make, 0 B" in capsys.readouterr().out
    assert pool.main(["fill", "n=320", "--dry-run", *words[2:]]) == 0
    assert "256 there (cpu); 64 to make" in capsys.readouterr().out, "a block that is cut off is another one"

    taking = resolve(["strategy=static", "scale=256", *RUN, f"root={tmp_path}"])
    runner.execute(taking, quiet=True)
    key = json.loads((runner.folder_of(taking) / "ledger.jsonl").read_text().splitlines()[0])["pool"]
    pool.main(["fill", "n=64", "seed=7", *words[2:]])
    capsys.readouterr()
    assert pool.main([str(tmp_path), "remove=unused", "yes=yes"]) == 0
    out, err = capsys.readouterr()
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert re.search(r" 300 images .* 0\.\d+ h to make  1 run  digits-1797 mixture seed=0 cpu", lines.pop(key))
    (other,) = lines
    assert "  0 runs  " in lines[other] and f"removed: {tmp_path / 'pool' / other}" in err
    assert [path.parents[1].name for path in files_under(tmp_path)] == [key] * 2


@pytest.mark.parametrize("what", ["its folder", "a folder of files"])
def test_a_pool_that_cannot_be_written_does_for_runs_that_find_all_in_it(tmp_path, monkeypatch, what):
    of_pool = {"task": "digits-1797", "teacher": "mixture", "seed": 0, "device": "cpu"}
    run_of = [f"strategy={name}" for name in ("static", "dp")]
    static, dp = (resolve([strategy, "scale=256", *RUN, f"root={tmp_path}"]) for strategy in run_of)
    mine = store.ImagePool(tmp_path, "0123456789abcdef", values_of(static) | of_pool, 64, 10)
    mine.write([store.Block(start, start + 64, [b"x"] * 64, 1.0, {}) for start in range(0, 192, 64)])
    theirs = mine.folder if what == "its folder" else mine.folder_of(0)
    other = resolve(["strategy=static", "scale=256", "seed=1", *RUN, f"root={tmp_path}"])

    def creatable(key, folder):
        if folder == theirs:
            raise BadInput(key, folder, "cannot write there: Permission denied")

    monkeypatch.setattr(cli, "creatable_folder", creatable)
    with pytest.raises(BadInput, match=f"^pool=yes: no: {theirs}: cannot write there: Permission denied"):
        require_pool(static)
    with pytest.raises(BadInput, match=f"^root={tmp_path}: {theirs}: cannot write there"):
        require_fillable(static)
    require_pool(dp)  # begins with 64
    require_pool(other)  # another pool


def test_without_n_it_is_what_the_runs_of_a_grid_will_take():
    """By hand: static, the start of dp, all of ω = 0, the start of prune and, where they are kept, its candidates."""

    def planned(*words):
        options = pool_fill.cli.parse([*words, *TINY], pool_fill.Options)
        return sorted((filling.resolved.spec.seed, filling.n) for filling in pool_fill.plan(options))

    assert planned("strategy=static,dp", "scale=400,800", "seed=0,1") == [(0, 800), (1, 800)]
    assert planned("strategy=dp", "scale=800") == [(0, 200)]
    assert planned("strategy=dp", "dp.omega=0", "scale=800") == [(0, 800)]
    assert planned("strategy=prune", "scale=800", "prune.oversample=3") == [(0, 200)]
    assert planned("strategy=prune", "scale=800", "prune.oversample=3", "pool.candidates=keep") == [(0, 2000)]
    assert planned("n=1k", "preset=rivals/fg") == [(0, 1000)], "what a preset says of teacher and sampler counts"
    assert planned("n=1k", "seed=0..2") == [(0, 1000), (1, 1000), (2, 1000)]


def test_a_grid_of_the_paper_is_told_before_it_is_filled(capsys, tmp_path):
    words = ["fill", "--dry-run", "grid=pruning", "seed=0", "pool.candidates=keep", f"root={tmp_path}", "prices=h100"]
    assert pool.main(words) == 0
    line, source = capsys.readouterr().out.splitlines()
    assert line.startswith("imagenet100 stable-diffusion seed=0: 2,470,000 plain images, none there; ")
    assert "to make, 298 GB, about 141 H100-hours" in line and source.startswith("by counted operations")


@pytest.mark.parametrize(
    "words, said",
    [
        ([], "n=0: how many images"),
        (["n=64", "strategy=dp"], "strategy=dp: left out with n="),
        (["n=64", "grid=digits"], "grid=digits: left out with n="),
        (["n=64", "pool=no"], "pool=no: left out"),
        (["n=64", "jobs=2"], "jobs=2: only with launcher=slurm"),
        (["n=64", "profile=cpu"], "profile=cpu: only with launcher=slurm"),
        (["n=64", "launcher=slurm"], "profile: launcher=slurm needs one of"),
        (["n=64", "launcher=slurm", "profile=cpu", "workers=2"], "workers=2: only with launcher=local"),
        (["n=64", "part=2/2"], "part=2/2: 0/2 to 1/2"),
        (["n=64", "prices=h100"], "prices=h100: only with dry_run=yes"),
        (["strategy=real"], "runs that sample plain images"),
        (["n=64", "sampler.blocks=3"], "no such key"),
    ],
)
def test_what_does_not_go_together_is_one_line_before_anything_is_written(tmp_path, words, said):
    with pytest.raises(BadInput, match=re.escape(said)):
        pool.main(["fill", *words, f"root={tmp_path / 'runs'}"])
    assert not (tmp_path / "runs").exists()


def test_a_filler_that_is_told_to_go_keeps_what_it_made(tmp_path, monkeypatch):
    calls = iter(range(100))
    monkeypatch.setattr(run, "stop_on_signals", lambda: lambda: next(calls) == 3)
    with pytest.raises(Interrupted, match="the same command goes on"):
        pool.main(["fill", "n=512", *TINY, f"root={tmp_path}"])
    (path,) = files_under(tmp_path)
    made = store.records_of(path, path.parents[1].name)
    assert [(record["start"], record["stop"]) for record in made] == [(0, 64), (64, 128)]


def test_side_by_side_one_that_dies_is_made_up_for(monkeypatch, capsys):
    """Of three processes: the words of each, and what the exit code says of theirs."""
    started = []

    class Process:
        def __init__(self, command):
            started.append(command[-2:])

        def wait(self):
            return codes.pop(0)

    monkeypatch.setattr(pool_fill.subprocess, "Popen", Process)
    monkeypatch.setattr(pool_fill.signal, "signal", lambda *_: None)
    codes = [0, -9, 0]
    assert pool_fill.side_by_side(["n=64"], 3) == 0
    assert started == [["n=64", f"part={number}/3"] for number in range(3)]
    assert "1 of 3 processes ended early" in capsys.readouterr().err
    codes = [2, 2]
    assert pool_fill.side_by_side(["n=64"], 2) == 2
    for given, code in (([-9, -9], 1), ([130, 130], 130), ([130, -9], 1)):
        codes[:] = given
        assert pool_fill.side_by_side(["n=64"], 2) == code


def test_a_pool_that_may_not_be_read_is_one_line(tmp_path, monkeypatch):
    def refused(folder):
        raise PermissionError(13, "Permission denied")

    taking = resolve(["strategy=static", "scale=64", *RUN, f"root={tmp_path}"])
    monkeypatch.setattr(store.os, "listdir", refused)
    with pytest.raises(BadInput, match="pool=yes: no: cannot read .*: Permission denied"):
        runner.execute(taking, quiet=True)
    assert os.listdir is refused
