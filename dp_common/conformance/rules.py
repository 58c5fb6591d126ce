"""How a broken rule is told, and how the rules of a contract are gone through."""

from collections.abc import Callable, Iterable
from typing import Any

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
    """Go through rules, functions that say what they hold by their docstring; ``say`` is told of each that holds."""
    for rule in rules:
        rule(*subject)
        say("ok  " + " ".join((rule.__doc__ or rule.__name__).split()))
