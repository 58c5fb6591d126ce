"""Fabricated arms, and the one finding of a claim on them."""

from results import claims
from tests.results.claims import claim_world as world

TWO, FOUR = (500, 1000), range(4)


def one(root, id, known=None, **more):
    (found,) = claims.evaluate(root, known, only=(id,), **more)
    return found


def two_arms(root, gain, words="strategy=dp", scales=TWO, seeds=FOUR, noise=0.02, **more):
    world.runs(root, "strategy=static", 0.0, scales=scales, seeds=seeds, noise=noise)
    world.runs(root, words, gain, scales=scales, seeds=seeds, noise=noise, **more)
