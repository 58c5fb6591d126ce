"""Grids of runs: ``strategy=static,dp scale=1k,2k seed=0..4`` -> one list of words per run.

Commas part values, first..last is a range; what stands in quotes or brackets is one value:
``'stable_diffusion.template="a photo, a drawing"'``, ``'train.model_args={depth: 3, heads: 2},{depth: 4, heads: 2}'``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from dp_common.config import registry
from dp_common.errors import BadInput

QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'""")
WHOLE = re.compile(rf"{QUOTED.pattern}|\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}}|\[[^\[\]]*\]")  # commas in it part nothing
MOST = 100_000  # values of one range


def expand(words: Sequence[str]) -> list[list[str]]:
    """Words with commas and ranges -> list of plain word lists, the last key varying fastest.

    A parameter of one strategy (``dp.omega=0,0.05``) multiplies that strategy's runs only; runs that come out equal
    are one.

    Raises:
        BadInput: no key=value, a key given twice, a strategy that is none, a parameter of one that the grid does not
            have.
    """
    given: dict[str, list[str]] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key or not value:
            raise BadInput(word, None, "expected key=value, or key=value,value or key=first..last")
        key = key.removeprefix("runtime.")
        if key in given:
            raise BadInput(key, value, f"given twice, first as {','.join(given[key])}: values go together, {key}=A,B")
        given[key] = values_of(key, value)
    asked = {name: registry.find("strategy", unquote(name)) for name in given.get("strategy", ["dp"])}
    owners = owners_of(asked)
    points = []
    for combination in product(*given.values()):
        point = dict(zip(given, combination))
        chosen = point.get("strategy", "dp")
        kept = [f"{key}={value}" for key, value in point.items() if chosen in owners.get(section(key), (chosen,))]
        if kept not in points:
            points.append(kept)
    for key in given:
        if not owners.get(section(key), tuple(asked)):
            raise BadInput(key, None, f"the grid has no strategy={section(key).replace('_', '-')}")
    return points


def section(key: str) -> str:
    """dp of dp.omega; "" of a key without one."""
    return key.partition(".")[0] if "." in key else ""


def owners_of(asked: Mapping[str, registry.Plugin]) -> dict[str, tuple[str, ...]]:
    """{section of a strategy: those of the ``asked`` ones, as typed, whose parameters are there}; none for one that
    is not asked for.
    """
    owners: dict[str, tuple[str, ...]] = {plugin.section: () for plugin in registry.plugins("strategy").values()}
    for name, plugin in asked.items():
        for own in {plugin.section, plugin.short_section}:
            owners[own] = (*owners.get(own, ()), name)
    return owners


def values_of(key: str, text: str) -> list[str]:
    """1,2,5..7 -> ["1", "2", "5", "6", "7"]; what is in quotes or brackets stays as it is, with them. Raises
    BadInput.
    """
    values: list[str] = []
    for part in split(text):
        span = re.fullmatch(r"(-?[0-9]+)\.\.(-?[0-9]+)", part)
        if span:
            first, last = int(span[1]), int(span[2])
            if last < first:
                raise BadInput(key, part, "first..last, with last at least first")
            if last - first >= MOST:
                raise BadInput(key, part, f"at most {MOST:,} values")
            values += [str(n) for n in range(first, last + 1)]
        elif re.fullmatch(r"-?[0-9]*\.\.+-?[0-9]*|-?[0-9]+\.\.[^/]+", part):
            raise BadInput(key, part, "a range is first..last, such as 0..4, every whole number of it")
        elif part:
            values.append(part)
        else:
            raise BadInput(key, text, "an empty value between commas")
    return values


def split(text: str) -> Iterable[str]:
    """The parts of a text between commas; a comma within quotes or brackets parts nothing."""
    start = at = 0
    while at < len(text):
        whole = WHOLE.match(text, at) if at == start else None
        if whole and text[whole.end() : whole.end() + 1] in ("", ","):
            at = whole.end()
        elif text[at] == ",":
            yield text[start:at]
            start = at = at + 1
        else:
            at += 1
    yield text[start:]


def unquote(text: str) -> str:
    r"""The text between quotes that enclose all of it, where \" and \\ in double ones are " and \; other text as it
    is.
    """
    if not QUOTED.fullmatch(text):
        return text
    return re.sub(r'\\(["\\])', r"\1", text[1:-1]) if text[0] == '"' else text[1:-1]
