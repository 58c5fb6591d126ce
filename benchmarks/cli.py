"""What all applications share: one-line errors and exit codes."""

import sys

from dp_common.errors import Problem


def guarded(main, argv=None):
    """Run ``main(words)``; a Problem becomes one line on stderr and its exit code. Exits."""
    try:
        code = main(sys.argv[1:] if argv is None else argv)
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        code = problem.code
    except BrokenPipeError:
        code = 1
    sys.exit(code or 0)
