"""Every line that a run writes, and its summary, hold exactly the keys that their types allow."""

import json
from typing import get_type_hints

import pytest

from dp_common.errors import Interrupted
from dp_common.lab import runner
from dp_common.persistence import ledger
from dp_common.persistence.records import (
    KINDS,
    Accuracy,
    Addition,
    Choice,
    Line,
    Spent,
    State,
    Summary,
    accuracies,
)

OPEN_ENDED = ("probe", "evaluate")  # kinds with further keys, which depend on the run


def keys_fit(record, kind, further=False):
    """Nothing missing, and nothing else unless there may be ``further`` keys."""
    missing = kind.__required_keys__ - record.keys()
    unknown = record.keys() - kind.__required_keys__ - kind.__optional_keys__
    return not missing and (further or not unknown)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Lines and summaries of two runs, as they lie there: one is stopped in a training and goes on, one selects."""
    from dp_common.config.resolve import resolve
    from tests.conftest import SMALL

    root = f"root={tmp_path_factory.mktemp('records')}"
    dp = resolve(["strategy=dp", "probe=hardness", *SMALL, root])
    asked = []
    with pytest.raises(Interrupted):
        runner.execute(dp, stop=lambda: asked.append(1) or len(asked) > 12, quiet=True)
    runner.execute(dp, quiet=True)
    prune = resolve(["strategy=prune", "checkpoint_every=0", *SMALL[:5], root])
    runner.execute(prune, quiet=True)
    folders = [runner.folder_of(run) for run in (dp, prune)]
    lines = [json.loads(line) for folder in folders for line in (folder / ledger.NAME).read_text().splitlines()]
    return lines, [json.loads((folder / "summary.json").read_text()) for folder in folders]


def test_a_run_writes_lines_of_every_kind(written):
    assert {line["kind"] for line in written[0]} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_lines_hold_what_their_type_says(written, kind):
    for line in (line for line in written[0] if line["kind"] == kind):
        assert keys_fit(line, KINDS[kind], kind in OPEN_ENDED), f"{kind}: {sorted(line)}"
        assert "crc" in line and keys_fit(line["spent"], Spent)
        if kind == "open":
            assert line["chosen"]["scale"]["source"] == "command line"
            assert all(keys_fit(choice, Choice) for choice in line["chosen"].values())
        if kind == "call":
            assert keys_fit(line["state"], State)
        if kind == "evaluate":
            assert {"test", "monitor"} <= accuracies(line).keys()
            assert all(keys_fit(value, Accuracy) for value in accuracies(line).values())


def test_the_summary_holds_what_its_type_says(written):
    for summary in written[1]:
        assert keys_fit(summary, Summary), sorted(summary.keys() ^ Summary.__annotations__.keys())
        assert all(keys_fit(addition, Addition) for addition in summary["additions"])


def test_each_type_bears_its_kind():
    for kind, record in KINDS.items():
        assert get_type_hints(record)["kind"].__args__ == (kind,) and Line.__required_keys__ <= record.__required_keys__
