"""What to keep in mind, computed from the runs at hand: a caveat that does not apply is not there."""

from math import sqrt

import pandas as pd

from results.analysis.comparisons import Comparison
from results.analysis.disturbance import is_disturbed
from results.analysis.grouping import Group
from results.tables.arm_by_scale import unfinished_note
from results.tables.captions import TOUCHED

MANY = 20  # differences from which on chance is named
FEW = 10  # seeds


def of_comparison(comparison: Comparison, gaps: dict[str, pd.DataFrame]) -> list[str]:
    """Sentences about one comparison.

    ``gaps``: {baseline: paired differences, ``results.analysis.cells.differences``}.
    """
    if not len(comparison.done):
        return ["No run of it is finished."]
    return [
        *seeds(comparison),
        *test_set(comparison),
        *many(gaps),
        *unfinished(comparison),
        *below_scale(comparison.done),
        *teacher(comparison.group),
        *monitor(comparison.group),
        *devices(comparison.done, is_disturbed(comparison)),
    ]


def seeds(comparison: Comparison) -> list[str]:
    """What few seeds are worth."""
    n = len(comparison.replicates)
    if n >= FEW:
        return []
    if n == 1:
        return ["One seed: there are no intervals, and nothing here is decided."]
    from scipy.stats import t

    reach = t.ppf(0.975, n - 1) / sqrt(n)
    return [
        f"{n} seeds: a 95 % interval reaches {reach:.2f} standard deviations of one run to either side, and is itself "
        "a rough estimate."
    ]


def test_set(comparison: Comparison) -> list[str]:
    """What the size of the test set is worth."""
    done = comparison.done
    known = done["test_images"].dropna() if comparison.eval_set == "test" else done["test_images"][:0]
    if not len(known):
        return []
    n, accuracy = int(known.iloc[0]), float(done["accuracy"].mean())
    half = 196 * sqrt(accuracy * (1 - accuracy) / n)
    return [
        f"The test set has {n:,} images, so one image is {100 / n:.2g} points; another set of this size would move an "
        f"accuracy of {100 * accuracy:.0f} % by about ±{half:.1f} points (95 %). Intervals over seeds do not include "
        "that; those of paired differences do."
    ]


def many(gaps: dict[str, pd.DataFrame]) -> list[str]:
    """What chance would make of so many differences."""
    tested = sum(
        int((cells["complete"].astype(bool) & (cells["n"] > 1)).sum()) for cells in gaps.values() if len(cells)
    )
    if tested < MANY:
        return []
    rows = sum(cells["arm"].nunique() for cells in gaps.values() if len(cells))
    return [
        f"{tested} paired differences are looked at, in {rows} rows. Arrows are corrected within a row (Holm), not "
        f"over rows: about {0.05 * rows:.1f} rows would have one by chance alone if nothing differed."
    ]


def unfinished(comparison: Comparison) -> list[str]:
    """Which runs are missing."""
    notes = unfinished_note(comparison)
    return [f"{notes[0]} Cells they belong to show no mean."] if notes else []


def below_scale(done: pd.DataFrame) -> list[str]:
    """Which runs ended below their scale."""
    below = done[~done["scale_reached"].astype(bool) & (done["arm"] != "real")]
    if not len(below):
        return []
    count = f"{len(below)} run{'' if len(below) == 1 else 's'}"
    return [
        f"Finished below their scale: {count}. They are drawn where they ended and are in no mean; `deadline=even` or "
        "`schedule=even` of dp and prune, a longer train.seen or a smaller patience gets there."
    ]


def teacher(group: Group) -> list[str]:
    """What hours on the mixture teacher say of others."""
    if group.core["teacher"] != "mixture":
        return []
    return [
        "The mixture teacher's plain images are nearly free, while a guided one costs many of them. With a diffusion "
        "network it costs less than two, so hours here say nothing about hours there."
    ]


def monitor(group: Group) -> list[str]:
    """What it means that patience looked at the test set."""
    if group.core["data.monitor"] != "paper":
        return []
    return ["Patience looked at the test set itself (data.monitor=paper), as in the paper: accuracies are optimistic."]


def devices(done: pd.DataFrame, touched: bool) -> list[str]:
    """Hours that do not compare, and hours nobody can vouch for; ``touched``: other work did."""
    models = sorted({"; ".join(cpus) for cpus in done["cpus"] if cpus})
    kinds = sorted(done["device"].dropna().unique())
    texts = (
        [f"Runs were made on {len(kinds)} kinds of device ({', '.join(kinds)}): their hours are kept apart."]
        if len(kinds) > 1
        else []
    )
    if len(models) > 1 and "cpu" in kinds:
        texts.append(
            f"CPU hours are of {len(models)} CPU models ({', '.join(models)}) and are averaged all the same: compare "
            "counts."
        )
    mixed = done["gpu_hours.total"].isna().sum()
    texts += [f"{mixed} runs went over several devices and have no total."] if mixed else []
    resumed = int((done["attempts"] > 1).sum())
    texts += [f"{resumed} runs were interrupted and went on; hours spent include what was lost."] if resumed else []
    if touched:
        return [*texts, f"Hours as measured are not shown: {TOUCHED}"]
    return [
        *texts,
        "Whether other work ran on the same machine is not in a ledger: small differences of hours mean little, "
        "counts are exact.",
    ]


def of_code(runs: pd.DataFrame) -> list[str]:
    """Sentences about all runs together: commits and versions that differ."""
    done = runs[runs["state"] == "done"]
    texts = []
    if "git.commit" in done:
        commits = done["git.commit"].dropna().nunique()
        texts += [f"The runs come from {commits} commits."] if commits > 1 else []
        dirty = int(done["git.dirty"].eq(True).sum())  # None is unknown
        texts += [f"{dirty} of {len(done)} finished runs were made with uncommitted changes."] if dirty else []
        unknown = int(done["git.commit"].isna().sum())
        texts += [f"Of {unknown} finished runs the commit is not known."] if unknown else []
    for package in sorted(name for name in map(str, done) if name.startswith("versions.")):
        if (versions := sorted(done[package].dropna().unique())) and len(versions) > 1:
            texts.append(
                f"Runs used {package.removeprefix('versions.')} {' and '.join(versions)}; bit-equality is promised "
                "for one version only."
            )
    return texts
