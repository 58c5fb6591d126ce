"""Is a run done? Asked before anything heavy is imported."""

from pathlib import Path
from typing import Any

from dp_common.persistence import ledger
from dp_common.persistence.summary import read_summary, require_sound


def finished(folder: Path) -> dict[str, Any] | None:
    """The summary of a run that is done, else None. Raises Damaged where it, or the ledger it was made from, is."""
    summary = read_summary(folder)
    if summary:
        ledger.read(folder, summary.get("run_id"))
        require_sound(folder, summary)
    return summary or None
