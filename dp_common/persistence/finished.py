"""Is a run done? Asked before anything heavy is imported."""

from pathlib import Path
from typing import Any

from dp_common.persistence import ledger
from dp_common.persistence.summary import read_summary


def finished(folder: Path) -> dict[str, Any] | None:
    """The summary of a run that is done, else None. Raises Damaged where it, or the ledger it was made from, is."""
    summary = read_summary(folder)
    if summary:
        ledger.read(folder, summary["run_id"])
    return summary or None
