"""What applications share: one-line errors and exit codes, and the words of those that read a folder of runs."""

import sys

from dp_common.config import grid
from dp_common.errors import BadInput, Problem, did_you_mean


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


def words_of(words, defaults):
    """["key=value", ...] over ``defaults`` -> {key: text}; a bare word is the root. Raises BadInput."""
    given = {}
    for word in words:
        key, _, value = word.partition("=") if "=" in word or word.startswith("-") else ("root", "=", word)
        if key not in defaults:
            raise BadInput(key, None, f"no such key.{did_you_mean(key, defaults)} Keys: {', '.join(defaults)}")
        if key in given:
            raise BadInput(key, value, f"given twice, first as {given[key]}")
        given[key] = value
    return defaults | given


def seeds_of(words):
    """ "0..4,7" -> [0, 1, 2, 3, 4, 7]; "all" -> None. Raises BadInput."""
    if words == "all":
        return None
    seeds = grid.values_of("seeds", words)
    if not all(seed.isdigit() for seed in seeds):
        raise BadInput("seeds", words, "all, or numbers and ranges such as 0..4 or 0,2,5")
    return list(map(int, seeds))


def study_under(root, seeds="all", code="newest"):
    """The study of the runs under ``root`` that have one of the ``seeds``, words as typed. Raises BadInput.

    What was left out is said on stderr.
    """
    from results.analysis.study import load

    wanted, study = seeds_of(seeds), load(root, code)
    for note in study.notes:
        print(f"note: {note}", file=sys.stderr)
    if wanted is None:
        return study
    study = study.only(wanted)
    if not len(study.runs):
        raise BadInput("seeds", seeds, f"no run under {root} has such a seed")
    return study
