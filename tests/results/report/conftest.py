import pytest

from tests.results.fabricate import run as make_run
from tests.results.report.pages import composed


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A root with static, and a dp that is better by 2 points at every one of three scales; four seeds."""
    root = tmp_path_factory.mktemp("study")
    for seed in range(4):
        for step, scale in enumerate(("500", "1k", "2k")):
            make_run(
                root, f"strategy=static scale={scale} seed={seed}", accuracy=0.80 + 0.02 * step + 0.005 * (seed % 2)
            )
            make_run(root, f"strategy=dp scale={scale} seed={seed}", accuracy=0.82 + 0.02 * step + 0.005 * (seed % 2))
    return root


@pytest.fixture(scope="module")
def written(study, tmp_path_factory):
    """(text of the page, folder with what it links to)."""
    out = tmp_path_factory.mktemp("written")
    return composed(study, out, words=["seeds=0..3"]), out
