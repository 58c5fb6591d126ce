"""Teachers: diffusion models with a differentiable way from x_t to an image. One file each.

A teacher is a dataclass, whose fields are the keys ``<file name>.<field>``; what it has and does is written down in
``dp_common.contracts.Teacher``, and ``conformance.check_teacher`` holds it to that.
"""
