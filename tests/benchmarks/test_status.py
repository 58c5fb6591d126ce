"""The survey of a root: each state by what lies there, hours to go, JSON."""

import json

from benchmarks import status
from dp_common.config.resolve import resolve
from dp_common.lab import runner
from dp_common.persistence import ledger
from tests.processes import command, start

SMALL = ["train.seen=1920", "train.batch=64", "sampler.steps=5", "mixture.components=2"]


def write(folder, *records):
    folder.mkdir(parents=True)
    lines = [{"n": n, "t": 1000.0 + n, "attempt": 1, "spent": {}} | record for n, record in enumerate(records)]
    (folder / ledger.NAME).write_bytes(b"".join(map(ledger.encode, lines)))


OPEN = {"kind": "open", "run_id": "x", "lost": 0.0, "devices": 1, "values": {"train.seen": 1000}}


def test_each_run_has_the_state_that_its_folder_shows(tmp_path, capsys):
    write(tmp_path / "digits-dp-1k-s0-a", OPEN, {"kind": "close", "state": "failed", "why": "nan", "wall": 1.0})
    write(tmp_path / "digits-dp-1k-s1-b", OPEN)
    write(tmp_path / "digits-dp-1k-s2-c", OPEN, {"kind": "close", "state": "done", "why": None, "wall": 1.0})
    (tmp_path / "digits-dp-1k-s2-c" / "summary.json").write_text(json.dumps({"state": "done", "accuracy": 0.9}))
    (tmp_path / "digits-dp-1k-s3-d").mkdir()
    (tmp_path / "digits-dp-1k-s3-d" / ledger.NAME).write_bytes(b'{"n": 0, "kind": "open", "crc": "0"}\n{}\n')
    (tmp_path / "digits-dp-1k-s4-e").mkdir()
    (tmp_path / "digits-dp-1k-s4-e" / "log.txt").write_text("srun: error\nerror: no such teacher\nsrun: exit 1\n")
    planned = {
        f"digits-dp-1k-s{seed}-{letter}": ["strategy=dp", f"seed={seed}"] for seed, letter in ((4, "e"), (5, "f"))
    }
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "x.json").write_text(json.dumps({"runs": planned}))
    assert status.main([str(tmp_path), "--all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 failed  1 damaged  1 interrupted  1 missing  1 done"
    states = {line.split()[1][-1]: line.split()[0] for line in lines[1:-1]}
    assert states == {"a": "failed", "b": "interrupted", "c": "done", "d": "damaged", "e": "failed", "f": "missing"}
    assert "failed       digits-dp-1k-s4-e  error: no such teacher" in lines
    status.main([str(tmp_path), "json=yes"])
    listed = json.loads(capsys.readouterr().out)
    assert [row["state"] for row in listed] == ["failed", "failed", "damaged", "interrupted", "missing"]
    assert listed[-1]["detail"] == "strategy=dp seed=5"


def test_hours_to_go_are_those_of_runs_alike():
    rows = [
        {"run_id": "digits-dp-1k-s0-aaaa", "state": "done", "detail": "", "hours": 2.0, "whole": 2.0},
        {"run_id": "digits-dp-1k-s1-bbbb", "state": "running", "detail": "", "hours": 0.5, "whole": 2.0},
        {"run_id": "digits-static-1k-s0-cccc", "state": "missing", "detail": "", "hours": 0.0, "whole": None},
    ]
    assert status.hours_text(rows, []) == "2.50 device hours spent; about 3.50 to go"
    assert "no estimate" in status.hours_text([rows[2]], [])
    assert [status.hours_number(hours) for hours in (1234.5, 0.0123, 0)] == ["1234.50", "0.0123", "0.00"]


def test_a_finished_run_answers_at_once_and_status_tells_missing_ones(tmp_path):
    words = ["strategy=static", "scale=100", f"root={tmp_path}", *SMALL]
    code, first, _ = command("run", *words)
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    again, second, _ = command("run", *words)
    assert code == again == 0 and first == second
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "x.json").write_text(
        json.dumps({"runs": {"digits-dp-1k-s0-0123456789": ["strategy=dp", "scale=1k"]}})
    )
    assert "missing      digits-dp-1k-s0-0123456789" in command("status", str(tmp_path))[1]


def test_status_of_a_running_and_a_killed_run(tmp_path):
    words = ["strategy=static", "scale=100", f"root={tmp_path}", "train.seen=64000"]
    process = start(words)
    folder = runner.folder_of(resolve(words))
    while not (folder / "lease.json").exists():
        pass
    running = command("status", str(tmp_path))[1]
    process.kill()
    process.join()
    assert "1 running" in running and "1 interrupted" in command("status", str(tmp_path))[1]


def test_one_damaged_summary_is_that_runs_and_the_others_are_shown(tmp_path, capsys):
    for name in ("digits-dp-1k-s0-a", "digits-dp-1k-s1-b"):
        write(tmp_path / name, OPEN, {"kind": "close", "state": "done", "why": None, "wall": 1.0})
        (tmp_path / name / "summary.json").write_text(json.dumps({"state": "done", "accuracy": 0.9}))
    (tmp_path / "digits-dp-1k-s0-a" / "summary.json").write_text("{")
    assert status.main([str(tmp_path), "--all"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "1 damaged  1 done" and "summary.json: not JSON" in out
