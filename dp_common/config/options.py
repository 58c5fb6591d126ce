"""``option``: a dataclass field that is also a key of the command line, with its meaning and what it allows."""

from dataclasses import field


def option(default, about, **rules):
    """A field with ``default``; config.py checks the ``rules``: ``choices``, ``low`` <= value <= ``high``, value > ``above``,
    ``at_most`` names the key whose value bounds it, ``plugin="score"`` for the name of a plugin of that kind. ``place=True``
    says where something is: it is not hashed, since what is there has a fingerprint of its own.
    """
    return field(default=default, metadata={"about": about, **rules})
