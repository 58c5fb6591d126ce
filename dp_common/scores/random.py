"""Chance: a uniform of the image's index. The control of every selection; it has no gradient, so it cannot guide."""

from numpy import ndarray

BLIND = True


def score(uniforms: ndarray) -> ndarray:
    """The uniforms themselves, [B]."""
    return uniforms
