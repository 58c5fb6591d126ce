"""The theory as it is printed, and a set of selections, for its tests."""

from math import acos, pi, sqrt

import numpy as np

from dp_common.theory.selections import Easy, Hard, Mixed, Random, Soft, scalars

D = 350
ALL = (Hard(0.3), Easy(0.3), Random(0.4), Soft(0.5), Mixed(((0.5, Hard(0.3)), (0.4, Random(0.7)))))


def printed(
    q,
    phi,
    lam,
    rho,
    r=lambda b, bt, s, rho: (b**2, bt**2),
    bracket=lambda phi, m, dm, r: 2 * phi * dm / (1 + phi * m) * r,
):
    """docs/definitions.md, "Theory", letter by letter, for λ > 0.

    ``r`` gives the weights of m and m̃ in r, ``bracket`` the last term of ν0.
    """
    p, gamma, beta, beta_tilde = scalars(q, rho)
    z, s = -lam, sqrt(1 - rho**2)
    b = p - phi - z
    root = sqrt(b**2 - 4 * phi * z)
    m = 2 / (b + root) if b > 0 else (b - root) / (2 * phi * z)
    dm = (phi * m**2 + m) / (b - 2 * phi * z * m)
    mt = 1 / (gamma / (1 + phi * m) - z)
    dmt = mt**2 * (1 + gamma * phi * dm / (1 + phi * m) ** 2)
    across, along = r(beta, beta_tilde, s, rho)
    nu = p * phi * dm + across * dm + along * dmt - bracket(phi, m, dm, across * m + along * mt)
    cosine = (beta * s * m + beta_tilde * rho * mt) / sqrt(nu) if nu > 0 else np.nan
    return acos(cosine) / pi if abs(cosine) <= 1 else np.nan
