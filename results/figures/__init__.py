"""Every figure of a comparison: SVG, PNG and the CSV it was drawn from, each a pure function of the ledgers.

One module per figure, ``draw(rows, folder, group, exclude, on) -> [Figure]``, empty where its data is not there.
"""

from importlib import import_module
from pathlib import Path

from dp_common.files import write_atomic
from results.analysis.comparisons import groups
from results.figures.style import Figure

MODULES = (
    "accuracy",
    "hours",
    "phases",
    "dynamics",
    "hardness",
    "entropy",
    "images",
    "curves",
    "truth",
    "plane",
)  # in the order of a report

__all__ = ["Figure", "draw_all"]


def draw_all(frame, out, exclude=(), on="test", classes=()):
    """[(Group, [Figure])] of every comparison in the frame, written into an existing folder ``out``; figures.md there says what each shows.

    A figure whose data is not there is left out. ``exclude``: phases left out of total hours; ``on``: the real set that accuracy is of;
    ``classes``: names of those to show images of, else a few evenly spread. The same runs give the same bytes. Raises BadInput where no
    finished run has an accuracy on the set, or a class is not the task's.
    """
    own = {"images": {"classes": classes}}
    found = [
        (
            group,
            [
                figure
                for name in MODULES
                for figure in import_module(f"results.figures.{name}").draw(
                    rows, Path(out), group, exclude, on, **own.get(name, {})
                )
            ]
            if (rows["state"] == "done").any()
            else [],
        )
        for group, rows in groups(frame)
    ]
    told = [
        f"## {group.title}\n\n"
        + "\n\n".join(f"`{figure.name}`: **{figure.title}.** {figure.caption}" for figure in figures)
        for group, figures in found
        if figures
    ]
    if told:
        write_atomic(Path(out) / "figures.md", ("\n\n".join(told) + "\n").encode())
    return found
