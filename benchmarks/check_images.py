"""Name the images of a set that cannot be decoded, each with the reason the decoder gives.

    python -m benchmarks.check_images PATH

PATH is what ``data.train=`` takes: one folder per class, a .tar of such folders, or a folder of such .tars. Exit code
1 where there are any.
"""

import sys

from benchmarks.cli import guarded
from dp_common.errors import BadInput, Problem
from dp_common.real_images import image_files
from dp_common.real_images.listing import brief, listing


def main(argv: list[str]) -> int:
    """Check the set at the one path given; returns the exit code."""
    if {"--help", "-h"} & set(argv):
        print(__doc__)
        return 0
    if len(argv) != 1:
        raise BadInput("PATH", None, "one folder or .tar of images; --help says more")
    return check(argv[0].removeprefix("path="))


def check(path: str) -> int:
    """Print a line for every image that cannot be decoded, and their number; returns the exit code."""
    found = listing("PATH", path)
    files = image_files.Files("PATH", path, {name: label for label, name in enumerate(found.classes)})
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
    for names, what, why in (
        (found.others, "file", "no images by their names"),
        (found.links, "link", "not followed in a tar"),
    ):
        if names:
            print(f"{brief(names, what)} {why}", file=sys.stderr)
    print(f"{bad} of {len(files)} images cannot be decoded")
    return 1 if bad else 0


if __name__ == "__main__":
    guarded(main)
