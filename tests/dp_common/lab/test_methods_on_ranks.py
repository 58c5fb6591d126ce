"""Two ranks draw and choose what one does, by whatever a score or a rule looks at, and count the same."""

import json
from pathlib import Path

import pytest

from dp_common.config.resolve import resolve
from dp_common.lab import runner
from tests.processes import start_ranks

METHODICAL = Path(__file__).parents[2] / "plugins" / "methodical.py"
WORDS = (
    f"strategy={METHODICAL}:Methodical task=plane scale=168 train.seen=1280 train.batch=64 sampler.steps=3 threads=1"
)
WORDS += " sampler.block=4 shard=64 heads.count=2 reference.source=classifier reference.seen=64 population.images=0"


@pytest.mark.slow
@pytest.mark.multiprocess
@pytest.mark.parametrize("alone", [True, False])
def test_two_ranks_do_as_one(tmp_path, alone):
    """To the bit where each trains by itself; where they share each batch its sums may round otherwise."""
    one = runner.execute(resolve([*WORDS.split(), f"root={tmp_path}/one"]), quiet=True)
    words = [*WORDS.split(), f"root={tmp_path}/two", "--quiet", "rank_timeout=60"]
    processes = start_ranks(2, words, tmp_path / "said", {"DP_TEST_ALONE": "1"} if alone else {})
    for process in processes:
        process.join(120)
    said = [path.read_text() for path in (tmp_path / "said").glob("*.err")]
    assert [process.exitcode for process in processes] == [0, 0], said
    two = json.loads(next((tmp_path / "two").glob("*/summary.json")).read_text())
    same = ["images_generated", "images_kept", "network_evaluations", "gradients", "iterations", "images_seen"]
    same += ["information_class", "real_images_consulted"]
    same += ["store_digest", "accuracy", "classifier_evaluations"] if alone else []
    assert [two[key] for key in same] == [one[key] for key in same]
