"""The command line of every application, over one dataclass of options each.

An application declares its keys once, as a dataclass of ``option``s; what is accepted, ``--help``, suggestions for
unknown words and exit codes follow from it, so that the same word means the same everywhere:

* ``key=value``; a yes-or-no key also as a flag (``all=yes``, ``--all``); a bare word is the ``positional`` key,
  a path with = in it too where a / comes before it (``./lr=0.1``);
* ``seeds=`` is ``seed=``; yes, no, true and false are the booleans; counts may be written 4k or 1.3M;
* other keys go on, in order, to the field marked ``rest`` (keys of a run), if there is one.

Rules of an ``option`` that only applications have:

* ``positional``: a bare word is this key; ``rest``: takes the keys that are not the application's own;
* ``prefix``: a dict of all keys ``<field>.KEY=value``;
* ``unset``: the word that stands for the default, such as ``all``; ``shown``: the default as people read it;
* ``many``: values by commas, in a tuple; ``ranges``: first..last too; ``most``: how many at most;
* ``several``: the key may stand several times, other values each time; they go in a tuple, commas and all;
* ``read``: a function (key, text) -> value, in place of the field's type.
"""

import errno
import os
import re
import shlex
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from benchmarks.cli_help import choices_of, help_text
from benchmarks.endings import guarded as guarded
from dp_common.errors import BadInput, did_you_mean

ALIASES = {"seeds": "seed"}
LONGEST_NAME = 255  # bytes of a file or folder, on every usual file system

Options = TypeVar("Options")


def parse(
    argv: Sequence[str],
    options: type[Options],
    doc: str | None = None,
    more_help: Callable[[list[str]], str] | None = None,
) -> Options:
    """The words of a command line as an instance of a dataclass of options.

    Args:
        argv: words as typed, without the program's name.
        options: dataclass of ``option``s.
        doc: what ``--help`` prints before the keys.
        more_help: (overrides that go on to a run) -> text that ``--help`` prints after the keys.

    Raises:
        BadInput: a word that is no key, a value that its key does not allow, a key given twice.
        SystemExit: with code 0, after ``--help`` has been printed.
    """
    known = {f.name: f for f in fields(options)}  # type: ignore[arg-type]
    given: dict[str, str] = {}
    several: dict[str, list[str]] = {}
    rest: dict[str, str] = {}
    prefixed: dict[str, dict[str, str]] = {name: {} for name, f in known.items() if f.metadata.get("prefix")}
    for key, value in pairs([word for word in argv if word not in ("-h", "--help")], known):
        section, dot, inner = key.partition(".")
        target = given
        if dot and section in prefixed:
            target, key = prefixed[section], inner
        elif key not in known or not typeable(known[key]):
            if rest_field(known) is None or key.startswith("-"):
                raise unknown(key, value, known)
            target = rest
        if target is given and known[key].metadata.get("several"):
            if value in several.setdefault(key, []):
                raise BadInput(key, value, "given twice")
            several[key].append(value)
            continue
        if key in target:
            typed_as = f"{section}.{key}" if target is prefixed.get(section) else key
            raise BadInput(typed_as, value, f"given twice, first as {target[key]}")
        target[key] = value
    overrides = [f"{key}={value}" for key, value in rest.items()]
    if {"-h", "--help"} & set(argv):
        print(help_text(options, doc, more_help(overrides) if more_help else ""))
        raise SystemExit(0)
    hints = get_type_hints(options)
    values: dict[str, Any] = {key: typed(known[key], hints[key], text) for key, text in given.items()}
    for key, texts in several.items():
        values[key] = tuple(typed(known[key], get_args(hints[key])[0], text) for text in texts)
    if name := rest_field(known):
        values[name] = tuple(overrides)
    return options(**(values | prefixed))


def pairs(argv: Iterable[str], known: dict[str, Field[Any]]) -> Iterable[tuple[str, str]]:
    """(key, text) of each word: ``key=value``, ``--key=value``, ``--flag``, or a bare word where one is taken."""
    positional = next((name for name, f in known.items() if f.metadata.get("positional")), None)
    for word in argv:
        key, equals, value = word.partition("=")
        plain = key.lstrip("-").replace("-", "_") if key.startswith("--") or key.replace("-", "_") in known else key
        if plain in ALIASES and (ALIASES[plain] in known or rest_field(known)):
            plain = ALIASES[plain]
        if positional and equals and not re.fullmatch(r"[\w.-]*", key):  # a path with = in it, such as ./lr=0.1
            yield positional, word
        elif equals and key.strip("-"):
            yield plain, value
        elif not equals and key.startswith("-"):
            field = known.get(plain)
            if field is None or not isinstance(field.default, bool):
                raise unknown(word, None, known)
            yield plain, "yes"
        elif not equals and word and positional:
            yield positional, word
        else:
            raise BadInput(word or "''", None, "expected key=value; --help lists the keys")


def quoted(folder: str | Path) -> str:
    """A folder as a bare word of a command that is shown, whatever is in its name."""
    text = str(folder)
    return shlex.quote(f"./{text}" if re.match(r"-|[\w.-]+=", text) else text)


def typeable(field: Field[Any]) -> bool:
    """Is it a key of its own on the command line?"""
    return not (field.metadata.get("rest") or field.metadata.get("prefix"))


def rest_field(known: dict[str, Field[Any]]) -> str | None:
    """The field that takes the words that are no keys of the application."""
    return next((name for name, f in known.items() if f.metadata.get("rest")), None)


