"""Typed keys: from dataclasses of options to the keys of a command line, and from text to checked values of their
types.

``TypedConfig`` holds what was set of several dataclasses, each a *part* with its keys: those of "" and "runtime" have
no prefix, those of a plugin its section, ``dp.omega``. A value that is a mapping can be set whole or by entry:
``train.model_args={depth: 3}`` or ``train.model_args.depth=3``.
"""

import math
import os
import re
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import MISSING, Field, field, fields, is_dataclass, make_dataclass
from functools import cache, partial
from typing import Any, NamedTuple, cast, get_origin

import yaml
from omegaconf import MISSING as OMEGACONF_MISSING
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dp_common.errors import BadInput, did_you_mean

UNPREFIXED = ("", "runtime")  # parts whose keys stand alone
LARGEST = 2**63 - 1  # of a whole number: what seeds, Parquet and JSON readers hold exactly
BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
NAMES = {"int": int, "float": float, "bool": bool, "str": str, "dict": dict, "list": list, "tuple": tuple}


class Key(NamedTuple):
    """One key: the part it belongs to, its name within that (``train.lr``), and its field."""

    part: str
    name: str
    field: Field

    @property
    def type(self) -> Any:
        """Its Python type without parameters, dict of dict[str, Any]; also where the module postpones annotations."""
        stated = self.field.type
        return NAMES.get(stated.partition("[")[0], stated) if isinstance(stated, str) else get_origin(stated) or stated

    @property
    def unhashed(self) -> bool:
        """Is it no part of what a run is?"""
        return bool(self.field.metadata.get("place") or self.field.metadata.get("runtime"))


def known_keys(shape: Mapping[str, type]) -> dict[str, Key]:
    """{key: Key} of every key one can set, of dataclasses by part; in their order."""

    def walk(part: str, cls: type, prefix: str) -> Iterator[tuple[str, Key]]:
        for f in fields(cls):
            if isinstance(f.type, type) and is_dataclass(f.type):
                yield from walk(part, f.type, f"{prefix}{f.name}.")
            elif f.init:
                name = f.metadata.get("typed_as", f.name)
                yield (prefix if part in UNPREFIXED else f"{part}.{prefix}") + name, Key(part, prefix + f.name, f)

    return {key: where for part, cls in shape.items() for key, where in walk(part, cls, "")}


def has_default(f: Field) -> bool:
    """Has a dataclass field a default?"""
    return f.default is not MISSING or f.default_factory is not MISSING


def default_of(f: Field) -> Any:
    """The default of a dataclass field."""
    return f.default if f.default is not MISSING else f.default_factory() if f.default_factory is not MISSING else None


