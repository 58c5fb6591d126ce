"""Figures and numbers of the theory, a pure function of the ledger that ``python -m benchmarks.theory`` writes.

Lines are limits, points simulations with 95 % t-intervals. Each figure is SVG, PNG and the CSV it was drawn from. Here too is what the
claims about the theory rest on: ``agreement`` (C9) and ``loop_differences`` (C10, the toy's half).
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from dp_common.errors import BadInput, Damaged
from dp_common.files import write_atomic
from dp_common.ledger import decode
from results.stats import t_interval

NAME = "theory/theory.jsonl"  # under a root of runs; no run's ledger has this name, so results.load does not meet it
PLACE = ("figure", "panel", "series", "x")
LEVEL = 0.05  # of the verdict on all points together (Bonferroni)
ARMS = ("adaptive", "frozen", "random")
LOOKS = {"hard": (3, "o", "-"), "easy": (0, "s", (0, (5, 1.5))), "random": (7, "^", (0, (1, 1.2))), "soft": (2, "D", (0, (6, 1.5, 1, 1.5))),
         "mixed": (4, "v", (0, (3, 1))), "adaptive": (3, "o", "-"), "frozen": (0, "s", (0, (5, 1.5)))}  # colour of "colorblind", marker, dashes
ORDERED = ((7, "o", (0, (1, 1.2))), (9, "s", (0, (3, 1))), (2, "^", (0, (5, 1.5))), (0, "D", (0, (6, 1.5, 1, 1.5))), (3, "v", "-"))
MODEL = "ridge classifier in d = {d}; line: limit of large d; thin: with noise along the pruner; points: simulation, 95 % t-interval over {repeats} repeats"


def read(path):
    """Records of a theory ledger; [] where there is none, a torn last line dropped. Raises Damaged, naming file and line."""
    path = Path(path)
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    records = [decode(line, f"{path}:{number}") for number, line in enumerate(whole.split(b"\n"), 1)] if whole else []
    for number, record in enumerate(records):
        if record["n"] != number:
            raise Damaged(f"{path}:{number + 1}: line {record['n']} stands where {number} should")
    return records


def of_study(records, study=None):
    """(options, lines) of one study, the latest begun unless named. Raises BadInput where there is none."""
    opened = [record for record in records if record["kind"] == "open" and study in (None, record["study"])]
    if not opened:
        raise BadInput("study", study, "the ledger holds none such; python -m benchmarks.theory makes one")
    chosen = opened[-1]
    return chosen["options"], [record for record in records if record["study"] == chosen["study"] and record["kind"] != "open"]


def table(lines, figure=None):
    """Lines of a study -> a row per x: ``what`` (limit, simulation), figure, panel, series, x, ``error`` (with low, high, se, repeats
    of simulations), ``limit``, ``finite`` and, of simulations, ``beyond``; see benchmarks.theory. Fractions. The loop has its own."""
    rows = []
    for line in lines:
        if line["kind"] == "loop" or figure not in (None, line["figure"]):
            continue
        place = dict(zip(PLACE, place_of(line)))
        if line["kind"] == "curve":
            rows += [place | {"what": "limit", "x": x, "error": error, "limit": error, "finite": finite}
                     for x, error, finite in zip(line["x"], line["error"], line["finite"])]
        else:
            half = stats.t.ppf(0.975, line["repeats"] - 1) * line["se"]
            rows.append(place | {"what": "simulation", "error": line["simulated"], "low": line["simulated"] - half, "again": line.get("again", False),
                                 "high": line["simulated"] + half, **{name: line[name] for name in ("se", "repeats", "limit", "finite", "beyond")}})
    names = [*PLACE, "what", "error", "low", "high", "se", "repeats", "limit", "finite", "beyond", "again"]
    found = pd.DataFrame(rows, columns=names)
    return found.drop_duplicates([*PLACE, "what"], keep="last", ignore_index=True)  # of a point that was simulated again, the second


def place_of(line):
    return line["figure"], " ".join(map(str, line["panel"])), str(line["series"]), line["x"]


def suspects(lines):
    """Places (as ``place_of``) of first simulations whose p-value times the number of points is below LEVEL."""
    points = agreement([line for line in lines if not line.get("again")])[0]
    judged = points[points["beyond"] == ""]
    return set(judged.loc[judged["p"] * len(judged) < LEVEL, list(PLACE)].itertuples(index=False, name=None))


def agreement(lines):
    """(points, summary): does simulation scatter around the limit as chance would have it?

    z = (simulated − limit)/se has Student's t with repeats − 1 degrees of freedom if the limit is right. Points with a ``beyond`` are
    listed, not judged. ``agrees``: the smallest p-value times the number of points (Bonferroni) is above LEVEL, of ``again``
    the second simulation being judged. ``finite`` in the summary: the same of ``finite`` and all points but those at the peak.
    """
    points = table(lines).query("what == 'simulation'").reset_index(drop=True)
    for name, against in (("", "limit"), ("_finite", "finite")):
        points[f"z{name}"] = (points["error"] - points[against]) / points["se"]
        points[f"p{name}"] = 2 * stats.t.sf(points[f"z{name}"].abs(), points["repeats"].astype(float) - 1)
    summary = verdict(points[points["beyond"] == ""], "limit", "") | {name: int((points["beyond"] == name).sum()) for name in ("peak", "noise")}
    summary["again"] = int(points["again"].sum())
    return points, summary | {"finite": verdict(points[points["beyond"] != "peak"], "finite", "_finite")}


def verdict(judged, against, name):
    difference, low = judged["error"] - judged[against], float(min(1.0, judged[f"p{name}"].min() * len(judged)))
    return {"points": len(judged), "mean_z": float(judged[f"z{name}"].mean()), "largest_z": float(judged[f"z{name}"].abs().max()),
            "outside_95": float((judged[f"p{name}"] < 0.05).mean()), "bonferroni_p": low, "agrees": low > LEVEL,
            "median_se": float(judged["se"].median()), "mean_difference": float(difference.mean()), "largest_difference": float(difference.abs().max())}


def loop_frame(lines):
    """A row per pool × seed × round × arm: kept, generated, error."""
    return pd.DataFrame([{"pool": line["settings"]["pool"], "seed": line["settings"]["seed"], "round": number, "arm": arm, "kept": kept,
                          "generated": line["generated"][arm][number], "error": line["error"][arm][number]}
                         for line in lines if line["kind"] == "loop" for arm in ARMS for number, kept in enumerate(line["kept"])])


def loop_differences(lines):
    """A row per pool × round × pair of arms: accuracy of a minus b over equal seeds, in points, mean and 95 % t-interval."""
    rows = []
    for (pool, number), part in loop_frame(lines).groupby(["pool", "round"]):
        by = part.pivot(index="seed", columns="arm", values="error")
        for a, b in (("adaptive", "frozen"), ("frozen", "random"), ("adaptive", "random")):
            found = t_interval(100 * (by[b] - by[a]))
            rows.append({"pool": pool, "round": number, "kept": int(part["kept"].iloc[0]), "a": a, "b": b, "points": found.mean,
                         "low": found.low, "high": found.high, "n": found.n})
    return pd.DataFrame(rows)


def told(records, study=None):
    """What the terminal says of a study."""
    options, lines = of_study(records, study)
    found = agreement(lines)[1]
    words = []
    for name, part in (("Limit", found), ("With noise along the pruner", found["finite"])):
        words.append(f"{name} against simulation: {part['points']} points, mean z {part['mean_z']:+.2f}, largest |z| {part['largest_z']:.1f}, "
                     f"{100 * part['outside_95']:.1f} % outside their 95 % interval, Bonferroni p = {part['bonferroni_p']:.2g}: "
                     + ("" if part["agrees"] else "NOT ") + "within Monte Carlo error")
    words += [f"  median standard error {100 * found['median_se']:.2f} points, mean difference {100 * found['mean_difference']:+.3f}, largest "
              f"{100 * found['largest_difference']:.2f}; not judged by the limit: {found['peak']} points at the peak p = φ, {found['noise']} with noise "
              f"along the pruner; simulated again, since chance would hardly explain the first: {found['again']}",
              "", f"The loop, accuracy in points, 95 % t-interval over {options['repeats']} pairs:"]
    differences = loop_differences(lines)
    for row in differences[differences["round"].isin((1, 3, differences["round"].max()))].itertuples():
        if (row.round > 1 or row.a == "frozen") and (row.a, row.b) != ("adaptive", "random"):  # at the first addition, adaptive is frozen
            words.append(f"  chosen from {row.pool:>2} x, round {row.round}: {row.a:>8} - {row.b:<6} {row.points:+6.2f} [{row.low:+.2f}, {row.high:+.2f}]")
    return "\n".join(words)


def write(records, study, folder):
    """Draw all figures of a study into an existing ``folder``; returns the paths. The same ledger gives the same bytes."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import seaborn

    options, lines = of_study(records, study)
    folder, paths = Path(folder), []
    points = agreement(lines)[0]
    frames = {name: table(lines, name) for name in ("error-keep", "accuracy-kept", "accuracy-oversample", "imperfect")}
    frames |= {"loop": loop_frame(lines), "agreement": points}
    fixed = {"svg.hashsalt": "results", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 9}
    with plt.rc_context(seaborn.axes_style("whitegrid") | fixed):
        for name, frame in frames.items():
            figure = DRAWN[name](plt, seaborn.color_palette("colorblind", 10), frame, options, lines)
            try:
                for ending, metadata in (("svg", {"Date": None, "Creator": None}), ("png", {"Software": None})):
                    figure.savefig(folder / f"{name}.{ending}", dpi=150, metadata=metadata)
            finally:
                plt.close(figure)
            paths += [folder / f"{name}.{ending}" for ending in ("svg", "png", "csv")]
            write_atomic(paths[-1], as_csv(frame))
    write_atomic(folder / "loop-differences.csv", as_csv(loop_differences(lines)))
    return [*paths, folder / "loop-differences.csv"]


