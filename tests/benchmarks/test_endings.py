"""How an application ends: one line and one exit code for each way, whichever application it is."""

import errno
import io
import os
import signal
import subprocess
import sys
import time

import pytest

from benchmarks.cli_help import help_text
from benchmarks.endings import ended_like_ctrl_c, guarded
from dp_common.errors import BadInput, Held, Interrupted, Problem
from dp_common.files import write_atomic
from tests.processes import ROOT


@pytest.mark.parametrize(
    "error, code, line",
    [
        (BadInput("key", 3, "at most 2"), 2, "error: key=3: at most 2\n"),
        (Held("a run"), 3, "error: a run\n"),
        (Problem("full"), 1, "error: full\n"),
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on from what is kept\n"),
        (Interrupted("stopped; go on"), 130, "stopped; go on\n"),
        (BrokenPipeError(), 1, ""),
        (SystemExit(0), 0, ""),
    ],
)
def test_how_an_application_ends(error, code, line, capsys):
    def main(argv):
        raise error

    with pytest.raises(SystemExit) as ended:
        guarded(main, [])
    assert ended.value.code == code and capsys.readouterr().err == line


def test_what_an_import_made_of_an_interrupt_is_one_and_another_error_is_not(capsys):
    def interrupted(argv):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise ImportError("half of a module") from error

    with pytest.raises(SystemExit) as ended:
        guarded(interrupted, [])
    assert ended.value.code == 130

    def broken(argv):
        raise ImportError("no such module")

    with pytest.raises(ImportError):
        guarded(broken, [])

    def circular(argv):
        first, second = RuntimeError("a rank's"), RuntimeError("and what came of it")
        first.__cause__, second.__cause__ = second, first
        raise first

    with pytest.raises(RuntimeError, match="a rank's"):
        guarded(circular, [])


def test_a_terminal_without_our_letters_gets_others(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii"))
    with pytest.raises(SystemExit) as ended:
        guarded(lambda argv: print("═ 3 ± 1 λ"), [])
    sys.stdout.flush()
    assert ended.value.code == 0 and raw.getvalue() == b"? 3 ? 1 ?\n"


def test_help_says_the_codes_of_the_errors():
    class Nothing:
        __dataclass_fields__ = {}

    text = " ".join(help_text(Nothing).split())
    for error, means in (
        (BadInput, "bad input"),
        (Held, "held by"),
        (Interrupted, "told to stop"),
        (Problem, "anything"),
    ):
        assert f"{error.code} {means}" in text


def test_sigterm_ends_any_application_as_ctrl_c_does_and_puts_in_order(capsys):
    kept = []

    def main(argv):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # again: it says nothing new
            kept.append("in order")

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        guarded(main, [])
    assert ended.value.code == 130 and kept == ["in order"] and signal.getsignal(signal.SIGTERM) is before
    assert capsys.readouterr().err == "interrupted; the same command goes on from what is kept\n"


def test_a_fork_that_is_told_to_end_has_nothing_to_put_in_order():
    with ended_like_ctrl_c():
        child = os.fork()
        if not child:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(60)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGTERM and os.WIFSIGNALED(status)


def test_a_working_folder_that_is_gone_is_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(SystemExit) as ended:
        guarded(lambda argv: pytest.fail("called"), [])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: the working folder: it has been removed; cd to one that is there\n"


def test_a_full_disk_is_one_line_that_names_the_file(tmp_path, monkeypatch, capsys):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SystemExit) as ended:
        guarded(lambda argv: write_atomic(tmp_path / "table.md", b"x"), [])
    assert ended.value.code == 1 and not list(tmp_path.iterdir())
    said = f"error: {tmp_path}/table.md: No space left on device; free some and give the same command again\n"
    assert capsys.readouterr().err == said


def test_a_reader_that_has_gone_ends_it_without_a_word(monkeypatch, capfd):
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with pytest.raises(SystemExit) as ended:
            guarded(lambda argv: print("x"), [])
        stream.flush()  # as Python does at its end
    monkeypatch.undo()
    assert ended.value.code == 1 and capfd.readouterr().err == ""


def test_an_interrupt_while_an_application_is_imported_is_one_line(tmp_path):
    (tmp_path / "yaml.py").write_text("raise KeyboardInterrupt")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-m", "benchmarks.run", "--help"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode in (-signal.SIGINT, 130) and ended.stderr == "interrupted before anything began\n"
