"""The learners of other seeds are those that their runs kept, and the images those that were added."""

import json

import numpy as np
import pytest
import torch

from benchmarks import cross_probe as application
from dp_common.errors import BadInput
from dp_common.persistence import ledger
from results.reading import cross_probe
from tests.dp_common.probes.probed import images_of, run
from tests.results import fabricate


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two runs that differ in their seed."""
    folder = tmp_path_factory.mktemp("crossed")
    for seed in (0, 1):
        run(folder, "probe=hardness", f"seed={seed}")
    return folder


def test_each_run_is_asked_of_the_next(root, capsys):
    application.main([str(root)])
    found = cross_probe.read(root)
    runs = sorted({path.parent.name for path in root.rglob("ledger.jsonl")})
    assert [tuple(pair) for pair in found[["run_id", "other"]].drop_duplicates().to_numpy()] == [
        (runs[0], runs[1]),
        (runs[1], runs[0]),
    ]
    of_first = found[found["run_id"] == runs[0]]
    assert sorted(zip(of_first["addition"], of_first["at"])) == [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 3)]
    line = [record for record in ledger.read(next(root.rglob(runs[0]))) if record["kind"] == "probe"][-1]
    probed = {(a, at): error for a, at, error in zip(line["addition"], line["at"], line["error"])}
    for row in of_first.itertuples():  # what the run's own learner said is what the probe said when it ran
        assert row.own == pytest.approx(probed[row.addition, row.at])
    assert (of_first["own"] != of_first["others"]).any() and of_first["others"].between(0, 1).all()
    before = (root / cross_probe.NAME).read_bytes()
    capsys.readouterr()
    with open(root / cross_probe.NAME, "a") as file:  # as from before the study had this seed
        file.write(json.dumps({**json.loads(before.splitlines()[0]), "other": "a-run-of-another-seed"}) + "\n")
    application.main([str(root)])
    assert (root / cross_probe.NAME).read_bytes() == before and "asked of" not in capsys.readouterr().err


def test_the_others_error_is_that_of_the_weights_it_kept(root):
    from safetensors.torch import load

    from dp_common.config.resolve import resolve
    from dp_common.learner.classifier import Learner

    application.main([str(root)])
    runs = sorted(path.parent for path in root.rglob("ledger.jsonl"))
    records = [ledger.read(folder) for folder in runs]
    calls = {record["call"]: record for record in records[0] if record["kind"] == "call"}
    kept = [[record for record in lines if record["kind"] == "snapshot"] for lines in records]
    learner = Learner(resolve(records[1][0]["words"]).spec, resolve(records[1][0]["words"]).task, "cpu")
    weights = load((runs[1] / kept[1][1]["file"]).read_bytes())
    model = learner.model_of({key: value.float() for key, value in weights.items()})
    images, labels = images_of(runs[0], calls[kept[0][1]["call"]])
    with torch.no_grad():
        wrong = model(torch.from_numpy(images) / 127.5 - 1).argmax(1).numpy() != labels
    found = cross_probe.read(root)
    row = found[(found["run_id"] == runs[0].name) & (found["addition"] == 1) & (found["at"] == 1)]
    assert row["others"].item() == pytest.approx(np.mean(wrong))


def test_without_two_such_runs_it_says_so_and_damage_is_named(tmp_path):
    fabricate.run(tmp_path, "strategy=dp scale=1k probe=hardness")
    with pytest.raises(BadInput, match="no two finished runs with probe=hardness"):
        application.main([str(tmp_path)])
    (tmp_path / cross_probe.NAME).write_text(json.dumps({"run_id": "a"}) + "\n")
    with pytest.raises(Exception, match="cross_probe.jsonl:1: not a line"):
        cross_probe.read(tmp_path)
