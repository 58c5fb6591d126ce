"""Tasks: a classification problem with its real splits. One file each (``_name.py``: shared parts, no tasks); the contract:

class NAME:                    a dataclass; its fields are the keys ``<file name>.<field>``
    recipe                     {key: value} defaults this task gives to the other keys (budget, learner, ω, ...)
    data                       the ``data.*`` keys (spec.Data), set before anything below is asked for
    classes                    class names, in label order; known without torch, so that a dry run is quick
    prompts                    optional: a text for each class, for teachers that read text; else the class names serve
    shape                      (channels, height, width) of its images, as stored and as the learner sees them
    load(split)                find the data; afterwards the attributes train, monitor, test (Split) and shifted
                               ({name: Split}) are there; train, monitor and test are disjoint. Raises BadInput, which
                               says what was looked for, where, and how to get it
    fingerprint()              what identifies the real data; cheap, no torch, and there before the data is
"""
