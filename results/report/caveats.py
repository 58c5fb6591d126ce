"""What to keep in mind, computed from the runs at hand: a caveat that does not apply is not there."""

from math import sqrt

from results.analysis.cells import replicates
from results.tables.accuracy import unfinished_note

MANY = 20  # differences from which on chance is named
FEW = 10  # seeds


def of_group(group, rows, differences, on="test"):
    """[sentence] about one comparison. ``differences``: {baseline: what ``results.analysis.cells.differences`` says}."""
    done = rows[rows["state"] == "done"]
    if not len(done):
        return ["No run of it is finished."]
    return [
        *seeds(rows),
        *test_set(done, on),
        *many(differences),
        *unfinished(rows),
        *short(done),
        *teacher(group),
        *monitor(group),
        *devices(done),
    ]


def seeds(rows):
    n = len(replicates(rows))
    if n >= FEW:
        return []
    if n == 1:
        return ["One seed: there are no intervals, and nothing here is decided."]
    from scipy.stats import t

    reach = t.ppf(0.975, n - 1) / sqrt(n)
    return [
        f"{n} seeds: a 95 % interval reaches {reach:.2f} standard deviations of one run to either side, and is itself a rough estimate."
    ]


def test_set(done, on):
    known = done["test_images"].dropna() if on == "test" else done["test_images"][:0]
    if not len(known):
        return []
    n, accuracy = int(known.iloc[0]), float(done["accuracy"].mean())
    half = 196 * sqrt(accuracy * (1 - accuracy) / n)
    return [
        f"The test set has {n:,} images, so one image is {100 / n:.2g} points; another set of this size would move an accuracy of "
        f"{100 * accuracy:.0f} % by about ±{half:.1f} points (95 %). Intervals over seeds do not include that; paired differences suffer less, "
        "and their arrows ask the bootstrap too."
    ]


def many(differences):
    tested = sum(
        int((cells["complete"].astype(bool) & (cells["n"] > 1)).sum()) for cells in differences.values() if len(cells)
    )
    return (
        [
            f"{tested} paired differences are looked at, each at 95 %: about {0.05 * tested:.1f} would exclude zero by chance alone if nothing "
            f"differed."
        ]
        if tested >= MANY
        else []
    )


def unfinished(rows):
    notes = unfinished_note(rows)
    return [f"{notes[0]} Cells they belong to show no mean."] if notes else []


def short(done):
    below = done[~done["scale_reached"].astype(bool) & (done["arm"] != "real")]
    return (
        [f"Finished below their scale: {len(below)} runs. They are drawn where they ended and are in no mean."]
        if len(below)
        else []
    )


def teacher(group):
    if group.core["teacher"] != "mixture":
        return []
    return [
        "The mixture teacher's plain images are nearly free, while a guided one costs many of them. With a diffusion network it costs less "
        "than two, so hours here say nothing about hours there."
    ]


def monitor(group):
    seen = group.core["data.monitor"] == "paper"
    return (
        ["Patience looked at the test set itself (data.monitor=paper), as in the paper: accuracies are optimistic."]
        if seen
        else []
    )


def devices(done):
    """Hours that do not compare, and hours nobody can vouch for."""
    models = sorted({"; ".join(cpus) for cpus in done["cpus"] if cpus})
    kinds = sorted(done["device"].dropna().unique())
    texts = (
        [f"Runs were made on {len(kinds)} kinds of device ({', '.join(kinds)}): their hours are kept apart."]
        if len(kinds) > 1
        else []
    )
    if len(models) > 1 and "cpu" in kinds:
        texts.append(
            f"CPU hours are of {len(models)} CPU models ({', '.join(models)}) and are averaged all the same: compare counts."
        )
    mixed = done["gpu_hours.total"].isna().sum()
    texts += [f"{mixed} runs went over several devices and have no total."] if mixed else []
    resumed = int((done["attempts"] > 1).sum())
    texts += [f"{resumed} runs were interrupted and went on; hours spent include what was lost."] if resumed else []
    return [
        *texts,
        "Whether other work ran on the same machine is not in a ledger: small differences of hours mean little, counts are exact.",
    ]


def of_code(frame):
    """[sentence] about all runs together: commits and versions that differ."""
    done = frame[frame["state"] == "done"]
    texts = []
    if "git.commit" in done:
        commits = done["git.commit"].dropna().nunique()
        texts += [f"The runs come from {commits} commits."] if commits > 1 else []
        dirty = int((done["git.dirty"] == True).sum())  # noqa: E712: None is unknown
        texts += [f"{dirty} of {len(done)} finished runs were made with uncommitted changes."] if dirty else []
        unknown = int(done["git.commit"].isna().sum())
        texts += [f"Of {unknown} finished runs the commit is not known."] if unknown else []
    for package in sorted(column for column in done if column.startswith("versions.")):
        if (versions := sorted(done[package].dropna().unique())) and len(versions) > 1:
            texts.append(
                f"Runs used {package.removeprefix('versions.')} {' and '.join(versions)}; bit-equality is promised for one version only."
            )
    return texts
