"""Files that are whole or not there, also where the file system answers strangely."""

import errno
import os

import pytest

from dp_common import files


def test_the_new_content_is_there_and_nothing_beside_it(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    files.write_atomic(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new" and [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_write_that_fails_leaves_the_old_content_and_no_temporary(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", failing(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        files.write_atomic(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old" and [path.name for path in tmp_path.iterdir()] == ["a"]


def failing(number, only_folders=False):
    """An fsync that fails."""
    fsync = os.fsync

    def fail(descriptor):
        if only_folders and not os.path.isdir(f"/proc/self/fd/{descriptor}"):
            return fsync(descriptor)
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_sync_folders_is_written_to_all_the_same(tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "fsync", failing(number, only_folders=True))
    files.write_atomic(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_folder_that_cannot_be_synced_for_another_reason_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", failing(errno.EIO, only_folders=True))
    with pytest.raises(OSError, match="Input/output error"):
        files.write_atomic(tmp_path / "a", b"new")


def test_temporaries_of_dead_attempts_are_removed_and_nothing_else(tmp_path):
    for name in (".ledger.jsonl.123.tmp", "a.tmp", ".beat.x"):
        (tmp_path / name).touch()
    files.remove_temporaries(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".beat.x", "a.tmp"]


def test_a_digest_is_half_a_sha256():
    assert files.digest(b"") == "e3b0c44298fc1c149afbf4c8996fb924"
