"""``no_gpu``: a machine without one, whatever this one has."""

import pytest

from benchmarks import estimates


@pytest.fixture
def no_gpu(monkeypatch, tmp_path):
    monkeypatch.setattr(estimates, "NVIDIA", tmp_path / "no")
