"""Ends each text file it is given with exactly one line break; names those it changed, and fails if there were any."""

import sys
from pathlib import Path

changed = 0
for path in map(Path, sys.argv[1:]):
    content = path.read_bytes()
    if b"\0" in content or not content.strip():
        continue  # an image or weights; an empty file
    ended = content.rstrip(b"\r\n") + b"\n"
    if content != ended:
        path.write_bytes(ended)
        print(f"{path}: ends with one line break now")
        changed += 1
sys.exit(bool(changed))
