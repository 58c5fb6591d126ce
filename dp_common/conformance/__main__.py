"""The conformance kit on the command line; ``dp_common/conformance/__init__.py`` says how."""

import sys
from collections.abc import Callable, Sequence

from dp_common import conformance
from dp_common.conformance import Nonconforming
from dp_common.errors import BadInput, Problem

CHECKS: dict[str, Callable[..., None]] = {
    "strategy": conformance.check_strategy,
    "teacher": conformance.check_teacher,
    "learner": conformance.check_learner,
    "task": conformance.check_task,
    "score": conformance.check_score,
    "guidance_rule": conformance.check_guidance_rule,
    "selection_rule": conformance.check_selection_rule,
}


def main(argv: Sequence[str]) -> int:
    """Hold a plugin to its contract; returns the exit code: 0 conforming, 1 not, 2 bad input."""
    if {"-h", "--help"} & set(argv):
        print(conformance.__doc__)
        return 0
    try:
        kind, name, words = subject(argv)
        CHECKS[kind](name, *words, say=print)
    except Nonconforming as failure:
        print(f"NOT CONFORMING  {failure}")
        return 1
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return problem.code
    print("conforming")
    return 0


def subject(argv: Sequence[str]) -> tuple[str, str, list[str]]:
    """(kind, name, further words) of what is to be held to its contract. Raises BadInput."""
    words = [word.partition("=") for word in argv]
    kind = next((kind for kind in CHECKS if any(key == kind for key, *_ in words)), None)
    if kind is None:
        given = argv[0] if argv else "nothing given"
        raise BadInput(given, None, f"what is to be checked, one of {', '.join(f'{kind}=' for kind in CHECKS)}")
    names = [value for key, _, value in words if key == kind]
    if len(names) > 1 or not names[0]:
        raise BadInput(kind, names[-1], "given once, with a name or file.py:Class")
    return kind, names[0], ["".join(word) for word in words if word[0] != kind]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
