"""Guidance rules, one file each: how the gradient g = ∇_{x_t} H of a score moves one step of the sampler.

    step(x, x0, eps, g, alpha, omega, every) -> (x, x0, eps)

    x, x0, eps, g    tensors [B, ...] of one shape: x_t, the predicted image x̂0, the predicted noise ε, the gradient of
                     each image's own score by its x_t (zeros where an image is not to be moved)
    alpha            ᾱ_t of this step, a float in (0, 1)
    omega            the guidance weight; towards higher scores where it is positive
    every            one step in so many is guided

Rows are images and never look at one another. ``diffusion/guidance.py`` has the equations side by side; a new rule is
one new file, or ``dp.rule=./mine.py``.
"""
