"""The survey of a root: each state by what lies there, hours to go, JSON."""

import json

from benchmarks import status
from dp_common.config.resolve import resolve
from dp_common.lab import runner
from dp_common.persistence import ledger
from tests.processes import command, start

SMALL = "train.seen=1920 train.batch=64 sampler.steps=5 mixture.components=2 data.limit=450 population.images=0".split()


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
    assert [row["state"] for row in listed] == ["failed", "failed", "damaged", "interrupted", "missing", "done"]
    assert listed[-2]["detail"] == "strategy=dp seed=5"
    assert listed[-1]["folder"] == str(tmp_path / "digits-dp-1k-s2-c") and listed[-2]["folder"] is None


def test_hours_to_go_are_those_of_runs_alike():
    rows = [
        {"run_id": "digits-dp-1k-s0-aaaa", "state": "done", "detail": "", "hours": 2.0, "whole": 2.0, "words": []},
        {"run_id": "digits-dp-1k-s1-bbbb", "state": "running", "detail": "", "hours": 0.5, "whole": 2.0, "words": []},
        {
            "run_id": "digits-static-1k-s0-cccc",
            "state": "missing",
            "detail": "",
            "hours": 0.0,
            "whole": None,
            "words": [],
        },
    ]
    assert status.hours_line(rows, []) == "2.50 device hours spent; about 3.50 to go"
    assert "no estimate" in status.hours_line([rows[2]], [])


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


def finished(folder, accuracy=0.9, spent=2.0):
    write(folder, OPEN, {"kind": "close", "state": "done", "why": None, "wall": 1.0})
    (folder / "summary.json").write_text(json.dumps({"state": "done", "accuracy": accuracy, "gpu_hours_spent": spent}))


def test_runs_lie_at_any_depth_under_several_roots_links_too_and_each_counts_once(tmp_path, capsys):
    finished(tmp_path / "a" / "study" / "deep" / "digits-dp-1k-s0-a")
    finished(tmp_path / "b" / "digits-dp-1k-s1-b")
    finished(tmp_path / "elsewhere" / "digits-dp-1k-s2-c")
    finished(tmp_path / "a" / ".hidden" / "digits-dp-1k-s3-d")
    (tmp_path / "a" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "a" / "round").symlink_to(tmp_path / "a")
    assert status.main([str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "a" / "study"), "json=yes"]) == 0
    assert [row["run_id"][-1] for row in json.loads(capsys.readouterr().out)] == ["a", "b", "c"]


def test_table_and_status_find_the_same_runs(tmp_path, capsys):
    from results.analysis.study import load
    from tests.results import fabricate

    fabricate.run(tmp_path / "x" / "y", "strategy=dp scale=1k")
    fabricate.run(tmp_path / "other", "strategy=dp scale=1k seed=1", state="open")
    (tmp_path / "x" / "link").symlink_to(tmp_path / "other")
    status.main([str(tmp_path / "x"), "json=yes"])
    rows = json.loads(capsys.readouterr().out)
    assert {row["run_id"]: row["folder"] for row in rows} == {
        run.run_id: str(run.folder) for run in load(tmp_path / "x").runs.itertuples()
    }


def test_damage_behind_a_finished_summary_is_seen_without_parsing(tmp_path, capsys):
    for name in "abcd":
        finished(tmp_path / f"digits-dp-1k-s0-{name}")
    one, two, three = (tmp_path / f"digits-dp-1k-s0-{name}" / ledger.NAME for name in "abc")
    one.write_bytes(one.read_bytes().replace(b"1000", b"9000"))
    two.write_bytes(b"")
    three.write_bytes(b"".join(reversed(three.read_bytes().splitlines(keepends=True))))
    status.main([str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 damaged  1 done"
    assert "its checksum does not fit" in lines[1] and "missing or empty" in lines[2] and "stands where 0" in lines[3]


def test_what_a_sweep_waits_for_is_one_command_at_the_root_where_it_lies_now(tmp_path, capsys):
    runs = {f"digits-dp-1k-s{seed}-x": ["strategy=dp", f"seed={seed}", "root=/before"] for seed in range(17)}
    (tmp_path / "moved here" / "sweeps").mkdir(parents=True)
    words = ["strategy=dp", "seed=0..16", "root=/before"]
    plan = json.dumps({"words": words, "runs": runs})
    (tmp_path / "moved here" / "sweeps" / "1f0c2a9b31.json").write_text(plan)
    (tmp_path / "moved here" / "sweeps" / "broken.json").write_text("[1")
    status.main([str(tmp_path / "moved here")])
    out, err = capsys.readouterr()
    assert "17 missing of sweep 1f0c2a9b31: python -m benchmarks.sweep strategy=dp seed=0..16 'root=" in out
    assert "/before" not in out and max(map(len, out.splitlines()[1:18])) < 80
    assert "broken.json: not what a sweep remembers" in err


def test_a_run_on_another_machine_is_running_while_it_is_heard(tmp_path, capsys, monkeypatch):
    from dp_common.persistence import lease, listening

    for name in ("a", "b"):
        write(tmp_path / f"digits-dp-1k-s0-{name}", OPEN)
        record = {"token": name, "ttl": 2.0, **lease.this_process(), "host": "elsewhere"}
        (tmp_path / f"digits-dp-1k-s0-{name}" / lease.NAME).write_text(json.dumps(record))
        (tmp_path / f"digits-dp-1k-s0-{name}" / f".beat.{name}").write_text("1.0")
    sleep = listening.time.sleep
    beat = tmp_path / "digits-dp-1k-s0-a" / ".beat.a"
    monkeypatch.setattr(listening.time, "sleep", lambda seconds: (beat.write_text("-5.0"), sleep(seconds)))
    status.main([str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 running  1 interrupted" and "s0-a" in lines[1]
