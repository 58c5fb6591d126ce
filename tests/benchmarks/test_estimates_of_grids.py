"""What a grid would take: the sum of its runs, what sharing plain images saves, what of it is in no price."""

import json
import re

import pytest

from benchmarks import estimates, status, sweep
from benchmarks.estimates.sharing import pool_lines
from benchmarks.estimates.work import work_of
from dp_common.config.resolve import resolve


def test_a_dry_sweep_totals_the_grid(no_gpu, capsys, tmp_path):
    words = ["strategy=static,dp", "scale=500,1k", "seed=0..2", f"root={tmp_path}"]
    assert sweep.main(["--dry-run", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("new") and "digits-" in line]) == 12
    total = sum(estimates.estimate(resolve([*point])).total for point in points())
    shown = next(line for line in lines if line.startswith("time"))
    assert shown.startswith(f"time      12 runs, about {estimates.amount(total, 'thread')}:")
    assert any(line.startswith("longest   digits-dp-1k") for line in lines)
    assert any(line.startswith("disk      about") for line in lines)


def points():
    return [
        [f"strategy={s}", f"scale={n}", f"seed={k}"] for s in ("static", "dp") for n in (500, 1000) for k in range(3)
    ]


def test_a_grid_says_what_sharing_plain_images_saves(no_gpu):
    """By hand: static 4k of each seed is the largest, at about 250 bytes an image."""
    words = [["strategy=static", f"scale={scale}", f"seed={seed}"] for scale in ("1k", "4k") for seed in (0, 1)]
    runs = [resolve(one) for one in [*words, ["strategy=dp", "scale=4k", "seed=0"]]]
    found = [(run, estimates.estimate(run)) for run in runs]
    price = found[0][1].prices.plain / 3600
    once, alone = (estimates.amount(images * price, "thread") for images in (8000, 11000))
    first, second = pool_lines(found)
    assert first.startswith("pool      with pool=yes plain images: 8,000 made once instead of 11,000, ")
    assert f"about {once} instead of {alone}; 2 MB of disk" in first
    sampled = 8000 * price + found[-1][1].hours["guided"]
    assert f"then sampling takes {estimates.amount(sampled, 'thread')}, 1.00 x" in second
    assert pool_lines(found[2:4]) == []


def test_candidates_are_shared_where_they_are_kept(no_gpu):
    """4k from 12k candidates beside 1k, twice, by other rules; those that are made again are nobody's."""
    words = ["strategy=prune", "scale=4k", "prune.oversample=4"]
    runs = [resolve([*words, f"prune.rule={rule}"]) for rule in ("top", "moderate")]
    works = [work_of(run) for run in runs]
    assert [(work.plain, work.candidates, work.shared) for work in works] == [
        (13000, 12000, 1000),
        (16000, 12000, 1000),
    ]
    plain, kept, then = pool_lines([(run, estimates.estimate(run)) for run in runs])
    assert "1,000 made once instead of 2,000" in plain and "13,000 made once instead of 26,000" in kept
    assert float(then.split(" x ")[0].split()[-1]) == pytest.approx((13000 + 3000) / 13000, abs=0.01)


@pytest.mark.parametrize(
    "words, unshared",
    [
        (["strategy=allocate", "allocate.omega=0"], 3000),
        (["strategy=actgen", "actgen.omega=0"], 3000),
        (["strategy=refresh"], 0),
    ],
)
def test_what_labels_or_starts_decide_is_nobody_elses(words, unshared):
    work = work_of(resolve([*words, "scale=4k"]))
    assert (work.plain, work.shared) == (4000, 4000 - unshared)


def test_a_grid_of_the_paper_is_told_in_gpu_hours(no_gpu, capsys, tmp_path):
    assert sweep.main(["--dry-run", "grid=table1", "seed=0", f"root={tmp_path}"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"time      \d+ runs, about [\d,]+ H100-hours: generate", out) and re.search(r"disk .* TB", out)


def test_status_estimates_runs_of_which_nothing_alike_was_seen(no_gpu, tmp_path, capsys):
    (tmp_path / "sweeps").mkdir()
    words = ["strategy=static", "scale=1k"]
    (tmp_path / "sweeps" / "x.json").write_text(json.dumps({"runs": {"digits-static-1k-s0-0123456789": words}}))
    assert status.main([str(tmp_path)]) == 0
    to_go = estimates.estimate(resolve(words)).total
    shown = capsys.readouterr().out.splitlines()[-1]
    assert shown == f"0.00 device hours spent; about {to_go:.4f} to go (1 run as --dry-run estimates)"
