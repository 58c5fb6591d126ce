"""What all figures share: sheet and fonts, the look of an arm, small print, saving. Nothing here knows what is drawn.

The same data and versions give the same bytes: a fixed hash salt for SVG, no dates, text as paths.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dp_common.config.specification import short
from dp_common.files import write_atomic
from results.analysis.arms import rank
from results.figures.drawing import narrow
from results.tables.cell_texts import FEWEST

PAPER_ARMS = ("static", "prune", "prune score=random", "dp", "dp omega=0")
# ... look the same in every figure of every study; the other arms, of whatever strategy, take what looks are left
COLOURS = (0, 1, 7, 2, 4, 3, 9, 5, 6, 8)  # of seaborn's "colorblind", neighbours far apart
MARKERS, LINES = "os^DvPX<>*", ["-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1))]
FIXED = {
    "svg.hashsalt": "results",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "text.parse_math": False,  # names are other people's: a class may be called $10_bill$
}
METADATA: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}  # by ending: not written
GREY = "0.35"
SMALL = 8.0  # points of the small print
WIDEST = 10.4  # inches: of a wider drawing the page makes that print less than nine pixels high
LONGEST = 24  # characters of a name in a drawing


@dataclass(frozen=True)
class Figure:
    """What lies on disk of one figure.

    Attributes:
        name: stem of its files; the folder says which comparison.
        title: a few words.
        caption: what it shows, n, interval, how it was made.
        paths: its SVG, its PNG and the CSV it was drawn from.
        narrow: its SVG for a small screen, where that was asked for.
    """

    name: str
    title: str
    caption: str
    paths: tuple[Path, ...]
    narrow: Path | None = None


@contextmanager
def sheet() -> Iterator[Any]:
    """Draw inside of it: Agg, white with a grid, fixed fonts.

    Yields pyplot; figures left open by an error are closed.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import seaborn

    before = set(plt.get_fignums())
    with plt.rc_context(seaborn.axes_style("whitegrid") | FIXED), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # an emoji in a name is drawn as a box
        try:
            yield plt
        finally:
            for number in set(plt.get_fignums()) - before:
                plt.close(number)


def name_text(name: str) -> str:
    """A name that other people gave, as one line of a drawing: what does not print is a space, what is long is cut."""
    printing = "".join(letter if letter.isprintable() else " " for letter in str(name))
    line = " ".join(printing.split()) or "(no name)"
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def palette() -> list:
    """Ten colours that colour-blind eyes tell apart."""
    import seaborn

    return seaborn.color_palette("colorblind", 10)


def arm_look(arms: Iterable[str]) -> dict[str, tuple]:
    """The look of each arm, in the order of a legend.

    Args:
        arms: all arms of a comparison, so that each looks the same in all of its figures.

    Returns:
        {arm: (colour, marker, dashes)}.
    """
    colours, ordered = palette(), sorted(set(arms), key=rank)
    others = [arm for arm in ordered if arm not in PAPER_ARMS]
    looks = {}
    for arm in ordered:
        index = PAPER_ARMS.index(arm) if arm in PAPER_ARMS else len(PAPER_ARMS) + others.index(arm)
        # the next ten have these colours again, with other markers and lines
        cycle, place = divmod(index, len(COLOURS))
        marker, line = MARKERS[(place + 3 * cycle) % len(MARKERS)], LINES[(place + cycle) % len(LINES)]
        looks[arm] = (colours[COLOURS[place]], marker, line)
    return looks


def rising(n: int) -> list:
    """n colours for things in an order, such as rounds: dark to light, told apart in grey too."""
    import seaborn

    return seaborn.color_palette("viridis", n) if n > 1 else seaborn.color_palette("viridis", 3)[:1]


def save(
    drawing: Any,
    frame: pd.DataFrame,
    path: Path,
    title: str,
    caption: str,
    small_drawing: Callable[[], Any] | None = None,
) -> Figure:
    """Write a drawing as ``path``.svg and .png and its numbers as .csv, and close it; the folder is made if need be.

    ``small_drawing``: makes the one for a small screen, where moving panels below each other does not do.
    """
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    plain_numbers(drawing)
    paths = tuple(path.with_name(f"{path.name}.{ending}") for ending in (*METADATA, "csv"))
    layout = drawing.get_layout_engine()
    for file, metadata in zip(paths, METADATA.values()):
        drawing.savefig(file, dpi=150, metadata=metadata)
        drawing.set_layout_engine("none")  # the places that were found are those of every file
    drawing.set_layout_engine(layout)
    small = None
    if narrow.is_wanted(drawing):
        small = path.parent / "narrow" / f"{path.name}.svg"
        small.parent.mkdir(exist_ok=True)
        if small_drawing is None:
            narrow.stack(drawing)
        else:
            plt.close(drawing)
            drawing = small_drawing()
        drawing.savefig(small, metadata=METADATA["svg"])
    plt.close(drawing)
    write_atomic(paths[-1], as_csv(frame))
    return Figure(path.name, title, caption, paths, small)


def plain_numbers(drawing: Any) -> None:
    """Logarithmic axes that nobody gave labels have 0.2 and 1, not formulas, which FIXED does not set."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        """The same places, the number as it is."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    for axes in drawing.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), LogFormatter):
                axis.set_major_formatter(Plain())
            if isinstance(axis.get_minor_formatter(), LogFormatter):
                axis.set_minor_formatter(Plain(labelOnlyBase=False, minor_thresholds=(1, 0.4)))


def as_csv(frame: pd.DataFrame) -> bytes:
    """A frame as CSV, ten digits."""
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.10g").encode()


def if_enough(n: pd.Series, line: Any) -> Any:
    """The style of a line through means of n seeds each: none where any of them is of fewer than FEWEST."""
    return line if len(n) and n.min() >= FEWEST else "none"


def head(drawing: Any, title: str, subtitle: str) -> None:
    """Title, and small print under it (lines by \\n) in room that the layout keeps free."""
    drawing.suptitle(f"{title}\n" + "\n" * (1 + subtitle.count("\n")), fontsize=10, x=0.01, ha="left")
    drawing.text(0.01, 1 - 0.3 / drawing.get_figheight(), subtitle, fontsize=SMALL, color=GREY, va="top")


def legend(drawing: Any, axes: Any, title: str) -> None:
    """Legend of what one axes has labelled, right of all panels."""
    handles, labels = axes.get_legend_handles_labels()
    drawing.legend(
        handles,
        labels,
        title=title,
        loc="outside right center",
        frameon=False,
        fontsize=8,
        title_fontsize=8,
        alignment="left",
    )


def log_axis(axes: Any, ticks: Sequence[float]) -> None:
    """Logarithmic x with ticks at these numbers only, 500 or 2k as one would type them."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}" if x < 1000 else short(round(x))))


def stem(folder: Path, name: str, eval_set: str = "test") -> Path:
    """Where a figure's files go, without their endings; the real set is named where it is not the test set."""
    name = name if eval_set == "test" else f"{eval_set}-{name}"
    return Path(folder) / "".join(letter if letter.isalnum() or letter in "-._=" else "-" for letter in name)
