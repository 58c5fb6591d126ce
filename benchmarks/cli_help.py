"""``--help`` of an application, from its dataclass of options: keys with default, meaning and what they allow."""

import textwrap
from dataclasses import MISSING, Field, fields
from typing import Any

EXIT_CODES = (
    "Exit codes: 0 done, 2 bad input, 3 held by another live process, 1 anything else;\n"
    "130 told to stop (Ctrl-C, SIGTERM, limit=): the same command goes on."
)
WIDTH = 110


def help_text(options: type, doc: str | None = None, more: str = "") -> str:
    """The docstring of an application, then its keys with defaults, meaning and what they allow."""
    rows = [row(field) for field in fields(options)]
    parts = [(doc or "").strip(), "\n".join(["Keys:", "", *table(rows)]) if rows else "", more.rstrip(), EXIT_CODES]
    return "\n\n".join(part for part in parts if part)


def table(rows: list[tuple[str, str]]) -> list[str]:
    """Lines of two columns, the second wrapped."""
    width = min(30, max((len(left) for left, _ in rows), default=0)) + 2
    lines = []
    for left, right in rows:
        lead, rest = "  " + left.ljust(width), " " * (width + 2)
        if len(left) + 2 > width:
            lines.append("  " + left)
            lead = rest
        lines += textwrap.wrap(right, WIDTH, initial_indent=lead, subsequent_indent=rest, break_on_hyphens=False)
    return lines


def row(field: Field[Any], key: str | None = None) -> tuple[str, str]:
    """(``key=default``, its meaning and what it allows) of one option, for ``--help``. ``key`` if not its name."""
    rules, name, default = field.metadata, key or field.name, field.default
    parts = [str(rules.get("about", ""))]
    if choices := choices_of(rules):
        parts.append(("some of " if rules.get("many") else "one of ") + ", ".join(map(str, choices)))
    for bound, words in (("low", "at least"), ("high", "at most"), ("above", "more than"), ("at_most", "at most")):
        limit = rules.get(bound)
        if limit not in (None, 0) or limit == 0 and bound != "low":
            parts.append(f"{words} {limit:,}" if isinstance(limit, int) else f"{words} {limit}")
    if rules.get("positional"):
        parts.append("a bare word is this too")
    if isinstance(default, bool):
        parts.append("yes or no" if default or key else f"--{name.replace('_', '-')} is {name}=yes")
    if rules.get("rest"):
        return "key=value ...", "; ".join(parts)
    if rules.get("prefix"):
        return f"{name}.KEY=value", "; ".join(parts)
    return f"{name}={shown(field)}", "; ".join(part for part in parts if part)


def shown(field: Field[Any]) -> str:
    """The default as one would type it."""
    rules, default = field.metadata, field.default
    if "shown" in rules or "unset" in rules:
        return str(rules.get("shown", rules.get("unset")))
    if isinstance(default, bool):
        return "yes" if default else "no"
    if default is MISSING:
        return "{}"
    if isinstance(default, tuple):
        return ",".join(f"{value:g}" if isinstance(value, float) else str(value) for value in default)
    return f"{default:g}" if isinstance(default, float) else str(default)


def choices_of(rules: Any) -> tuple[str, ...]:
    """What a key allows: a sequence, or a function that finds it; () for anything."""
    choices = rules.get("choices") or ()
    return tuple(choices() if callable(choices) else choices)
