"""``make``: fabricated run folders under the test's own folder."""

import pytest

from tests.results import fabricate
from tests.results.fabricate import run as make_run  # noqa: F401: until all tests name it there
from tests.results.fabricate import write_ledger  # noqa: F401


@pytest.fixture
def make(tmp_path):
    """``make("strategy=dp scale=2k seed=1", accuracy=0.91, ...)`` writes a run folder under ``make.root`` and returns
    it.
    """

    def build(words, accuracy=0.9, **changes):
        return fabricate.run(build.root, words, accuracy, **changes)

    build.root = tmp_path / "runs"
    return build
