"""Which images a run got right: read once, checked against its summary, damage named."""

from results.reading.correctness import correctness, damage
from results.reading.runs import read_runs


def row_of(make):
    return read_runs([make.root])[0].iloc[0]


def test_it_is_in_the_order_of_images_and_fits_the_accuracy(make):
    make("strategy=dp scale=2k", accuracy=0.9, monitor=0.7)
    assert correctness(row_of(make)).shape == (200,) and correctness(row_of(make)).mean() == 0.9
    assert correctness(row_of(make), "monitor").mean() == 0.7 and damage(row_of(make)) is None


def test_a_run_that_kept_none_is_not_damaged(make):
    make("strategy=dp scale=2k", flags=False)
    assert correctness(row_of(make)) is None and damage(row_of(make)) is None


def test_what_does_not_fit_the_summary_is_not_used_and_named(make):
    folder = make("strategy=dp scale=2k", accuracy=0.9)
    other = make("strategy=dp scale=2k seed=1", accuracy=0.8)
    (folder / "correct.parquet").write_bytes((other / "correct.parquet").read_bytes())
    assert correctness({"folder": folder, "accuracy": 0.9}) is None
    assert "160 of 200 images of test correct, the summary says 0.9" in damage({"folder": folder, "accuracy": 0.9})
    (folder / "correct.parquet").write_bytes(b"no")
    assert str(folder / "correct.parquet") in damage({"folder": folder, "accuracy": 0.9})
    assert "0 of 0 images of fog" in damage({"folder": other, "shifted.fog": 0.5}, "fog")
