"""Guidance rules that each break one rule of the contract, for the kit to find."""

from math import sqrt


def pair(x, x0, eps, g, alpha, omega, every):
    """answers with two"""
    return x0, eps + omega * g


def flat(x, x0, eps, g, alpha, omega, every):
    """answers with another shape"""
    return x, x0, (eps + omega * g).flatten(1)


def steep(x, x0, eps, g, alpha, omega, every):
    """is not finite where the gradient is zero in places, or the noise is high"""
    return x, x0, eps + omega * g / (alpha > 0.01)


def hasty(x, x0, eps, g, alpha, omega, every):
    """changes what it got"""
    eps += omega * g
    return x, x0, eps


def joined(x, x0, eps, g, alpha, omega, every):
    """normalises over the batch"""
    return x, x0, eps + omega * g / g.norm().clamp_min(1e-12)


def drifting(x, x0, eps, g, alpha, omega, every):
    """moves without a weight"""
    return x, x0, eps + (omega + 0.01) * g


def printed(x, x0, eps, g, alpha, omega, every):
    """the sign as it is printed in the paper's Eq. 7, which lowers the score"""
    move = omega * sqrt(1 - alpha) * g
    return x, x0 - sqrt(1 - alpha) / sqrt(alpha) * move, eps + move


def lame(x, x0, eps, g, alpha, omega, every):
    """moves one way only"""
    return x, x0, eps + max(omega, 0) * g


def bare(x, x0, eps, g):
    """takes too little"""
    return x, x0, eps
