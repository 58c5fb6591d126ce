"""Who works on a run, on whatever machine: seen where processes can be seen, listened for elsewhere."""

import time
from collections.abc import Iterable
from pathlib import Path

from dp_common.persistence import lease

PATIENCE = 10.0  # seconds at most that heartbeats are listened for


def living(folders: Iterable[str | Path]) -> set[Path]:
    """Those of some folders of runs that a living process holds.

    Who is not seen from here is listened for, all at once, for two heartbeats (six seconds by default); who beats more
    slowly than ``PATIENCE`` counts as living. No two clocks are compared.
    """
    me, found, unheard = lease.this_process(), set[Path](), dict[Path, tuple[Path, str | None]]()
    began = until = time.monotonic()
    for folder in map(Path, folders):
        holder = lease.read(folder)
        if holder is None or lease.gone(holder, me):
            continue
        beat, span = lease.beat_file(folder, holder["token"]), 2.2 * holder["ttl"] / lease.BEATS
        if lease.sees(me, holder) or span > PATIENCE:
            found.add(folder)
        else:
            unheard[folder] = beat, said(beat)
            until = max(until, began + span)
    while unheard and time.monotonic() < until:
        time.sleep(0.1)
        found |= {folder for folder, (beat, first) in unheard.items() if said(beat) not in (None, first)}
        unheard = {folder: told for folder, told in unheard.items() if folder not in found}
    return found


def said(beat: Path) -> str | None:
    """What the file of a heartbeat holds; None where there is none."""
    try:
        return beat.read_text()
    except OSError:
        return None