def as_csv(frame):
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.10g").encode()


def grid(plt, title, rows, columns, options, size=(2.7, 2.5), **shared):
    figure, axes = plt.subplots(rows, columns, figsize=(size[0] * columns + 1.4, size[1] * rows + 0.7), layout="constrained", squeeze=False, **shared)
    head(figure, title, MODEL.format(**options))
    return figure, axes


def head(figure, title, words):
    """Title, and a line of small print under it in room that the layout keeps free."""
    figure.suptitle(f"{title}\n\n", fontsize=10, x=0.01, ha="left")
    figure.text(0.01, 1 - 0.3 / figure.get_figheight(), words, fontsize=7.5, color="0.35", va="top")


def series(axes, palette, frame, look, label, accuracy):
    """One limit and its simulated points."""
    colour, marker, dashes = look
    sign, offset = (-100, 100) if accuracy else (100, 0)
    line, points = frame[frame["what"] == "limit"], frame[frame["what"] == "simulation"]
    apart = line["finite"].where((line["finite"] - line["error"]).abs() > 2e-3)  # elsewhere it would only fill the gaps of the dashes
    axes.plot(line["x"], offset + sign * apart, color=palette[colour], linewidth=0.8, zorder=2)
    axes.plot(line["x"], offset + sign * line["error"], color=palette[colour], linestyle=dashes, linewidth=1.5, zorder=2)
    middle = offset + sign * points["error"]
    half = 100 * (points["high"] - points["error"])
    axes.errorbar(points["x"], middle, half, color=palette[colour], marker=marker, markersize=3.8, linestyle="none", elinewidth=1, capsize=1.8,
                  markeredgecolor="white", markeredgewidth=0.4, zorder=3)
    axes.plot([], [], color=palette[colour], linestyle=dashes, marker=marker, markersize=4, linewidth=1.4, label=label)


