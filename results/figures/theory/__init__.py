"""Figures of the theory, a pure function of the ledger that ``python -m benchmarks.theory`` writes (numbers: results/theory.py).

Lines are limits, points simulations with 95 % t-intervals. Each figure is SVG, PNG and the CSV it was drawn from.
"""

from pathlib import Path

import numpy as np
from scipy import stats

from dp_common.files import write_atomic
from results.analysis.stats import t_interval
from results.analysis.theory import ARMS, agreement, loop_differences, loop_frame, of_study, table
from results.figures.style import as_csv, head, legend, log_axis, palette, save, sheet

LOOKS = {
    "hard": (3, "o", "-"),
    "easy": (0, "s", (0, (5, 1.5))),
    "random": (7, "^", (0, (1, 1.2))),
    "soft": (2, "D", (0, (6, 1.5, 1, 1.5))),
    "mixed": (4, "v", (0, (3, 1))),
    "adaptive": (3, "o", "-"),
    "frozen": (0, "s", (0, (5, 1.5))),
}  # colour of "colorblind", marker, dashes
ORDERED = (
    (7, "o", (0, (1, 1.2))),
    (9, "s", (0, (3, 1))),
    (2, "^", (0, (5, 1.5))),
    (0, "D", (0, (6, 1.5, 1, 1.5))),
    (3, "v", "-"),
)
MODEL = "ridge classifier in d = {d}; line: limit of large d; thin: with noise along the pruner; points: simulation, 95 % t-interval over {repeats} repeats"
TITLES = {
    "error-keep": "Error against the share of the pool that is kept",
    "accuracy-kept": "Accuracy against the number kept, for the hardest part of a pool",
    "accuracy-oversample": "Accuracy against oversampling, hardest kept, at equal numbers kept",
    "imperfect": "Imperfect labels, half of the pool kept",
    "loop": "The linear toy of the whole loop: images chosen by whom?",
    "agreement": "Theory against simulation, all points",
}
MEANT = {
    "error-keep": "A panel per pool size and ridge. Grey: p = φ = d/n, as many kept as there are dimensions; with tiny λ the error peaks there.",
    "accuracy-kept": "Pools of kept/p. Above, a pruner of cosine ρ with the truth, below a perfect one.",
    "accuracy-oversample": "The inverted U. On the right λ is normalised by the kept part, so that it does not grow with the pool.",
    "imperfect": "Labels of a generator of another direction, with a pruner that shares its mistakes or does not; labels flipped at random.",
    "loop": "Candidates chosen by nobody (random), by the learner of the first round (frozen), by the learner now (adaptive); the same candidates "
    "for all. Below, differences of pairs.",
    "agreement": "Every simulated point of the study against the limit, and their deviations in standard errors. Judged are points where the limit "
    "is expected to hold at this d; one that chance would hardly explain was simulated again, ten times as often.",
}
HOW = "Made by python -m benchmarks.theory; nothing is fitted. d = {d}, n = {n}, λ = {lam}, pruner's cosine ρ = {rho}, {repeats} repeats, seed {seed}."


def draw(records, study, folder):
    """[Figure] of a study (None: the latest begun), written into an existing ``folder``, and loop-differences.csv beside them.

    The same ledger gives the same bytes. Raises BadInput where there is no such study.
    """
    options, lines = of_study(records, study)
    folder = Path(folder)
    frames = {name: table(lines, name) for name in ("error-keep", "accuracy-kept", "accuracy-oversample", "imperfect")}
    frames |= {"loop": loop_frame(lines), "agreement": agreement(lines)[0]}
    shown = options | {key: ", ".join(f"{value:g}" for value in options[key]) for key in ("n", "lam")}
    with sheet() as plt:
        drawn = [
            save(
                DRAWN[name](plt, palette(), frame, options, lines),
                frame,
                folder / name,
                TITLES[name],
                f"{MODEL.format(**options)}. {MEANT[name]} {HOW.format(**shown)}",
            )
            for name, frame in frames.items()
        ]
    write_atomic(folder / "loop-differences.csv", as_csv(loop_differences(lines)))
    return drawn


def grid(plt, title, rows, columns, options, size=(2.7, 2.5), **shared):
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(size[0] * columns + 1.4, size[1] * rows + 0.7),
        layout="constrained",
        squeeze=False,
        **shared,
    )
    head(figure, title, MODEL.format(**options))
    return figure, axes


def series(axes, palette, frame, look, label, accuracy):
    """One limit and its simulated points."""
    colour, marker, dashes = look
    sign, offset = (-100, 100) if accuracy else (100, 0)
    line, points = frame[frame["what"] == "limit"], frame[frame["what"] == "simulation"]
    apart = line["finite"].where(
        (line["finite"] - line["error"]).abs() > 2e-3
    )  # elsewhere it would only fill the gaps of the dashes
    axes.plot(line["x"], offset + sign * apart, color=palette[colour], linewidth=0.8, zorder=2)
    axes.plot(
        line["x"], offset + sign * line["error"], color=palette[colour], linestyle=dashes, linewidth=1.5, zorder=2
    )
    middle = offset + sign * points["error"]
    half = 100 * (points["high"] - points["error"])
    axes.errorbar(
        points["x"],
        middle,
        half,
        color=palette[colour],
        marker=marker,
        markersize=3.8,
        linestyle="none",
        elinewidth=1,
        capsize=1.8,
        markeredgecolor="white",
        markeredgewidth=0.4,
        zorder=3,
    )
    axes.plot([], [], color=palette[colour], linestyle=dashes, marker=marker, markersize=4, linewidth=1.4, label=label)


def of(lam):
    return f"{lam:g}".replace("e-0", "e-")


def panel(frame, *parts):
    return frame[frame["panel"] == " ".join(map(str, parts))]


