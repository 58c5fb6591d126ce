"""Rows of a frame as Python has them."""

from typing import Any

import pandas as pd


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A dict per row, by column."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
