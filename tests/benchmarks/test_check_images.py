"""check_images names what cannot be decoded, with the reason, and what else is no image."""

import subprocess
import sys

import pytest

from benchmarks import check_images
from dp_common.errors import BadInput
from tests.dp_common.real_images.pictures import tree


def test_whole_images_pass(tmp_path, capsys):
    assert check_images.main([str(tree(tmp_path / "set", {"cat": 2, "dog": 1}))]) == 0
    assert capsys.readouterr().out == "0 of 3 images cannot be decoded\n"


def test_each_broken_image_has_its_line_and_reason(tmp_path, capsys):
    path = tree(tmp_path / "set", {"cat": 2, "dog": 2})
    (path / "cat/001.png").write_bytes(b"no picture")
    (path / "dog/000.png").unlink()
    (path / "dog/000.png").symlink_to("gone")
    (path / "dog/notes.txt").write_text("x")
    assert check_images.main([str(path)]) == 1
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].startswith("cat/001.png cannot be decoded: of no format that Pillow knows")
    assert f"{path}: dog/000.png cannot be read: " in lines[1] and lines[2:] == ["2 of 4 images cannot be decoded"]
    assert said.err.splitlines()[-1] == "1 file (dog/notes.txt) ignored: not named like an image"


@pytest.mark.parametrize("words", [[], ["a", "b"], ["/no/such/set"]])
def test_what_is_no_set_is_refused(words):
    with pytest.raises(BadInput, match="^path"):
        check_images.main(words)


def test_the_former_command_names_its_successor():
    done = subprocess.run(
        [sys.executable, "-m", "dp_common.real_images.image_files", "here"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == "error: this command is called `python -m benchmarks.check_images here` now\n"