def of(lam):
    return f"{lam:g}".replace("e-0", "e-")


def legend(figure, axes, title):
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, title=title, loc="outside right center", frameon=False, fontsize=8, title_fontsize=8, alignment="left")


def log_axis(axes, xs):
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(xs))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


def panel(frame, *parts):
    return frame[frame["panel"] == " ".join(map(str, parts))]


def draw_keep(plt, palette, frame, options, lines):
    figure, axes = grid(plt, "Error against the share of the pool that is kept", len(options["lam"]), len(options["n"]), options, sharex=True, sharey="row")
    for row, lam in enumerate(options["lam"]):
        for column, n in enumerate(options["n"]):
            here, mine = axes[row, column], panel(frame, lam, n)
            for q in ("easy", "random", "hard"):
                series(here, palette, mine[mine["series"] == q], LOOKS[q], f"keep {q}" if q != "random" else "random", accuracy=False)
            if options["d"] < n:
                here.axvline(options["d"] / n, color="0.55", linewidth=0.9, zorder=1)
            here.set_title(f"n = {n:,}, λ = {of(lam)}", loc="left")
            here.set_ylim(0, 52)
        axes[row, 0].set_ylabel("test error, %")
    for here in axes[-1]:
        here.set_xlabel("share kept, p")
    legend(figure, axes[0, 0], f"pruner with\ncosine {options['rho']:g}\n\ngrey: p = d/n\n")
    return figure


