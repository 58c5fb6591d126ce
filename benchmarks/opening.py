"""What a command says of the files it wrote: where they are, how to open them, what to do next."""

import os
import shlex
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path


def written(files: Sequence[Path], next_command: Sequence[str] = ()) -> None:
    """Say on stderr, by absolute paths that can be clicked or copied, what was written, and the next command."""
    if not files:
        return
    lines = [f"  {file.absolute()}" for file in files]
    if next_command:
        lines.append(f"next: {shlex.join(['python', '-m', *next_command])}")
    print("\n".join(["", "written:", *lines]), file=sys.stderr)


def show(path: Path) -> None:
    """Open a file or folder in the browser where there is a display; one line on stderr where there is none."""
    if not (has_display() and webbrowser.open(path.absolute().as_uri())):
        print(f"open=yes: no display and browser here; the file is {path.absolute()}", file=sys.stderr)


def has_display() -> bool:
    """Can a window open? macOS and Windows have no variable for it."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
