"""The arms that claims speak of, found in a comparison by what was varied, not by their label.

``dp`` at its own settings, ``dp`` with ω = 0, ``prune`` with another ratio: what ablations vary (VARIED) must be as said, or at
its default. Everything else of a strategy (N, P, τ, T_0) is its plan, which may differ between scales, as in the paper, but not
between the arms of one scale. Where several plans were run at one scale, the default one is meant, else the most frequent.
"""

from dataclasses import dataclass

import pandas as pd

from results.analysis.arms import chosen, parameters
from results.analysis.comparisons import UNIT, Group

VARIED = {
    "dp": ("score", "omega", "rule", "through", "every", "patience_growth", "schedule", "feedback", "new_weight"),
    "prune": ("score", "oversample", "balance", "patience_growth"),
}


@dataclass(frozen=True)
class Comparison:
    """One comparison's runs. ``prices``: of ``results.analysis.repricing``, or None; ``root``: the folder of runs, as it was given."""

    group: Group
    rows: pd.DataFrame
    root: str
    prices: object = None

    def arm(self, strategy, **changes):
        """Runs, finished or not, of ``strategy`` at its settings but for ``changes`` (to single values), one plan per scale."""
        return self.curve(strategy, None, **changes)

    def curve(self, strategy, name, **changes):
        """The same over every value of the parameter ``name``, which stands in the column ``value``."""
        rows = self.rows[self.rows["strategy"] == strategy]
        plans = {scale: self.plan(strategy, scale) for scale in rows["scale"].unique()}
        kept = [
            place
            for place, row in enumerate(rows[["scale", "values", "given", "plan"]].to_dict("records"))
            if row["plan"] == plans[row["scale"]] and fits(row, strategy, name, changes)
        ]
        found = rows.iloc[kept]
        return found.assign(value=[parameters(values)[name] for values in found["values"]]) if name else found

    def plan(self, strategy, scale):
        """What of the plan is not at its default in the runs that are meant at a scale, in words; "" where all is."""
        rows = self.rows[(self.rows["strategy"] == strategy) & (self.rows["scale"] == scale)]
        usual = rows[[not given for given in rows["given"]]]
        counts = (usual if len(usual) else rows)["plan"].value_counts()
        return "" if "" in counts.index else min(counts.index, key=lambda plan: (-counts[plan], plan), default="")

    @property
    def replicates(self):
        return sorted(set(self.rows[UNIT].itertuples(index=False, name=None)))


def comparison(group, rows, root, prices=None):
    given, plans = [], []
    for row in rows[["strategy", "values"]].to_dict("records"):
        changed = chosen(row["values"]) if row["strategy"] in VARIED else {}
        varied = VARIED.get(row["strategy"], ())
        given.append({name: value for name, value in changed.items() if name in varied})
        plans.append(" ".join(f"{name}={value}" for name, value in changed.items() if name not in varied))
    return Comparison(group, rows.assign(given=given, plan=plans), root, prices)


def fits(row, strategy, name, changes):
    own, given = parameters(row["values"]), row["given"]
    return all(
        own.get(key) == changes[key] if key in changes else key not in given or key == name
        for key in VARIED.get(strategy, ())
    )