def draw_kept(plt, palette, frame, options, lines):
    cosines = list(dict.fromkeys((options["rho"], 1.0)))
    figure, axes = grid(plt, "Accuracy against the number kept, for the hardest part of a pool", len(cosines), len(options["lam"]), options,
                        size=(3.4, 2.6), sharex=True, sharey=True)
    for row, cosine in enumerate(cosines):
        for column, lam in enumerate(options["lam"]):
            here, mine = axes[row, column], panel(frame, cosine, lam)
            for top, look in zip((1.0, 0.9, 0.8, 0.5, 0.1), ORDERED):
                series(here, palette, mine[mine["series"] == str(top)], look, "all" if top == 1 else f"hardest {100 * top:g} %", accuracy=True)
            here.set_title(f"pruner's cosine {cosine:g}, λ = {of(lam)}", loc="left")
            here.axvline(options["d"], color="0.55", linewidth=0.9, zorder=1)
            log_axis(here, [round(options["d"] * x) for x in (0.25, 0.5, 1, 2, 4, 8)])
            here.set_xlim(0.18 * options["d"], 9 * options["d"])
        axes[row, 0].set_ylabel("accuracy, %")
    for here in axes[-1]:
        here.set_xlabel("kept (log scale)")
    legend(figure, axes[0, 0], "of a pool of\nkept/p:\n")
    return figure


def draw_oversample(plt, palette, frame, options, lines):
    panels = [*((lam, "pool") for lam in options["lam"]), (options["lam"][-1], "kept")]
    figure, axes = grid(plt, "Accuracy against oversampling, hardest kept, at equal numbers kept", 1, len(panels), options, size=(2.8, 3.0), sharey=True)
    for here, (lam, by) in zip(axes[0], panels):
        for kept, look in zip(options["n"], ORDERED[::-1]):
            mine = panel(frame, lam, by)
            series(here, palette, mine[mine["series"] == str(kept)], look, f"{kept:,} kept", accuracy=True)
        here.set_title(f"λ = {of(lam)}" + (" per pool" if by == "pool" else " per kept"), loc="left")
        log_axis(here, [1, 2, 4, 8, 16, 32, 64])
        here.set_xlabel("pool / kept (log scale)")
    axes[0, 0].set_ylabel("accuracy, %")
    legend(figure, axes[0, 0], f"pruner with\ncosine {options['rho']:g}\n")
    return figure


def draw_imperfect(plt, palette, frame, options, lines):
    figure, axes = grid(plt, "Imperfect labels, half of the pool kept", 1, 3, options, size=(2.9, 3.0), sharey=True)
    labels = {"independent": ("cosine of label direction and truth", f"pruner's own cosine {options['rho']:g}"),
              "shared": ("cosine of label direction and truth", "pruner = label direction"),
              "flips": ("share of labels flipped", f"true direction, pruner's cosine {options['rho']:g}")}
    for here, (name, (label, title)) in zip(axes[0], labels.items()):
        mine = panel(frame, name)
        for q in ("easy", "random", "mixed", "soft", "hard"):
            series(here, palette, mine[mine["series"] == q], LOOKS[q], {"mixed": "half hard,\nhalf random"}.get(q, q), accuracy=False)
        here.set_xlabel(label)
        here.set_title(title, loc="left")
    axes[0, 0].set_ylabel("test error, %")
    legend(figure, axes[0, 0], f"pool of {max(options['n']):,},\nλ = {of(options['lam'][-1])}; keep\n")
    return figure


