"""C3: an inverted U, in the guidance weight ω and in the oversampling ratio of pruning.

Of a curve of at least three values at one scale the interior one with the best mean accuracy on monitor is chosen, so that test has no part in
the choice; then it must beat both ends on test. Refuted where it loses to an end. Where monitor is the test set
(data.monitor=paper) the choice would favour itself, and nothing is decided.
"""

from dataclasses import replace

from results.analysis.comparisons import UNIT
from results.claims import paper
from results.claims.claim import Finding, Question
from results.claims.pairs import FEW, above, by_scale

CURVES = {
    "ω": ("dp", "omega", (0.0, 0.02, 0.05, 0.1, 0.2)),
    "oversampling": ("prune", "oversample", (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)),
}


def judge(comparison):
    return [finding for half in CURVES for finding in curve(comparison, half)]


def curve(comparison, half):
    strategy, name, _ = CURVES[half]
    rows = comparison.curve(strategy, name)
    found = []
    for scale, part in rows.groupby("scale"):
        values = sorted(part["value"].unique())
        if len(values) >= 3:
            found += both_ends(half, int(scale), part, values, comparison.group.core["data.monitor"])
    return found


def both_ends(half, scale, part, values, monitor):
    """[Finding] of the chosen value against each end."""
    by_value = {value: part[part["value"] == value] for value in values}
    low, *inside, high = values
    if (part["state"] != "done").any():
        units = part[UNIT].drop_duplicates()
        open_units = part.loc[part["state"] != "done", UNIT].drop_duplicates()
        effect = f"—({len(units) - len(open_units)}/{len(units)})"
        return [Finding(half, scale, "undecided", effect, "runs are missing", enough=max(FEW, len(units)))]
    common = set.intersection(*(set(rows[UNIT].itertuples(index=False, name=None)) for rows in by_value.values()))
    if not common:
        return [Finding(half, scale, "undecided", "", "no seed has the whole curve", enough=FEW)]
    whole = {
        value: rows[[unit in common for unit in rows[UNIT].itertuples(index=False, name=None)]]
        for value, rows in by_value.items()
    }
    best = max(inside, key=lambda value: (whole[value]["monitor_accuracy"].mean(), -value))
    found = [finding for end in (low, high) for finding in by_scale(half, by_value[best], by_value[end], above)]
    found = [replace(one, effect=f"{one.effect} ({best:g} − {end:g})") for one, end in zip(found, (low, high))]
    if monitor == "paper":
        return [
            replace(one, verdict="undecided", why="chosen on the test set itself (data.monitor=paper)") for one in found
        ]
    return found


C3 = Question(
    "C3",
    "inverted U in ω and in the oversampling ratio",
    "Of each curve of three values or more, the interior value with the best mean accuracy on monitor is compared with both ends on "
    "test. Confirmed: above both (95 % t-interval over pairs and bootstrap), in both curves. Refuted: below an end, in either.",
    {half: tuple((strategy, {name: value}) for value in values) for half, (strategy, name, values) in CURVES.items()},
    paper.omegas,
    judge,
    ablation=True,
)
