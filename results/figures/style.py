"""What all figures share: sheet and fonts, the look of an arm, small print, saving. Nothing here knows what is drawn.

The same data and versions give the same bytes: a fixed hash salt for SVG, no dates, text as paths.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dp_common.config.specification import short
from dp_common.files import write_atomic
from results.analysis.arms import rank

USUAL = (
    "static",
    "prune",
    "prune score=random",
    "dp",
    "dp omega=0",
)  # look the same in every figure; others take what is left
COLOURS = (0, 1, 7, 2, 4, 3, 9, 5, 6, 8)  # of seaborn's "colorblind", neighbours far apart
MARKERS, LINES = "os^DvPX<>*", ["-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1))]
FIXED = {
    "svg.hashsalt": "results",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
}
ENDINGS = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}  # and what not to write into each
GREY = "0.35"


@dataclass(frozen=True)
class Figure:
    """What lies on disk of one figure. ``name``: stem of its files; ``caption``: what it shows, n, interval, how it was made;
    ``paths``: its SVG, its PNG and the CSV it was drawn from.
    """

    name: str
    title: str
    caption: str
    paths: tuple


@contextmanager
def sheet():
    """Draw inside of it: Agg, white with a grid, fixed fonts. Yields pyplot; figures left open by an error are closed."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import seaborn

    before = set(plt.get_fignums())
    with plt.rc_context(seaborn.axes_style("whitegrid") | FIXED):
        try:
            yield plt
        finally:
            for number in set(plt.get_fignums()) - before:
                plt.close(number)


def palette():
    """Ten colours that colour-blind eyes tell apart."""
    import seaborn

    return seaborn.color_palette("colorblind", 10)


def arm_look(arms):
    """{arm: (colour, marker, line)} in the order of a legend. Give it all arms of a comparison, so that each looks the same in all figures."""
    colours, ordered = palette(), sorted(set(arms), key=rank)
    others = [arm for arm in ordered if arm not in USUAL]
    places = {arm: USUAL.index(arm) if arm in USUAL else len(USUAL) + others.index(arm) for arm in ordered}
    return {
        arm: (colours[COLOURS[place % len(COLOURS)]], MARKERS[place % len(MARKERS)], LINES[place % len(LINES)])
        for arm, place in places.items()
    }


def rising(n):
    """n colours for things in an order, such as rounds: dark to light, told apart in grey too."""
    import seaborn

    return seaborn.color_palette("viridis", n) if n > 1 else seaborn.color_palette("viridis", 3)[:1]


def save(figure, frame, stem, title, caption):
    """Write ``stem``.svg, .png and .csv (``frame``), close the figure -> Figure."""
    import matplotlib.pyplot as plt

    paths = tuple(Path(f"{stem}.{ending}") for ending in (*ENDINGS, "csv"))
    for path, metadata in zip(paths, ENDINGS.values()):
        figure.savefig(path, dpi=150, metadata=metadata)
    plt.close(figure)
    write_atomic(paths[-1], as_csv(frame))
    return Figure(Path(stem).name, title, caption, paths)


def as_csv(frame):
    """Bytes of a frame as CSV, ten digits."""
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.10g").encode()


def head(figure, title, words):
    """Title, and small print under it (lines by \\n) in room that the layout keeps free."""
    figure.suptitle(f"{title}\n" + "\n" * (1 + words.count("\n")), fontsize=10, x=0.01, ha="left")
    figure.text(0.01, 1 - 0.3 / figure.get_figheight(), words, fontsize=7.5, color=GREY, va="top")


def legend(figure, axes, title):
    """Legend of what one axes has labelled, right of all panels."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        title=title,
        loc="outside right center",
        frameon=False,
        fontsize=8,
        title_fontsize=8,
        alignment="left",
    )


def log_axis(axes, xs):
    """Logarithmic x with ticks at ``xs`` only, 500 or 2k as one would type them."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(xs))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}" if x < 1000 else short(round(x))))


def file_name(what, group, on="test"):
    """Stem of a figure's files: letters, digits and -._= only."""
    name = f"{what}-{group.slug}" if on == "test" else f"{on}-{what}-{group.slug}"
    return "".join(letter if letter.isalnum() or letter in "-._=" else "-" for letter in name)
