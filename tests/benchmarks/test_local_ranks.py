"""``run ranks=N`` starts N processes of this machine, and ends as they do."""

import os
import signal
import subprocess
import sys
import time

import pytest

from benchmarks import local_ranks
from benchmarks.run import main
from dp_common.errors import BadInput
from dp_common.persistence import ledger
from tests.processes import ROOT

SHORT = ["strategy=static", "scale=64", "train.batch=64"]


def processes(*programs):
    return [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for program in programs]


def test_all_well_is_0():
    assert local_ranks.watch(processes("pass", "pass")) == 0


def test_the_first_bad_exit_code_is_the_runs():
    assert local_ranks.watch(processes("import time; time.sleep(1); raise SystemExit(1)", "raise SystemExit(2)")) == 2


def test_a_killed_rank_is_one_line_and_the_others_are_asked_to_leave(capsys):
    polite = "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print(1, flush=True); signal.pause()"
    ranks = [subprocess.Popen([sys.executable, "-c", polite], stdout=subprocess.PIPE) for _ in range(2)]
    for rank in ranks:
        rank.stdout.readline()
    ranks[1].kill()
    assert local_ranks.watch(ranks) == 1 and ranks[0].returncode == 7
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith(
        "error: rank 1 of 2 was ended by SIGKILL, as where memory is short"
    )


def test_one_that_does_not_leave_is_made_to(monkeypatch, capsys):
    monkeypatch.setattr(local_ranks, "GRACE", 0.2)
    deaf = "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); signal.pause()"
    rank = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    rank.stdout.readline()
    (dead,) = processes("import os; os.abort()")
    assert local_ranks.watch([dead, rank]) == 1 and rank.returncode == -signal.SIGKILL
    assert "was ended by SIGABRT;" in capsys.readouterr().err


def test_ranks_within_ranks_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(BadInput, match="ranks=2: 1 under torchrun or srun"):
        local_ranks.launch(2, [])


def test_cheap_mistakes_are_answered_before_a_process_is_started(monkeypatch, tmp_path):
    monkeypatch.setattr(local_ranks, "launch", lambda *a: pytest.fail("started"))
    with pytest.raises(BadInput, match="root=/proc/none: cannot write there"):
        main(["ranks=2", *SHORT, "root=/proc/none"])
    with pytest.raises(BadInput, match="ranks=0: at least 1"):
        main(["ranks=0", *SHORT, f"root={tmp_path}"])


@pytest.mark.multiprocess
def test_two_ranks_do_a_run_and_one_that_is_killed_is_told_and_lost_nothing(tmp_path):
    words = [
        sys.executable,
        "-m",
        "benchmarks.run",
        "ranks=2",
        *SHORT,
        f"root={tmp_path}",
        "train.seen=19200",
        "data.limit=450",
        "population.images=0",
    ]
    first = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    folder, deadline = None, time.monotonic() + 200
    while not folder or not any(record["kind"] == "call" for record in ledger.read(folder)):
        assert first.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
        folder = next(iter(tmp_path.glob("*/ledger.jsonl")), None)
        folder = folder.parent if folder else None
    children = subprocess.run(["ps", "--ppid", str(first.pid), "-o", "pid="], capture_output=True, text=True)
    os.kill(int(children.stdout.split()[1]), signal.SIGKILL)
    _, err = first.communicate(timeout=120)
    assert first.returncode == 1 and "error: rank 1 of 2 was ended by SIGKILL" in err and "Traceback" not in err, err
    again = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert again.returncode == 0 and "test accuracy" in again.stdout, again.stderr
    opened = [record for record in ledger.read(folder) if record["kind"] == "open"]
    assert [record["devices"] for record in opened] == [2, 2]
    alone = subprocess.run([*words[:3], *words[4:]], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert alone.returncode == 0 and alone.stdout == again.stdout  # done: it is shown, whatever the ranks
