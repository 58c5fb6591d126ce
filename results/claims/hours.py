"""C4: guided generation reaches the accuracy of oversample-and-prune for fewer hours.

The accuracy is the highest that every seed of prune reaches, over the scales that all of them have, so that none of its
curves is censored by the choice. The factor is that of ``results.analysis.cost_to_target``: hours of prune over hours
of dp, log-interpolated over the scales, per seed. A seed of dp that never gets there is evidence against the claim that
no factor shows, so that with one the claim cannot be confirmed. On the mixture teacher plain images are nearly free:
there only re-priced hours say anything.
"""

from dataclasses import replace
from math import isnan, log
from shlex import quote

import pandas as pd

from results.analysis.comparisons import Comparison
from results.analysis.cost_to_target import FEWEST, HOURS, Speedup, cost_to_target, ratio, reached_by_all
from results.analysis.repricing import priced, teacher_of
from results.analysis.stats import Interval
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.pairs import FEW, enough

HALF = "hours of prune / hours of dp"
PRICES = "digits-unet"  # of a teacher in the project whose network is what costs


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per device name, or per device of the prices."""
    runs = pd.concat([selection.arm("dp").assign(arm="dp"), selection.arm("prune").assign(arm="prune")])
    done = runs[runs["state"] == "done"]
    if runs["arm"].nunique() < 2 or not len(done):
        return []
    if selection.group.core["teacher"] == "mixture":
        return [repriced(runs, selection)]
    return [
        faster(replace(selection.comparison, runs=of_device(runs, device)), f" on {device}")
        for device in sorted(done["device"].unique())
        if device != "mixed"
    ]


def of_device(runs: pd.DataFrame, device: str) -> pd.DataFrame:
    """The runs on one device, and those that are not finished and may be on any."""
    return runs[(runs["state"] != "done") | (runs["device"] == device)]


def undecided(why: str, effect: str = "", enough: int = 0, command: str = "") -> Finding:
    """A finding without an interval."""
    return Finding(HALF, None, "undecided", effect, why, enough=enough, command=command)


def repriced(runs: pd.DataFrame, selection: ArmSelection) -> Finding:
    """The finding at prices measured elsewhere."""
    prices = selection.prices
    if prices is None:
        command = f"python -m benchmarks.claims root={quote(str(selection.root))} prices={PRICES}"
        return undecided("on the mixture teacher only re-priced hours count", command=command)
    if teacher_of({"teacher": "mixture"}, prices) == "mixture":
        return undecided(f"{prices.name} prices the mixture itself; it takes a teacher whose network costs")
    new = priced(runs, prices)
    reasons = new["repriced_why"].dropna().unique()
    if len(reasons):
        return undecided("; ".join(sorted(reasons)))
    return faster(replace(selection.comparison, runs=new), f", {prices.label}")


def faster(comparison: Comparison, where: str) -> Finding:
    """The finding of runs whose hours are comparable; ``where`` they are of, as the end of a sentence."""
    prune = comparison.runs[comparison.runs["arm"] == "prune"]
    if not (prune["state"] == "done").any():
        return undecided(f"no finished run of prune{where}")
    target, on_test = reached_by_all(prune), replace(comparison, eval_set="test", exclude=())
    factor = ratio(cost_to_target(on_test, target, HOURS), "dp", "prune")
    if factor.unfinished:
        known = factor.n + factor.censored
        pairs = known + factor.unfinished
        return undecided("runs are missing", f"—({known}/{pairs})", enough=max(FEW, pairs))
    if isnan(target):
        return undecided(f"the seeds of prune have no scale in common{where}")
    effect = f"{factor_text(factor)} at {100 * target:.1f} %{where}"
    interval = Interval(factor.n, factor.factor, factor.low, factor.high)
    if factor.low > 1 and not factor.never:
        return Finding(HALF, None, "confirmed", effect, "", interval, unit="factor")
    if factor.high < 1:
        return Finding(HALF, None, "refuted", effect, "", interval, unit="factor")
    return Finding(HALF, None, "undecided", effect, reason(factor), interval, unit="factor", enough=needed(factor))


def factor_text(factor: Speedup) -> str:
    """``× 1.82 [1.20, 2.75] n=5 (1 censored, in 1 dp never reaches it)``."""
    interval = "" if isnan(factor.low) else f" [{factor.low:.2f}, {factor.high:.2f}]"
    censored = f" ({factor.censored} censored, in {factor.never} dp never reaches it)" if factor.censored else ""
    return (f"× {factor.factor:.2f}{interval} n={factor.n}" if factor.n else "× — n=0") + censored


def reason(factor: Speedup) -> str:
    """Why a factor is undecided; "" where its interval is too wide."""
    if factor.low > 1:
        return f"the seeds that reach it do so for less, but {factor.never} never do"
    return f"fewer than {FEWEST} pairs in which both reach it between their scales" if factor.n < FEWEST else ""


def needed(factor: Speedup) -> int:
    """How many replicates would decide it, at the spread of these."""
    total = factor.n + factor.censored
    if factor.n < FEWEST:
        return max(2 * total, FEW)
    logs = Interval(factor.n, log(factor.factor), log(factor.low), log(factor.high))
    return max(enough(logs, abs(logs.mean), 0.95), total)


CLAIM = Claim(
    "C4",
    "guided generation reaches oversample-and-prune's accuracy for fewer hours",
    "Hours of prune over hours of dp at the highest accuracy that every seed of prune reaches, per seed, by teacher "
    f"and device; on the mixture teacher only re-priced. Confirmed: 95 % t-interval above 1 (at least {FEWEST} "
    "pairs), and no seed of dp that never reaches it. Refuted: below 1.",
    {HALF: (("prune", {}), ("dp", {}))},
    lambda: "a guided image costs 1.82 plain ones on an H100; of hours at equal accuracy a curve without numbers",
    judge,
    fewest=3,
)
