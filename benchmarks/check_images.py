"""Name the images of a set that cannot be decoded, each with the reason the decoder gives.

    python -m benchmarks.check_images mine/train

The set is what ``data.train=`` takes: one folder per class, a .tar of such folders, or a folder of such .tars. Exit
code 1 where there are any.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import cli
from dp_common.config.options import option
from dp_common.errors import BadInput, Problem
from dp_common.real_images import image_files
from dp_common.real_images.listing import listing


@dataclass
class Options:
    """Keys of this application."""

    path: str = option("", "the folder or .tar of images", positional=True, place=True)


def main(argv: Sequence[str]) -> int:
    """Check the set; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    if not options.path:
        raise BadInput("path", None, "needed: one folder or .tar of images")
    return check(options.path)


def check(path: str) -> int:
    """Print a line for every image that cannot be decoded, and their number; returns the exit code."""
    found = listing("path", path)
    files = image_files.Files("path", path, {name: label for label, name in enumerate(found.classes)})
    bad = 0
    for row in range(len(files)):
        try:
            files.one(row, (3, 8, 8))
        except image_files.Undecodable as error:
            bad += 1
            print(f"{error.name} cannot be decoded: {error.reason}")
        except Problem as error:
            bad += 1
            print(error)
    for line in found.beside:
        print(line, file=sys.stderr)
    print(f"{bad} of {len(files)} images cannot be decoded")
    return 1 if bad else 0


if __name__ == "__main__":
    cli.guarded(main)
