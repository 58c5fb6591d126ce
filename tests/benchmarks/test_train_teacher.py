"""The application ``train_teacher``: what its keys mean; a place it cannot write to is found before it trains."""

import pytest

from benchmarks import cli, train_teacher
from benchmarks.train_teacher import Options, plan_of, shown_settings
from dp_common.errors import BadInput


def plan(*words):
    return plan_of(cli.parse(words, Options))


def test_keys_are_of_the_application_of_training_of_data_and_of_the_task():
    found = plan("task=digits", "steps=30", "channels=8,16", "data.split=2", "flip=yes", "seeds=3")
    assert (found.training.steps, found.training.channels, found.training.flip) == (30, "8,16", True)
    assert (found.training.seed, found.data.split, found.task.data.split, found.name) == (3, 2, 2, "digits")
    assert str(found.out) == "teachers/digits-split2.safetensors"
    assert str(plan("task=digits", "out=a/b.safetensors").out) == "a/b.safetensors"
    shown = shown_settings(found)
    assert shown["steps"] == 30 and shown["data.split"] == 2 and "out" not in shown and "data.root" not in shown


def test_larger_images_have_other_defaults_which_keys_replace(tmp_path):
    small, large = plan("task=digits"), plan("task=folder", "folder.size=32")
    assert small.training.steps == 4000 and large.training.steps == 100_000
    assert plan("task=folder", "folder.size=32", "steps=10").training.steps == 10


def test_help_tells_all_keys_and_the_defaults_of_larger_images(capsys):
    with pytest.raises(SystemExit):
        train_teacher.main(["--help"])
    text = capsys.readouterr().out
    for part in ("checkpoint_every=120 ", "label_dropout=0.1 ", "data.split=0 ", "up to 32 pixels ", "samples=2000 "):
        assert f"\n  {part}" in text, part
    assert "data.monitor" not in text


def test_it_is_trained_only_where_it_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(train_teacher, "train", lambda *_: pytest.fail("trained"))
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="^out=.*x.safetensors: cannot write there"):
        train_teacher.main(["task=digits", f"out={tmp_path}/file/x.safetensors"])
    with pytest.raises(BadInput, match="^out=/proc/x.safetensors: cannot write there"):
        train_teacher.main(["task=digits", "out=/proc/x.safetensors"])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
