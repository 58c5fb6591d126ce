"""C4: guided generation reaches the accuracy of oversample-and-prune for fewer hours.

The accuracy is the highest that every seed of prune reaches, over the scales that all of them have, so that none of its curves is censored by
the choice. The factor is that of ``results.analysis.cost_to_target``: hours of prune over hours of dp, log-interpolated over the scales, per seed. A seed of
dp that never gets there is evidence against the claim that no factor shows, so that with one the claim cannot be confirmed. On the mixture
teacher plain images are nearly free: there only re-priced hours say anything.
"""

from math import isnan, log
from shlex import quote

import pandas as pd

from results.analysis.cost_to_target import FEWEST, ratio, reach, reached_by_all
from results.analysis.repricing import priced, teacher_of
from results.analysis.stats import Interval
from results.claims.claim import Finding, Question
from results.claims.pairs import FEW, enough

HALF = "hours of prune / hours of dp"
PRICES = "digits-unet"  # of a teacher in the project whose network is what costs


def judge(comparison):
    """A Finding per device name, or per device of the prices."""
    rows = pd.concat([comparison.arm("dp").assign(arm="dp"), comparison.arm("prune").assign(arm="prune")])
    if rows["arm"].nunique() < 2 or not (rows["state"] == "done").any():
        return []
    if comparison.group.core["teacher"] == "mixture":
        return [repriced(rows, comparison)]
    devices = sorted(rows.loc[rows["state"] == "done", "device"].unique())
    return [
        faster(rows[(rows["state"] != "done") | (rows["device"] == device)], f" on {device}")
        for device in devices
        if device != "mixed"
    ]


def repriced(rows, comparison):
    if comparison.prices is None:
        return Finding(
            HALF,
            None,
            "undecided",
            "",
            "on the mixture teacher only re-priced hours count",
            command=f"python -m benchmarks.claims root={quote(str(comparison.root))} prices={PRICES}",
        )
    if teacher_of({"teacher": "mixture"}, comparison.prices) == "mixture":
        return Finding(
            HALF,
            None,
            "undecided",
            "",
            f"{comparison.prices.name} prices the mixture itself; it takes a teacher whose network costs",
        )
    new = priced(rows, comparison.prices)
    reasons = new["repriced_why"].dropna().unique()
    return (
        Finding(HALF, None, "undecided", "", "; ".join(sorted(reasons)))
        if len(reasons)
        else faster(new, f", {comparison.prices.label}")
    )


def faster(rows, where):
    """The Finding of runs whose hours are comparable."""
    prune = rows[(rows["arm"] == "prune") & (rows["state"] == "done")]
    if not len(prune):
        return Finding(HALF, None, "undecided", "", f"no finished run of prune{where}")
    target = reached_by_all(rows[rows["arm"] == "prune"])
    found = ratio(reach(rows, target, "hours"), "dp", "prune")
    at = f" at {100 * target:.1f} %{where}"
    if found.unfinished:
        pairs = found.n + found.censored + found.unfinished
        return Finding(
            HALF,
            None,
            "undecided",
            f"—({pairs - found.unfinished}/{pairs})",
            "runs are missing",
            enough=max(FEW, pairs),
        )
    if isnan(target):
        return Finding(HALF, None, "undecided", "", f"the seeds of prune have no scale in common{where}")
    bounds = "" if isnan(found.low) else f" [{found.low:.2f}, {found.high:.2f}]"
    censored = f" ({found.censored} censored, in {found.never} dp never reaches it)" if found.censored else ""
    effect = (f"× {found.factor:.2f}{bounds} n={found.n}" if found.n else "× — n=0") + censored + at
    interval = Interval(found.n, found.factor, found.low, found.high)
    if found.low > 1 and not found.never:
        return Finding(HALF, None, "confirmed", effect, "", interval, unit="factor")
    if found.high < 1:
        return Finding(HALF, None, "refuted", effect, "", interval, unit="factor")
    return Finding(HALF, None, "undecided", effect, reason(found), interval, unit="factor", enough=needed(found))


def reason(found):
    if found.low > 1:
        return f"the seeds that reach it do so for less, but {found.never} never do"
    return f"fewer than {FEWEST} pairs in which both reach it between their scales" if found.n < FEWEST else ""


def needed(found):
    total = found.n + found.censored
    if found.n < FEWEST:
        return max(2 * total, FEW)
    logs = Interval(found.n, log(found.factor), log(found.low), log(found.high))
    return max(enough(logs, abs(logs.mean), 0.95), total)


C4 = Question(
    "C4",
    "guided generation reaches oversample-and-prune's accuracy for fewer hours",
    "Hours of prune over hours of dp at the highest accuracy that every seed of prune reaches, per seed, by teacher and device; on the "
    f"mixture teacher only re-priced. Confirmed: 95 % t-interval above 1 (at least {FEWEST} pairs), and no seed of dp that never reaches "
    "it. Refuted: below 1.",
    {HALF: (("prune", {}), ("dp", {}))},
    lambda: "a guided image costs 1.82 plain ones on an H100; of hours at equal accuracy a curve without numbers",
    judge,
    fewest=3,
)
