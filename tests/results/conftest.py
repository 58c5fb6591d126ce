"""``make``: fabricated run folders under the test's own folder."""

import pytest

from tests.results import fabricate


@pytest.fixture
def make(tmp_path):
    """``make("strategy=dp scale=2k seed=1", accuracy=0.91, ...)`` writes a run folder under ``make.root`` and returns
    it.
    """

    def build(words, accuracy=0.9, **changes):
        return fabricate.run(build.root, words, accuracy, **changes)

    build.root = tmp_path / "runs"
    return build