def flatten(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dataclass or dict -> {"a.b": value}. An empty dict stays a value."""
    items = [(f.name, getattr(tree, f.name)) for f in fields(tree)] if is_dataclass(tree) else list(tree.items())
    flat: dict[str, Any] = {}
    for key, value in items:
        nested = is_dataclass(value) or (isinstance(value, dict) and value)
        flat |= flatten(value, f"{prefix}{key}.") if nested else {prefix + str(key): value}
    return flat


class TypedConfig:
    """Values of some dataclasses, checked as they come in; OmegaConf holds them, and resolves ``${...}`` in text.

    Args:
        shape: {part: dataclass}.
    """

    def __init__(self, shape: Mapping[str, type]) -> None:
        self.shape, self.known = dict(shape), known_keys(shape)
        self.parts: dict[str, Any] = {part: structured(cls) for part, cls in shape.items()}

    def copy(self, *parts: str) -> "TypedConfig":
        """Another of the same keys, holding the same values.

        Args:
            parts: Those that will be set anew; the others are shared with this one. None: all.
        """
        other = TypedConfig({})
        other.shape, other.known = self.shape, self.known
        other.parts = {
            part: conf.copy() if part in (parts or self.parts) else conf for part, conf in self.parts.items()
        }
        return other

    def mapping_of(self, key: str) -> str | None:
        """The key whose value is a mapping that ``key`` is an entry of, if any: train.model_args of
        train.model_args.depth.
        """
        parents = (key[:at] for at, letter in enumerate(key) if letter == ".")
        return next((parent for parent in parents if parent in self.known and self.known[parent].type is dict), None)

    def holds(self, key: str) -> bool:
        """Is this a key, or an entry of one whose value is a mapping?"""
        return key in self.known or self.mapping_of(key) is not None

    def set(self, key: str, value: Any) -> None:
        """Set a key to a value, text or as YAML has it. Raises BadInput."""
        if key in self.known:
            known = self.known[key]
            self.put(key, typed(key, value, known.type, known.field.metadata))
            return
        parent = self.mapping_of(key)
        if parent is None:
            raise BadInput(key, value, f"no such key.{did_you_mean(key, self.known) or ' --help lists them all.'}")
        entry = self.known[parent].name + key.removeprefix(parent)
        self._update(key, self.known[parent].part, entry, from_yaml(key, value))

    def put(self, key: str, value: Any) -> None:
        """Set a key to a value of its type, without a look at the rules of its option."""
        self._update(key, self.known[key].part, self.known[key].name, value)

    def _update(self, key: str, part: str, name: str, value: Any) -> None:
        try:
            OmegaConf.update(self.parts[part], name, value, merge=False, force_add=True)
        except OmegaConfBaseException as error:
            raise BadInput(key, value, str(error).partition("\n")[0]) from error

    def get(self, key: str) -> Any:
        """The value of a key, set or by default. Raises BadInput where it refers to another that is not there."""
        known = self.known[key]
        try:
            found = OmegaConf.select(self.parts[known.part], known.name)
        except OmegaConfBaseException as error:
            raise BadInput(key, None, str(error).partition("\n")[0]) from error
        return OmegaConf.to_object(found) if OmegaConf.is_config(found) else found

    def build(self, part: str) -> Any:
        """The dataclass of a part, with what was set.

        Raises:
            TypeError: a field has no default, and nobody set it.
            BadInput: a value refers to another that is not there.
        """

        def make(cls: type, conf: Any) -> Any:
            given = {}
            for f in fields(cls):
                if not f.init or OmegaConf.is_missing(conf, f.name):
                    continue
                value = conf[f.name]
                nested = isinstance(f.type, type) and is_dataclass(f.type)
                plain = OmegaConf.to_object(value) if OmegaConf.is_config(value) and not nested else value
                given[f.name] = make(cast(type, f.type), value) if nested else plain
            return cls(**given)

        try:
            return make(self.shape[part], self.parts[part])
        except OmegaConfBaseException as error:
            raise BadInput(part or "specification", None, str(error).partition("\n")[0]) from error


def structured(cls: type) -> Any:
    """The keys of a dataclass as OmegaConf holds them, typed: those one can set, without the class around them, whose
    other annotations may name what is not imported.
    """
    return OmegaConf.structured(keys_of(cls))


@cache
def keys_of(cls: type) -> type:
    """A dataclass of what one can set of ``cls``."""
    rows = []
    for f in fields(cls):
        if isinstance(f.type, type) and is_dataclass(f.type):
            inner = keys_of(f.type)
            rows.append((f.name, inner, field(default_factory=inner)))
        elif f.init:
            kind = Key("", f.name, f).type
            value = default_of(f) if has_default(f) else OMEGACONF_MISSING
            rows.append((f.name, kind if kind in NAMES.values() else Any, field(default_factory=partial(copy, value))))
    return make_dataclass(cls.__name__, rows)


def typed(key: str, value: Any, kind: Any, rules: Mapping[str, Any]) -> Any:
    """A value of type ``kind`` that keeps the rules of its option. Raises BadInput."""
    converted = convert(key, value, kind)
    if rules.get("place"):
        converted = expand_home(converted)
    check(key, converted, rules, shown=value)
    return converted


def convert(key: str, value: Any, kind: Any) -> Any:
    """``value``, text or as YAML has it, as int, float, bool, str, dict, list or tuple. Raises BadInput."""
    if kind is int:
        return count(key, value)
    if kind is float:
        return number(key, value)
    if kind is bool:
        text = str(value).lower()
        if text not in BOOLEANS:
            raise BadInput(key, value, f"yes or no (or true, false).{did_you_mean(text, BOOLEANS)}")
        return BOOLEANS[text]
    if kind is str:
        if value is None or isinstance(value, (dict, list)):
            raise BadInput(key, value, "expected text")
        return str(value)
    if kind is dict:
        found = from_yaml(key, value)
        if not isinstance(found, dict) or None in found.values():
            raise BadInput(
                key, value, f"expected {{name: value, ...}} with a space after each colon, or {key}.NAME=VALUE"
            )
        return found
    if kind in (list, tuple):
        found = from_yaml(key, value)
        return kind(found if isinstance(found, (list, tuple)) else [found])
    return from_yaml(key, value)


def from_yaml(key: str, value: Any) -> Any:
    """What YAML makes of text; anything else as it is. Raises BadInput."""
    if not isinstance(value, str):
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise BadInput(key, value, "not YAML: write {name: value} or [value, value]") from None


def is_number(text: str) -> bool:
    """Does it read as a number: 3, 0.1, 1e-3? Not 4k, which is a count."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def count(key: str, value: Any) -> int:
    """500, 4k, 1.3M -> int, exactly. Raises BadInput."""
    match = re.fullmatch(r"(-?[0-9]+)(?:\.([0-9]+))?([kM]?)", str(value))
    if not match or isinstance(value, bool):
        if re.fullmatch(r"-?[0-9]*\.\.[0-9.:-]*", str(value)):
            raise BadInput(key, value, "one whole number; python -m benchmarks.sweep takes ranges, as first..last")
        raise BadInput(key, value, "a whole number, such as 500, 4k or 1.3M (k = 1,000, M = 1,000,000)")
    whole, decimals, unit = match[1], match[2] or "", match[3]
    zeros = {"": 0, "k": 3, "M": 6}[unit]
    if decimals[zeros:].strip("0"):
        raise BadInput(key, value, "a whole number, such as 500, 4k or 1.3M (k = 1,000, M = 1,000,000)")
    exact = int(whole + decimals[:zeros].ljust(zeros, "0"))
    if abs(exact) > LARGEST:
        raise BadInput(key, value, f"at most {LARGEST}" if exact > 0 else f"at least -{LARGEST}")
    return exact


def number(key: str, value: Any) -> float:
    """A finite float. Raises BadInput."""
    try:
        if isinstance(value, bool) or not str(value).isascii():
            raise ValueError
        found = float(value)
    except (TypeError, ValueError):
        raise BadInput(key, value, "expected a number") from None
    if not math.isfinite(found):
        raise BadInput(key, value, "a finite number")
    return found


def check(key: str, value: Any, rules: Mapping[str, Any], shown: Any = None) -> None:
    """Does a value keep the rules of its option? ``shown``: as it was typed. Raises BadInput."""
    shown = value if shown is None else shown
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput(key, shown, "a finite number")
    choices = rules.get("choices")
    if choices and value not in choices:
        raise BadInput(key, shown, f"one of {', '.join(map(str, choices))}.{did_you_mean(value, choices)}")
    if rules.get("pattern") and not re.fullmatch(rules["pattern"], str(value)):
        raise BadInput(key, shown, rules["about"])
    for bound, broken, words in (
        ("low", lambda v, b: v < b, "at least"),
        ("high", lambda v, b: v > b, "at most"),
        ("above", lambda v, b: v <= b, "more than"),
    ):
        if rules.get(bound) is not None and broken(value, rules[bound]):
            raise BadInput(key, shown, f"{words} {rules[bound]}")


def expand_home(text: str) -> str:
    """``~`` and ``~name`` at the start of a path, or of each path of ``NAME=PATH;NAME=PATH``, as the home folder."""
    return re.sub(r"(^|[=;,])(~[^/=;,]*)(?=/|$|[;,])", lambda found: found[1] + os.path.expanduser(found[2]), text)
