"""Chance: a uniform of the image's index. The control of every selection; it has no gradient, so it cannot guide."""

BLIND = True


def score(uniforms):
    return uniforms
