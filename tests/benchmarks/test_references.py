"""Simple classifiers on the images of a run: what they get, written once, kept with the study."""

import pytest
from sklearn.neighbors import KNeighborsClassifier

from benchmarks import archive, references
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput
from dp_common.lab import runner
from results.reading import references as reading
from tests.conftest import SMALL


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """One finished run of static."""
    folder = tmp_path_factory.mktemp("runs")
    small = [word for word in SMALL if not word.startswith(("scale=", "dp."))]
    runner.execute(resolve([*small, "strategy=static", "scale=60", f"root={folder}"]), quiet=True)
    return folder


def test_each_method_is_fitted_once_and_lies_beside_the_runs(root, capsys, monkeypatch):
    assert references.main([str(root)]) == 0
    frame = reading.read([root])
    places = {(row.method, row.set) for row in frame.itertuples()}
    assert places == {(method, name) for method in ("1-nn", "rbf-svm", "bayes") for name in ("test", "population")}
    by_place = frame.set_index(["method", "set"])["accuracy"]
    assert 1 >= by_place["bayes", "population"] > by_place["1-nn", "population"] > 0.5
    said = capsys.readouterr()
    assert "1-nn     on test" in said.out and "references.csv" in said.err
    monkeypatch.setattr(KNeighborsClassifier, "fit", lambda *_: pytest.fail("fitted again"))
    before = (root / "references.csv").read_bytes()
    assert references.main([str(root)]) == 0 and (root / "references.csv").read_bytes() == before


def test_they_are_kept_in_an_archive(root, tmp_path):
    references.main([str(root)])
    archive.main([str(root), f"out={tmp_path / 'kept'}", "print=table"])
    assert reading.read([tmp_path / "kept"]).equals(reading.read([root]))


def test_sets_that_are_too_large_and_images_that_are_not_here_are_left_out(root, tmp_path, capsys):
    (root / "references.csv").unlink(missing_ok=True)
    assert references.main([str(root), "most=10"]) == 0
    assert "60 images, most=10; left out" in capsys.readouterr().err and not (root / "references.csv").exists()
    archive.main([str(root), f"out={tmp_path / 'kept'}", "print=table"])
    capsys.readouterr()
    assert references.main([str(tmp_path / "kept")]) == 0
    assert "archived, its images are not here" in capsys.readouterr().err


def test_bad_input(root, tmp_path):
    with pytest.raises(BadInput, match="holds no finished run with strategy=real"):
        references.main([str(root), "strategy=real"])
    (root / "references.csv").write_text("a,b\n")
    with pytest.raises(Exception, match="not a file of benchmarks.references"):
        references.main([str(root)])
    (root / "references.csv").unlink()
