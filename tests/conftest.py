"""One thread everywhere: what is compared bit for bit must be summed in one order, and two cores are few."""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import pytest

SMALL = [
    "scale=120",
    "train.seen=2560",
    "train.batch=64",
    "sampler.steps=5",
    "mixture.components=2",
    "dp.interval=128",
    "dp.patience=1",
]


LONGEST = (
    "slurm",
    "test_ranks",
    "test_resume",
    "test_theory",
)  # begun first, so that no worker is left with one of them at the end


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A file's tests go to one worker, which makes its fixtures once; all of SLURM's too, since there is one test cluster."""

    def group(item):
        return "slurm" if item.path.parent.name == "slurm" else item.path.stem

    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))
    items.sort(key=lambda item: LONGEST.index(group(item)) if group(item) in LONGEST else len(LONGEST))


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def small(tmp_path):
    """``small("strategy=static", ...)`` -> Resolved: a run of about a second under tmp_path."""
    from dp_common.config.resolve import resolve

    def small_run(*words):
        given = {word.partition("=")[0] for word in words}
        section = next((word.partition("=")[2] for word in words if word.startswith("strategy=")), "dp")
        rest = [
            word
            for word in SMALL
            if word.partition("=")[0] not in given and (not word.startswith("dp.") or "dp" in section)
        ]
        return resolve([*words, *rest, *([] if "root" in given else [f"root={tmp_path / 'runs'}"])])

    return small_run