def unknown(key: str, value: str | None, known: dict[str, Field[Any]]) -> BadInput:
    """What to say of a key that is none."""
    names = [name for name, f in known.items() if typeable(f)]
    flags = ["--" + name.replace("_", "-") for name in names if isinstance(known[name].default, bool)]
    close = did_you_mean(
        key,
        [*flags, "--help"]
        if key.startswith("-")
        else [*names, *(alias for alias, name in ALIASES.items() if name in known)],
    )
    shown = [*(name for name in names if "--" + name.replace("_", "-") not in flags), *flags]
    return BadInput(key, value if value else None, f"no such key.{close} Keys: {', '.join(shown)}")


def typed(field: Field[Any], hint: Any, text: str) -> Any:
    """The value of a field as its type and its rules read it. Raises BadInput."""
    key, rules = field.name, field.metadata
    if text == rules.get("unset"):
        return field.default
    if not text and (rules.get("many") or rules.get("several")):
        raise BadInput(key, text, "a value is missing")
    if rules.get("place"):
        from dp_common.config.typed import expand_home

        text = expand_home(text)
    if rules.get("read"):
        return rules["read"](key, text)
    if get_origin(hint) is not tuple:
        return single(key, hint, text, rules)
    if rules.get("ranges"):
        parts = spans(key, text, rules)
    else:
        parts = text.split(",")
    values = tuple(single(key, get_args(hint)[0], part, rules) for part in parts)
    most = rules.get("most", len(values))
    if len(set(values)) < len(values) or len(values) > most:
        raise BadInput(key, text, f"{'' if len(values) <= most else f'at most {most} '}different values, by commas")
    return values


def single(key: str, kind: Any, text: str, rules: Any) -> Any:
    """One value of type str, int, float or bool. Raises BadInput."""
    from dp_common.config.typed import check, convert

    value = convert(key, text, kind)
    choices = choices_of(rules)
    if choices and value not in choices:
        first = f"{rules['unset']}, or " if rules.get("unset") else ""
        some, by = ("some of", ", by commas") if rules.get("many") else ("one of", "")
        named = ", ".join(map(str, choices))
        raise BadInput(key, text or None, f"{first}{some} {named}{by}.{did_you_mean(text, choices)}")
    check(key, value, {name: rule for name, rule in rules.items() if name != "choices"}, shown=text)
    return value


def spans(key: str, text: str, rules: Any) -> list[str]:
    """The numbers of ``0..2,7``: ["0", "1", "2", "7"]. Raises BadInput."""
    from dp_common.config import grid

    parts = grid.values_of(key, text)
    if not all(part.isdigit() for part in parts):
        raise BadInput(key, text, f"{rules.get('unset', 'all')}, or numbers and ranges such as 0..4 or 0,2,5")
    return parts


def as_words(options: Any, names: Iterable[str]) -> list[str]:
    """[``key=value``] of those of the named fields that are not their default, as one would type them."""
    typed_again = []
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name in names and value != field.default:
            spell = seeds_text if field.metadata.get("ranges") else lambda parts: ",".join(map(str, parts))
            text = spell(value) if isinstance(value, tuple) else value
            typed_again.append(f"{field.name}={('yes' if value else 'no') if isinstance(value, bool) else text}")
    return typed_again


def existing_folder(key: str, path: str | Path) -> Path:
    """The folder, which must be there. Raises BadInput."""
    if not Path(path).is_dir():
        raise BadInput(key, path, "no such folder" if not Path(path).exists() else "not a folder")
    return Path(path)


def creatable_folder(key: str, path: str | Path, shown: str | Path | None = None) -> None:
    """Refuse a folder that could not be made, without making it. ``shown``: a file in it that the key names. Raises
    BadInput.
    """
    nearest, shown = nearest_folder(path), shown or path
    if not nearest.is_dir():
        raise BadInput(key, shown, f"cannot write there: {nearest} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise BadInput(key, shown, "cannot write there: Permission denied")
    try:  # the superuser is told yes everywhere
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise BadInput(key, shown, f"cannot write there: {error.strerror}") from error
    if too_long := next((part for part in Path(path).parts if len(os.fsencode(part)) > LONGEST_NAME), None):
        raise BadInput(key, shown, f"cannot write there: {too_long[:20]}... is longer than {LONGEST_NAME} bytes")


def nearest_folder(path: str | Path) -> Path:
    """What is there of a path: it, or the innermost of the folders it would lie in."""
    path = Path(os.path.abspath(path))
    return next((folder for folder in (path, *path.parents) if os.path.lexists(folder)), Path("/"))


def writable_folder(key: str, path: str | Path, shown: str | Path | None = None) -> Path:
    """Make the folder and try to write there; leaves none behind that cannot be written. Raises BadInput.

    Args:
        key: the key that names it, for the error.
        path: the folder.
        shown: what the error shows as the key's value, where that is a file in the folder.
    """
    path, named = Path(os.path.abspath(path)), path
    made = [parent for parent in (path, *path.parents) if not parent.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return Path(named)
    except OSError as error:
        for folder in made:
            if folder.is_dir():
                folder.rmdir()
        raise BadInput(key, shown or named, f"cannot write there: {error.strerror}") from error


def creatable_file(key: str, path: str | Path) -> None:
    """Refuse a place where no file could be written; nothing is made. Raises BadInput."""
    if Path(path).is_dir():
        raise BadInput(key, path, "a file: that is a folder")
    creatable_folder(key, Path(path).parent, path)


def seeds_text(seeds: Sequence[int]) -> str:
    """(0, 1, 2, 7) -> "0..2,7"."""
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ",".join(f"{run[0]}..{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
