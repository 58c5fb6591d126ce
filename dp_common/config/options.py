"""``option``: a dataclass field that is also a key of the command line, with its meaning and what it allows."""

from copy import copy
from dataclasses import field
from typing import Any, TypeVar, cast

T = TypeVar("T")


def option(default: T, about: str, **rules: Any) -> T:
    """A dataclass field with ``default``, of the default's type for a type checker.

    Args:
        default: the value where nobody says another; a dict or a list is copied for each instance.
        about: what the key means, one line for ``--help``.
        **rules: what is allowed. ``choices``; ``low`` <= value <= ``high``; value > ``above``; ``at_most``: the key
            whose value bounds it; ``pattern``: what a text matches in whole, which ``about`` then says; ``plugin``:
            the value names a plugin of that kind (``plugin="score"``; with ``guides=True`` one whose gradient is
            followed); ``place=True``: it says where something is, so ``~`` is
            expanded and the value is not hashed, since what is there has a fingerprint of its own; ``runtime=True``:
            it changes no bit of any number, and is not hashed either; ``per_task=True``: a built-in task reads it only
            if it names it in ``reads``; ``typed_as``: the key, where that is not the field's name. Applications have
            further ones (``benchmarks/cli.py``).
    """
    metadata = {"about": about, **rules}
    if isinstance(default, (dict, list)):
        return cast(T, field(default_factory=lambda: copy(default), metadata=metadata))
    return field(default=default, metadata=metadata)
