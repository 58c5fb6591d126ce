"""Grids of runs: ``strategy=static,dp scale=1k,2k seed=0..4`` -> one list of words per run."""

import re
from itertools import product

from dp_common.config import registry
from dp_common.errors import BadInput


def expand(words):
    """Words with commas and ranges -> list of plain word lists, the last key varying fastest.

    A parameter of one strategy (``dp.omega=0,0.05``) multiplies that strategy's runs only; runs that come out equal are one.
    """
    keys = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key or not value:
            raise BadInput(word, None, "expected key=value, or key=value,value or key=first..last")
        keys.append((key, values_of(key, value)))
    sections = {plugin.section: plugin.name for plugin in registry.plugins("strategy").values()}
    points = []
    for combination in product(*(values for _, values in keys)):
        point = dict(zip((key for key, _ in keys), combination))
        chosen = point.get("strategy", "dp")
        kept = [
            f"{key}={value}"
            for key, value in point.items()
            if sections.get(key.partition(".")[0], chosen) == chosen or "." not in key
        ]
        if kept not in points:
            points.append(kept)
    for key, _ in keys:
        owner = sections.get(key.partition(".")[0]) if "." in key else None
        if owner and owner not in dict(keys).get("strategy", ["dp"]):
            raise BadInput(key, None, f"the grid has no strategy={owner}")
    return points


def values_of(key, text):
    """ "1,2,5..7" -> ["1", "2", "5", "6", "7"]."""
    values = []
    for part in text.split(","):
        span = re.fullmatch(r"(-?\d+)\.\.(-?\d+)", part)
        if span:
            first, last = int(span[1]), int(span[2])
            if last < first or last - first > 100_000:
                raise BadInput(key, part, "first..last, with last at least first")
            values += [str(n) for n in range(first, last + 1)]
        elif part:
            values.append(part)
        else:
            raise BadInput(key, text, "an empty value between commas")
    return values
