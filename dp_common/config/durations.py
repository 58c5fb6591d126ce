"""Spans of time as people write them: 90s, 30m, 2h, 1h30m, 2d."""

import re

from dp_common.errors import BadInput

UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def seconds(key: str, text: str) -> float | None:
    """Seconds of a span of time; None of "", which is no limit.

    Args:
        key: the word of the command line, for the error.
        text: numbers with units, the larger first, such as 2h or 1h30m; or a number alone, of seconds.

    Raises:
        BadInput: it is none, or nothing.
    """
    if not text:
        return None
    number = r"(\d+(?:\.\d+)?)"
    parts = re.fullmatch("".join(f"(?:{number}{unit})?" for unit in UNITS), text.replace(" ", ""))
    if parts:
        total = sum(float(n) * size for n, size in zip(parts.groups(), UNITS.values(), strict=True) if n)
    else:
        total = float(text) if re.fullmatch(number, text) else 0.0
    if not total:
        raise BadInput(key, text, "a span of time above 0, such as 90s, 30m, 2h or 1h30m")
    return total
