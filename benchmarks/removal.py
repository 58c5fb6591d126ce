"""Taking runs away, so that at every moment each is whole or gone, and nothing else is touched."""

import json
import os
import re
import shutil
import uuid
from collections.abc import Collection, Iterable
from pathlib import Path

from benchmarks.survey import Plan
from dp_common.errors import BadInput, Damaged, Held
from dp_common.files import sync_folder, write_atomic
from dp_common.persistence import ledger
from dp_common.persistence.lease import Lease
from dp_common.persistence.summary import read_summary

REMAINS = ".forgotten-"  # a folder of this name is a run whose removal began
OF_A_RUN = re.compile(
    r"ledger\.jsonl|summary\.json|spec\.yaml|log\.txt|correct\.parquet|lease\.json"
    r"|[a-z]+-[0-9]{6}\b.*\.(parquet|safetensors|npz|npy)|\.(lease|beat|take|nfs|writable).*|\..*\.tmp"
)  # names of the files that a run writes


def why_not(folder: Path, roots: Iterable[str | Path]) -> str:
    """Why a folder is not to be removed as a run; "" where it may be."""
    real = folder.resolve()
    if not any(real.is_relative_to(Path(root).resolve()) for root in roots):
        return f"lies elsewhere, in {real}: name that folder's own root"
    foreign = sorted(path.name for path in real.iterdir() if path.is_dir() or not OF_A_RUN.fullmatch(path.name))
    if foreign:
        return f"holds {', '.join(foreign[:3])}{', ...' * (len(foreign) > 3)}, which no run writes: move it away first"
    if not is_run(real):
        return "is not the folder of a run: neither its ledger nor its summary can be read, and it has no spec.yaml"
    return ""


def is_run(folder: Path) -> bool:
    """Has a run been here? Its spec, or a summary or a line of a ledger that can be read."""
    if (folder / "spec.yaml").is_file():
        return True
    try:
        if read_summary(folder):
            return True
    except Damaged:
        pass
    path = folder / ledger.NAME
    for number, line in enumerate(path.read_bytes().splitlines() if path.is_file() else (), 1):
        try:
            return bool(ledger.decode(line, f"{path}:{number}"))
        except (Damaged, ValueError):
            continue
    return not path.is_file() and (folder / "log.txt").is_file()  # failed before it had a ledger


def remove(folder: Path) -> None:
    """Remove one run. Raises Held where a process works on it; BadInput where the folder cannot be changed."""
    real = folder.resolve()
    gone = real.with_name(f"{REMAINS}{uuid.uuid4().hex[:8]}-{real.name}")
    try:
        held = Lease(real)
        try:
            os.rename(real, gone)
        finally:
            held.release()
        sync_folder(real.parent)
        shutil.rmtree(gone)
    except FileNotFoundError:
        raise Held(f"{folder}: another process has just changed it") from None
    except OSError as error:
        raise BadInput("root", folder, f"cannot be removed: {error.strerror}") from error


def remains(roots: Iterable[str | Path]) -> list[Path]:
    """What a removal that was killed has left behind."""
    found = {
        path
        for root in roots
        for path in Path(root).rglob(f"{REMAINS}*")
        if re.match(r"[0-9a-f]{8}-", path.name[len(REMAINS) :])
    }
    return sorted(path for path in found if path.is_dir() and not path.is_symlink())


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def take_out(plans: Iterable[Plan], run_ids: Collection[str]) -> int:
    """Take runs out of what sweeps remember; a plan without runs is removed. Returns how many plans changed."""
    changed = 0
    for plan in plans:
        kept = {run_id: words for run_id, words in plan.runs.items() if run_id not in run_ids}
        if len(kept) == len(plan.runs):
            continue
        changed += 1
        if kept:
            write_atomic(plan.file, json.dumps({"words": plan.words, "runs": kept}, indent=1).encode())
        else:
            plan.file.unlink(missing_ok=True)
            if not any(plan.file.parent.iterdir()):
                plan.file.parent.rmdir()
    return changed