def draw_loop(plt, palette, frame, options, lines):
    pools = sorted(frame["pool"].unique())
    settings = next(line["settings"] for line in lines if line["kind"] == "loop")
    figure, axes = plt.subplots(2, len(pools), figsize=(2.7 * len(pools) + 1.4, 5.2), layout="constrained", squeeze=False, sharex=True, sharey="row")
    head(figure, "The linear toy of the whole loop: images chosen by whom?", f"ridge classifier in d = {settings['d']}, λ = {of(settings['lam'])} over the "
         f"set's size, {settings['per_round']} images a round; mean and 95 % t-interval over {options['repeats']} seeds")
    differences = loop_differences(lines)
    for column, pool in enumerate(pools):
        above, below = axes[:, column]
        for arm in ARMS:
            mine = frame[(frame["pool"] == pool) & (frame["arm"] == arm)]
            found = [(kept, *t_interval(100 * (1 - part["error"]))[1:]) for kept, part in mine.groupby("kept")]
            band(above, palette, *np.array(found).T, LOOKS[arm], arm)
        for a, b, look in (("adaptive", "frozen", LOOKS["adaptive"]), ("frozen", "random", LOOKS["frozen"])):
            mine = differences[(differences["pool"] == pool) & (differences["a"] == a) & (differences["b"] == b)]
            band(below, palette, *(mine[name].to_numpy() for name in ("kept", "points", "low", "high")), look, f"{a} − {b}")
        below.axhline(0, color="0.3", linewidth=0.9, zorder=1)
        above.set_title(f"chosen from {pool} times as many", loc="left")
        below.set_xlabel("images kept")
    axes[0, 0].set_ylabel("accuracy, %")
    axes[1, 0].set_ylabel("difference of pairs, points")
    for here in axes[:, -1]:
        here.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, fontsize=8)
    return figure


def band(axes, palette, x, mean, low, high, look, label):
    colour, marker, dashes = look
    axes.plot(x, mean, color=palette[colour], marker=marker, markersize=4, linestyle=dashes, linewidth=1.4, markeredgecolor="white", label=label, zorder=3)
    axes.fill_between(x, low, high, color=palette[colour], alpha=0.2, linewidth=0, zorder=2)


def draw_agreement(plt, palette, frame, options, lines):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.2, 4.1), layout="constrained")
    found = agreement(lines)[1]
    head(figure, "Theory against simulation, all points", f"{found['points']} points judged: mean z {found['mean_z']:+.2f}, largest |z| "
         f"{found['largest_z']:.1f}, {100 * found['outside_95']:.1f} % outside their 95 % interval, Bonferroni p = {found['bonferroni_p']:.2g}")
    kinds = {"": (0, "o", "judged"), "peak": (3, "^", "at the peak, p = φ"), "noise": (2, "s", "noise along the pruner counts")}
    for beyond, (colour, marker, label) in kinds.items():
        rows = frame[frame["beyond"] == beyond]
        left.errorbar(100 * rows["limit"], 100 * rows["error"], 100 * (rows["high"] - rows["error"]), linestyle="none", marker=marker, markersize=3.2,
                      color=palette[colour], markeredgecolor="white", markeredgewidth=0.3, elinewidth=0.8, label=label)
    left.axline((0, 0), slope=1, color="0.3", linewidth=0.9, zorder=1)
    left.set_xlabel("limit, % error")
    left.set_ylabel("simulation, % error (95 % t-interval)")
    left.legend(frameon=False, fontsize=8)
    z = np.sort(frame["z"][frame["beyond"] == ""])
    expected = stats.t.ppf((np.arange(len(z)) + 0.5) / len(z), options["repeats"] - 1)
    right.plot(expected, z, linestyle="none", marker="o", markersize=3.5, color=palette[0])
    right.axline((0, 0), slope=1, color="0.3", linewidth=0.9, zorder=1)
    right.set_xlabel(f"quantile of Student's t, {options['repeats'] - 1} degrees of freedom")
    right.set_ylabel("(simulation − limit) / standard error")
    return figure


DRAWN = {"error-keep": draw_keep, "accuracy-kept": draw_kept, "accuracy-oversample": draw_oversample, "imperfect": draw_imperfect,
         "loop": draw_loop, "agreement": draw_agreement}
