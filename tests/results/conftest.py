"""``make``: fabricated run folders under the test's own folder; ``league_study``: one study for all that read it."""

import pytest

from results import load
from tests.results import fabricate, leagues


@pytest.fixture
def make(tmp_path):
    """``make("strategy=dp scale=2k seed=1", accuracy=0.91, ...)`` writes a run folder under ``make.root`` and returns
    it.
    """
    return fabricate.maker(tmp_path / "runs")


@pytest.fixture(scope="session")
def league_study(tmp_path_factory):
    """The study of ``leagues``; nobody writes under its root."""
    root = tmp_path_factory.mktemp("league")
    leagues.write(root)
    return load(root)
