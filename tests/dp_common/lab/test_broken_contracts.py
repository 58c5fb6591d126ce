"""A plugin that breaks its contract ends the run in one line that names it, and a damaged run is never passed over."""

import pytest

from benchmarks import sweep
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput, Damaged, Problem
from dp_common.lab import runner
from dp_common.persistence.ledger import NAME

TASK = """
import numpy as np
from dp_common import Split
from dp_common.tasks.digits import Digits


class Odd(Digits):
    def load(self, split):
        super().load(split)
        for part in ("train", "monitor", "test"):
            whole = getattr(self, part)
            setattr(self, part, Split(IMAGES(whole.images), whole.labels + SHIFT))
"""


@pytest.mark.parametrize(
    "images, shift, named",
    [
        ("lambda images: images.astype('float32')", 0, "train: images are float32 .1, 8, 8., uint8 .1, 8, 8. are"),
        ("lambda images: images.transpose(0, 2, 3, 1)", 0, "train: images are uint8 .8, 8, 1., uint8 .1, 8, 8. are"),
        ("lambda images: images", 1, "train: labels are 1..10, 0..9 are wanted"),
    ],
)
def test_images_and_labels_of_a_task_are_looked_at_before_anything_is_made(tmp_path, images, shift, named):
    (tmp_path / "odd.py").write_text(TASK.replace("IMAGES", f"({images})").replace("SHIFT", str(shift)))
    run = resolve([f"task={tmp_path}/odd.py", "strategy=static", "scale=64", f"root={tmp_path / 'runs'}"])
    with pytest.raises(BadInput, match=f"^task=.*{named}.*dp_common.contracts.Task$"):
        runner.execute(run, quiet=True)
    assert not (tmp_path / "runs").exists()


def test_a_strategy_that_yields_nothing_is_told_to(small, tmp_path):
    (tmp_path / "silent.py").write_text("class Silent:\n    def run(self, lab):\n        lab.generate(lab.room)\n")
    with pytest.raises(Problem, match=r"^strategy=silent: run\(lab\) must yield"):
        runner.execute(small(f"strategy={tmp_path}/silent.py"), quiet=True)


@pytest.mark.parametrize(
    "body, got", [("logits.sum()", r"shape \[\]"), ("logits.max(1).values * float('nan')", "some that are not finite")]
)
def test_a_score_that_gives_no_number_an_image_is_named(small, tmp_path, body, got):
    (tmp_path / "wild.py").write_text(f"def score(logits, labels):\n    return {body}\n")
    words = ["strategy=prune", "prune.interval=128", "prune.patience=1", f"prune.score={tmp_path}/wild.py"]
    with pytest.raises(Problem, match=f"^score wild: one finite number an image is wanted, it gave {got}"):
        runner.execute(small(*words), quiet=True)


def test_a_damaged_run_that_is_done_is_not_shown_as_if_it_were_whole(small):
    resolved = small("strategy=static")
    folder = runner.folder_of(resolved)
    runner.execute(resolved, quiet=True)
    summary, ledger = (folder / "summary.json").read_bytes(), (folder / NAME).read_bytes()
    (folder / NAME).write_bytes(ledger.replace(b'"kind":"open"', b'"kind":"opan"', 1))
    with pytest.raises(Damaged, match=f"{NAME}:1: the line is corrupted"):
        runner.execute(resolved, quiet=True)
    (folder / NAME).write_bytes(ledger)
    (folder / "summary.json").write_text("{")
    with pytest.raises(Damaged, match="summary.json: not JSON .*; delete it, and the run's command makes it again"):
        runner.execute(resolved, quiet=True)
    assert sweep.finished(folder) is None  # to be given again, where it says what is wrong
    (folder / "summary.json").unlink()
    again = runner.execute(resolved, quiet=True)
    assert again["store_digest"].encode() in summary and sweep.finished(folder) == again


def test_a_root_without_a_name_is_refused():
    with pytest.raises(BadInput, match="^root: a folder for the runs"):
        resolve(["strategy=static", "root="])
