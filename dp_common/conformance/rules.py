"""How a broken rule is told."""


class Nonconforming(AssertionError):
    """The plugin breaks the contract; the message says which rule and how."""


def require(condition, rule, found):
    if not condition:
        raise Nonconforming(f"{rule}: {found}")
