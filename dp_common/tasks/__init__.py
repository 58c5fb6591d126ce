"""Tasks: classification problems with their real splits. One file each (``_name.py``: shared parts, no tasks).

A task is a dataclass, whose fields are the keys ``<file name>.<field>``; what it has and does is written down in
``dp_common.contracts.Task``.
"""