def draw_keep(plt, palette, frame, options, lines):
    figure, axes = grid(
        plt, TITLES["error-keep"], len(options["lam"]), len(options["n"]), options, sharex=True, sharey="row"
    )
    for row, lam in enumerate(options["lam"]):
        for column, n in enumerate(options["n"]):
            here, mine = axes[row, column], panel(frame, lam, n)
            for q in ("easy", "random", "hard"):
                series(
                    here,
                    palette,
                    mine[mine["series"] == q],
                    LOOKS[q],
                    f"keep {q}" if q != "random" else "random",
                    accuracy=False,
                )
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
    figure, axes = grid(
        plt,
        TITLES["accuracy-kept"],
        len(cosines),
        len(options["lam"]),
        options,
        size=(3.4, 2.6),
        sharex=True,
        sharey=True,
    )
    for row, cosine in enumerate(cosines):
        for column, lam in enumerate(options["lam"]):
            here, mine = axes[row, column], panel(frame, cosine, lam)
            for top, look in zip((1.0, 0.9, 0.8, 0.5, 0.1), ORDERED):
                series(
                    here,
                    palette,
                    mine[mine["series"] == str(top)],
                    look,
                    "all" if top == 1 else f"hardest {100 * top:g} %",
                    accuracy=True,
                )
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
    figure, axes = grid(plt, TITLES["accuracy-oversample"], 1, len(panels), options, size=(2.8, 3.0), sharey=True)
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
    figure, axes = grid(plt, TITLES["imperfect"], 1, 3, options, size=(2.9, 3.0), sharey=True)
    labels = {
        "independent": ("cosine of label direction and truth", f"pruner's own cosine {options['rho']:g}"),
        "shared": ("cosine of label direction and truth", "pruner = label direction"),
        "flips": ("share of labels flipped", f"true direction, pruner's cosine {options['rho']:g}"),
    }
    for here, (name, (label, title)) in zip(axes[0], labels.items()):
        mine = panel(frame, name)
        for q in ("easy", "random", "mixed", "soft", "hard"):
            series(
                here,
                palette,
                mine[mine["series"] == q],
                LOOKS[q],
                {"mixed": "half hard,\nhalf random"}.get(q, q),
                accuracy=False,
            )
        here.set_xlabel(label)
        here.set_title(title, loc="left")
    axes[0, 0].set_ylabel("test error, %")
    legend(figure, axes[0, 0], f"pool of {max(options['n']):,},\nλ = {of(options['lam'][-1])}; keep\n")
    return figure


def draw_loop(plt, palette, frame, options, lines):
    pools = sorted(frame["pool"].unique())
    settings = next(line["settings"] for line in lines if line["kind"] == "loop")
    figure, axes = plt.subplots(
        2,
        len(pools),
        figsize=(2.7 * len(pools) + 1.4, 5.2),
        layout="constrained",
        squeeze=False,
        sharex=True,
        sharey="row",
    )
    head(
        figure,
        TITLES["loop"],
        f"ridge classifier in d = {settings['d']}, λ = {of(settings['lam'])} over the "
        f"set's size, {settings['per_round']} images a round; mean and 95 % t-interval over {options['repeats']} seeds",
    )
    differences = loop_differences(lines)
    for column, pool in enumerate(pools):
        above, below = axes[:, column]
        for arm in ARMS:
            mine = frame[(frame["pool"] == pool) & (frame["arm"] == arm)]
            found = [(kept, *t_interval(100 * (1 - part["error"]))[1:]) for kept, part in mine.groupby("kept")]
            band(above, palette, *np.array(found).T, LOOKS[arm], arm)
        for a, b, look in (("adaptive", "frozen", LOOKS["adaptive"]), ("frozen", "random", LOOKS["frozen"])):
            mine = differences[(differences["pool"] == pool) & (differences["a"] == a) & (differences["b"] == b)]
            band(
                below,
                palette,
                *(mine[name].to_numpy() for name in ("kept", "points", "low", "high")),
                look,
                f"{a} − {b}",
            )
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
    axes.plot(
        x,
        mean,
        color=palette[colour],
        marker=marker,
        markersize=4,
        linestyle=dashes,
        linewidth=1.4,
        markeredgecolor="white",
        label=label,
        zorder=3,
    )
    axes.fill_between(x, low, high, color=palette[colour], alpha=0.2, linewidth=0, zorder=2)


def draw_agreement(plt, palette, frame, options, lines):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.2, 4.1), layout="constrained")
    found = agreement(lines)[1]
    head(
        figure,
        TITLES["agreement"],
        f"{found['points']} points judged: mean z {found['mean_z']:+.2f}, largest |z| "
        f"{found['largest_z']:.1f}, {100 * found['outside_95']:.1f} % outside their 95 % interval, Bonferroni p = {found['bonferroni_p']:.2g}",
    )
    kinds = {
        "": (0, "o", "judged"),
        "peak": (3, "^", "at the peak, p = φ"),
        "noise": (2, "s", "noise along the pruner counts"),
    }
    for beyond, (colour, marker, label) in kinds.items():
        rows = frame[frame["beyond"] == beyond]
        left.errorbar(
            100 * rows["limit"],
            100 * rows["error"],
            100 * (rows["high"] - rows["error"]),
            linestyle="none",
            marker=marker,
            markersize=3.2,
            color=palette[colour],
            markeredgecolor="white",
            markeredgewidth=0.3,
            elinewidth=0.8,
            label=label,
        )
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


DRAWN = {
    "error-keep": draw_keep,
    "accuracy-kept": draw_kept,
    "accuracy-oversample": draw_oversample,
    "imperfect": draw_imperfect,
    "loop": draw_loop,
    "agreement": draw_agreement,
}
