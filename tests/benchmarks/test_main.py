"""The console script lists every application, runs one and imports no other; what there is to choose, by folder."""

import subprocess
import sys

import pytest

from benchmarks import catalogue, folders, grid_files
from benchmarks.__main__ import ORDER, applications, main
from dp_common.errors import BadInput
from tests.processes import ROOT


def test_every_application_is_listed_with_a_line_of_its_own(capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    for name, path in applications().items():
        assert f"\n  {name} " in text
        assert 10 < len(folders.about(path)) <= 110 and folders.about(path)[-1] in ".?", name
    assert set(applications()) >= set(ORDER) - {"check-images"}
    assert "cli" not in applications() and "theory-plan" not in applications()


def test_a_name_that_is_none_gets_a_suggestion():
    with pytest.raises(BadInput, match="Did you mean train-teacher?"):
        main(["train-teachr"])


def test_an_application_runs_by_either_spelling(capsys):
    for name in ("train-teacher", "train_teacher"):
        with pytest.raises(BadInput, match="^task: needed"):
            main([name])
    with pytest.raises(SystemExit) as ended:
        main(["status", "--help"])
    assert ended.value.code == 0 and "What is done" in capsys.readouterr().out


def test_every_application_answers_as_a_module_too():
    for name, path in applications().items():
        assert '\nif __name__ == "__main__":\n    cli.guarded(main' in path.read_text(), name


def test_only_the_application_asked_for_is_imported(tmp_path):
    code = (
        "import sys\nfrom benchmarks.__main__ import main\nassert main(['status', sys.argv[1]]) == 0\n"
        "loaded = {name for name in sys.modules if name.startswith('benchmarks.')}\n"
        "assert 'benchmarks.status' in loaded and not loaded & {'benchmarks.run', 'benchmarks.table'}\n"
        "assert not {'torch', 'pandas'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "no runs"), done.stderr


def test_no_help_imports_what_it_does_not_need():
    """torch alone takes seconds."""
    code = (
        "import contextlib, io, sys\nfrom benchmarks.__main__ import applications, main\n"
        "for name in applications():\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):\n"
        "        main([name, '--help'])\n"
        "    assert 'Exit codes' in said.getvalue(), name\n"
        "    heavy = {'torch', 'seaborn', 'matplotlib', 'pandas', 'sklearn', 'timm', 'pyarrow'} & set(sys.modules)\n"
        "    assert not heavy, (name, heavy)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_what_there_is_has_a_line_of_its_own():
    for kind, name, about, broken in catalogue.entries(check=False):
        assert about.strip() and "\n" not in about and not broken, (kind, name)
        if kind in ("grid", "profile", "speed suite", "tracker"):
            assert len(about) <= 115 and about[-1] in ".;)", (kind, name, about)
    text = catalogue.list_text(check=False)
    for line in (
        "strategies",
        "  dp ",
        "grids",
        "  digits-ablations ",
        "profiles",
        "speed suites",
        "trackers",
        "  wandb ",
    ):
        assert f"\n{line}" in "\n" + text, line


def test_a_new_file_is_there_without_an_edit(tmp_path, monkeypatch):
    from benchmarks import speed, speed_suites

    (tmp_path / "mine.yaml").write_text("# A grid of mine.\n- strategy: static\n  scale: [100, 200]\n")
    (tmp_path / "disk_only.py").write_text('"""How fast the disk is."""\n\nRUN_KEYS = False\n')
    monkeypatch.setattr(speed_suites, "__path__", [*speed_suites.__path__, str(tmp_path)])
    monkeypatch.setattr(speed_suites.__spec__, "submodule_search_locations", speed_suites.__path__)
    assert ("profile", "mine", "A grid of mine.", None) in catalogue.yaml_entries("profile", tmp_path)
    path = f"grid={tmp_path}/mine.yaml"
    assert grid_files.expand([path]) == [["strategy=static", "scale=100"], ["strategy=static", "scale=200"]]
    assert "disk-only" in speed.suites() and "How fast the disk is." in speed.suites_text([])
    assert speed.module_of("disk-only").RUN_KEYS is False
