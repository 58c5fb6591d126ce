"""How a broken rule is told, and how the rules of a contract are gone through."""

from collections.abc import Callable, Iterable
from typing import Any

from dp_common.errors import Problem

Say = Callable[[str], None]


class Nonconforming(AssertionError):
    """The plugin breaks the contract; the message says which rule and how."""


def silent(line: str) -> None:
    """Say nothing."""


def require(condition: Any, rule: str, found: Any) -> None:
    """Raise Nonconforming, naming the rule and what was found, unless the condition holds."""
    if not condition:
        raise Nonconforming(f"{rule}: {found}")


def hold_to(rules: Iterable[Callable[..., None]], say: Say, *subject: Any) -> None:
    """Go through rules, functions that say what they hold by their docstring; ``say`` is told of each that holds.

    Raises Nonconforming, also where the plugin ends with an error of its own.
    """
    for rule in rules:
        held = " ".join((rule.__doc__ or rule.__name__).split())
        try:
            rule(*subject)
        except (Nonconforming, Problem):
            raise
        except Exception as error:
            why = " ".join(f"{type(error).__name__}: {error}".split())
            raise Nonconforming(f"{held}: {why}") from error
        say("ok  " + held)
