"""Unit costs as ``benchmarks.speed`` measured them, one CSV each: for estimates and ``prices=NAME``."""

from pathlib import Path

from dp_common.errors import BadInput, did_you_mean

FOLDER = Path(__file__).parent
OLD = "results/measured/speed"  # where they lay once


def names() -> list[str]:
    """Those that come with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.csv"))


def path_of(key: str, text: str) -> str:
    """The file of a bare name, or the path as it is. Raises BadInput."""
    path = Path(text).expanduser()
    if text in names():
        return str(FOLDER / f"{text}.csv")
    if path.is_file():
        return str(path)
    if path.stem in names() and OLD in path.as_posix():
        raise BadInput(key, text, f"is now {key}={path.stem}")
    close = did_you_mean(text, names())
    raise BadInput(
        key,
        text,
        f"no such file; python -m benchmarks.speed out=FILE.csv writes one, and {', '.join(names())} are here.{close}",
    )
