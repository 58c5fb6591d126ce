"""From noise to pixels: noise schedules, the DDIM sampler, classifier-free guidance, guidance by a learner's score."""
