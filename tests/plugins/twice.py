"""A guidance rule of a third party: the step of ``relative``, twice as far."""

from dp_common.diffusion.guidance import rule_step


def step(x, x0, eps, g, alpha, omega, every):
    return rule_step("relative")(x, x0, eps, g, alpha, 2 * omega, every)
