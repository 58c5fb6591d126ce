"""Which runs a figure shows where it cannot show all: rules that look at the data only, said in its caption."""

from collections import Counter

import numpy as np

from results.analysis.arms import chosen, parameters
from results.analysis.cells import expected_at, main_arms, replicates


def left_out(rows):
    """The sentence of a caption about arms that are not main ones; "" without any."""
    others = sorted(set(rows.loc[rows["arm"] != "real", "arm"]) - main_arms(rows))
    return f"Not drawn, run at one scale only: {', '.join(others)}." if others else ""


def one_scale(rows):
    """The scale at which most of the arms among ``rows`` have all their replicates finished; of several the one with most replicates, then the
    largest. None without any.
    """
    arms, runs = Counter(), Counter()
    for (scale, _), part in rows[rows["state"] == "done"].groupby(["scale", "arm"]):
        arms[int(scale)] += replicates(part) >= expected_at(rows, scale)
        runs[int(scale)] += len(replicates(part))
    return max(arms, key=lambda scale: (arms[scale], runs[scale], scale), default=None)


def varying(rows, name):
    """The runs in which nothing of the strategy but its parameter ``name`` was chosen, with the parameter's ``value``."""
    own = [(chosen(values), parameters(values)) for values in rows["values"]]
    alone = np.array([name in every and not set(picked) - {name} for picked, every in own], dtype=bool)
    return rows[alone].assign(value=[float(every[name]) for (_, every), fits in zip(own, alone) if fits])


def span(counts):
    """ "5", or "2 to 5": how many, in a caption."""
    least, most = min(counts), max(counts)
    return f"{least}" if least == most else f"{least} to {most}"


def joined(*sentences):
    """A caption of its sentences, those that are empty left out."""
    return " ".join(sentence.strip() for sentence in sentences if sentence)
