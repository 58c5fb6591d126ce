"""One thread everywhere: what is compared bit for bit must be summed in one order, and two cores are few.

The tests of one file go to one process, which makes their fixtures once, and so do those of files with one ``GROUP``;
those that wait for others are begun first.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import pytest

FIRST = ("slurm", "multiprocess")  # they wait: the other processes have time for the rest meanwhile
LONG = (
    "test_accelerator",
    "test_documents",
    "test_resume",
    "test_resume_in_training",
    "test_archive",
    "test_claims",
    "test_gpu_check",
    "test_memory",
)
SMALL = [
    "scale=120",
    "train.seen=2560",
    "train.batch=64",
    "sampler.steps=5",
    "mixture.components=2",
    "dp.interval=128",
    "dp.patience=1",
    "data.limit=450",
    "population.images=300",
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Which process takes a test, and when."""
    for item in items:
        group = getattr(item.module, "GROUP", item.nodeid.partition("::")[0])
        item.add_marker(pytest.mark.xdist_group("slurm" if item.get_closest_marker("slurm") else group))  # one cluster
    # stable: in a file, all tests are marked or none is; the longest are not left to the end, when processes are idle
    items.sort(
        key=lambda item: [item.get_closest_marker(name) is None for name in FIRST] + [item.path.stem not in LONG]
    )


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def nothing_in_the_users_cache(tmp_path_factory):
    from dp_common.real_images import content

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setattr(content, "cache_folder", lambda: folder)
        patch.setattr(content, "SLOW", float("inf"))  # on a busy machine too a set that changed is read again
        yield


@pytest.fixture(autouse=True)
def gpu_if_marked(request):
    """Tests marked ``gpu`` are skipped where there is none."""
    if request.node.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA GPU")


@pytest.fixture
def small(tmp_path):
    """``small("strategy=static", ...)`` -> Resolved: a run of about a second under tmp_path."""
    from dp_common.config.resolve import resolve

    def small_run(*overrides):
        given = dict(override.split("=", 1) for override in overrides)
        others = [] if "dp" in given.get("strategy", "dp") else ["dp"]
        others += [] if given.get("teacher", "mixture") == "mixture" else ["mixture"]
        others += ["population"] if given.get("teacher") == "images" else []  # it deals out all that it holds
        defaults = [word for word in SMALL if word.partition(".")[0] not in others]
        rest = [*defaults, f"root={tmp_path / 'runs'}"]
        return resolve([*overrides, *(word for word in rest if word.partition("=")[0] not in given)])

    return small_run
