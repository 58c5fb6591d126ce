"""What the learners of other seeds say of the images that a run added, as ``benchmarks.cross_probe`` wrote it.

One file under a root of runs, ``cross_probe.jsonl``, a line per pair of runs: the run whose images they are, the run
whose learners looked, and columns over additions.
"""

import json
from pathlib import Path

import pandas as pd

from dp_common.errors import Damaged

NAME = "cross_probe.jsonl"
COLUMNS = ("run_id", "other", "addition", "at", "images", "own", "others")


def read(root: str | Path) -> pd.DataFrame:
    """A row per run × addition × moment: ``run_id``, ``other`` (the run whose learner looked), ``addition`` (0: the
    initial set), ``at`` (the addition that the learners are of, before anything was learned of it), ``images`` looked
    at, ``own`` and ``others`` (shares that the learner of the run, and the other's, got wrong). Empty without the file.

    Raises:
        Damaged: a line is none of ours.
    """
    path = Path(root) / NAME
    rows: list[dict[str, object]] = []
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        try:
            found = json.loads(line)
            columns = [found[name] for name in COLUMNS[2:]]
            rows += [{**dict(zip(COLUMNS, (found["run_id"], found["other"], *row)))} for row in zip(*columns)]
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{path}:{number}: not a line of the cross probe") from error
    return pd.DataFrame(rows, columns=list(COLUMNS))
