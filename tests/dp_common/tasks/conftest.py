"""``sets``: images of three classes in folders, for all that read folders."""

import pytest

from tests.dp_common.real_images.pictures import tree


@pytest.fixture(scope="session")
def sets(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    tree(root / "train", {"class10": 40, "class2": 60, "Class1": 30})
    tree(root / "test", {"class2": 10, "Class1": 10, "class10": 10}, seed=1)
    tree(root / "odd", {"class2": 5, "class10": 5}, seed=2)
    return root
