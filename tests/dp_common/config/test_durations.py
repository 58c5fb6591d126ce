"""Spans of time are read as people write them; what is none is one line."""

import pytest

from dp_common.config.durations import seconds
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("", None),
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2d", 172_800),
        ("45", 45),
    ],
)
def test_spans(text, wanted):
    assert seconds("limit", text) == wanted


@pytest.mark.parametrize("text", ["0", "0s", "-2h", "2 weeks", "h", "30m2h", "soon", "1e9"])
def test_what_is_no_span_is_refused_with_everything_else(text):
    with pytest.raises(BadInput, match="^limit=.*: a span of time above 0, such as 90s, 30m, 2h or 1h30m$"):
        resolve([f"limit={text}"])


def test_a_limit_is_no_part_of_what_a_run_is():
    assert resolve(["limit=2h"]).run_id == resolve([]).run_id
