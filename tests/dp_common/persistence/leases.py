"""Leases as others leave them in a folder."""

import json
import time

from dp_common.persistence.lease import NAME, this_process

LONG = 3600.0


HOLDER = """
import sys
from dp_common.errors import LeaseLost
from dp_common.persistence.lease import Lease
held = Lease(sys.argv[1], float(sys.argv[2]))
print(held.token, flush=True)
for line in sys.stdin:
    try:
        held.check() if line == "check\\n" else held.release()
        print("ok", flush=True)
    except LeaseLost:
        print("LeaseLost", flush=True)
"""


def left_behind(folder, ttl=LONG, beat=None, **changes):
    """A lease of a holder elsewhere, as it lies in the folder."""
    record = {"token": "elsewhere", "ttl": ttl, **this_process(), **changes}
    (folder / NAME).write_text(json.dumps(record))
    (folder / ".beat.elsewhere").write_text(repr(time.time() if beat is None else beat))
    return record


def left(folder):
    """Names of the files that say who holds the run; a lock file that says nothing may stay."""
    return {file.name for file in folder.iterdir() if not file.name.endswith(".lock")}
