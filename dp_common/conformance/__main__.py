import sys

from dp_common import conformance
from dp_common.conformance import Nonconforming, check_score, check_strategy, check_teacher
from dp_common.errors import Problem


def main(words):
    given = dict(word.partition("=")[::2] for word in words)
    try:
        if "strategy" in given:
            name = given.pop("strategy")
            check_strategy(name, *(f"{key}={value}" for key, value in given.items()), say=print)
        elif "teacher" in given:
            check_teacher(given.pop("teacher"), *(f"{key}={value}" for key, value in given.items()), say=print)
        elif "score" in given:
            check_score(given["score"])
        else:
            print(conformance.__doc__)
            return 2
    except Nonconforming as failure:
        print(f"NOT CONFORMING  {failure}")
        return 1
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return problem.code
    print("conforming")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
