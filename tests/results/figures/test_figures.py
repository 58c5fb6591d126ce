"""What figures show of fabricated ledgers with known numbers; drawn twice, the same bytes."""

import json

import numpy as np
import pandas as pd
import pytest

from dp_common.errors import BadInput
from dp_common.persistence import ledger
from dp_common.arrays import EncodedImages
from dp_common.training_data import shards as store
from results.analysis.comparisons import one_group
from results.figures import accuracy, curves, draw_all, dynamics, entropy, hardness, hours, images, phases
from results.figures.selection import one_scale
from results.figures.style import arm_look, sheet
from results.reading.runs import load

CLASSES = tuple("ab")
LAW = {250: 0.4, 500: 0.2, 1000: 0.1, 2000: 0.05}  # error = 100/n


@pytest.fixture(autouse=True)
def quick(request, monkeypatch):
    """Figures are plotted, not rendered, which is most of the work; where bytes are compared they are."""
    if "bytes" not in request.node.name:
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, path, **more: path.touch())


def inside(folder, lines):
    """Put lines into a fabricated ledger, before its evaluation."""
    opened, *rest = ledger.read(folder)
    records = [opened, *lines, *rest]
    records = [
        {key: value for key, value in record.items() if key != "crc"} | {"n": n} for n, record in enumerate(records)
    ]
    (folder / ledger.NAME).write_bytes(
        b"".join(ledger.encode({"t": 1.0, "attempt": 1, "spent": {}} | record) for record in records)
    )


def grown(folder, additions=3, seen=1000, omega=0.05, probe=None, shards=True):
    """A history: an initial set, ``additions`` more, ``seen`` images of training before each; its shards; and its probe. ``probe(addition, at)`` gives
    error, entropy and the error of those missed."""
    calls, size, position = [], 0, 0

    def call(name, args, answer, measured, added=()):
        state = {"size": size, "seen": position, "seen_total": position, "iterations": position // 10}
        calls.append(
            {
                "kind": "call",
                "call": len(calls) + 1,
                "name": name,
                "args": args,
                "digest": "",
                "answer": answer,
                "state": state,
                "added": list(added),
                "used": [member["file"] for member in added],
                "measured": measured,
            }
        )

    for addition in range(additions + 1):
        size += 8
        file = f"shard-{addition}.parquet"
        if shards:
            indices = np.arange(8) + 8 * addition
            pixels = [store.encode(np.full((1, 4, 4), 10 * addition + index % 8, np.uint8)) for index in indices]
            weight = omega if addition else 0.0
            store.write(
                folder / file,
                EncodedImages(pixels, indices, indices % 2),
                CLASSES,
                store.Origin(seed=0, round=addition, strategy="dp", omega=weight),
            )
        call(
            "generate",
            {"omega": omega if addition else 0.0},
            8,
            {"score_at_birth": None},
            [{"file": file, "digest": "", "rows": 8}] if shards else [],
        )
        for step in range(2):
            position += seen // 2
            call("train", {}, 0.9, {"loss": 1.0 / (1 + addition + step), "monitor": 0.5 + 0.05 * (addition + step)})
    call("cooldown", {}, 0.9, {"loss": 0.1, "monitor": 0.95})
    if probe:
        rows = [(a, at, *probe(a, at)) for a in range(additions + 1) for at in range(additions + 2)]
        columns = dict(zip(("addition", "at", "error", "entropy", "error_missed"), map(list, zip(*rows))))
        more = {key: [0] * len(rows) for key in ("seen", "images", "loss", "missed")}
        calls.append({"kind": "probe", "call": len(calls), "additions": [], **columns, **more})
    inside(folder, calls)
    return folder


def by_law(make, words, seeds=2, factor=1.0, **changes):
    for scale, error in LAW.items():
        for seed in range(seeds):
            make(f"{words} scale={scale} seed={seed}", accuracy=1 - factor * error, **changes)


def table(figure):
    return pd.read_csv(figure.paths[2])


def drawn(module, make, tmp_path, **more):
    group, rows = one_group(load(make.root))
    return module.draw(rows, tmp_path, group, **more)


def test_the_fitted_law_and_every_run_are_in_the_csv(make, tmp_path):
    by_law(make, "strategy=static")
    by_law(make, "strategy=dp", factor=0.5)
    make("strategy=dp scale=2k seed=2", accuracy=0.1, kept=1500)  # short of its scale: drawn, in no mean and no fit
    made = drawn(accuracy, make, tmp_path)
    assert [figure.name.partition("-digits")[0] for figure in made] == [
        "accuracy-images_generated",
        "accuracy-images_kept",
    ]
    shown = table(made[0])
    laws = shown[shown["what"] == "fit"].set_index("arm")
    assert np.allclose(laws["exponent"], 1.0) and np.allclose(laws.loc[["static", "dp"], "factor"], [100, 50])
    assert shown[shown["what"] == "run"]["short"].sum() == 1 and (shown["what"] == "run").sum() == 17
    assert (
        "static: b = 1.00 [1.00, 1.00], n=2" in made[0].caption
        and "least squares on log-log over scales for each seed" in made[0].caption
    )


def test_the_papers_points_stand_apart_and_only_on_its_task(make, tmp_path):
    by_law(make, "strategy=static")
    group, rows = one_group(load(make.root))
    theirs = rows.assign(task="imagenet100")
    found = accuracy.printed("imagenet100", "test")
    assert {"arm": "static", "x": 130000.0, "accuracy": 59.44}.items() <= next(
        row for row in found if row["arm"] == "static" and row["x"] == 130000
    ).items()
    assert not accuracy.printed("digits", "test") and not accuracy.printed("imagenet100", "blur")
    assert not (accuracy.points(rows, "images_kept")["what"] == "published").any()
    figure = accuracy.draw(theirs, tmp_path, group)[0]
    shown = table(figure)
    assert (shown["what"] == "published").sum() == len(found) and "take no part in any mean or fit" in figure.caption
    assert np.isclose(shown.loc[shown["what"] == "fit", "exponent"].item(), 1.0)


def test_arms_run_at_one_scale_are_named_not_drawn(make, tmp_path):
    by_law(make, "strategy=static")
    make("strategy=dp dp.omega=0.2 scale=1k")
    figure = drawn(accuracy, make, tmp_path)[0]
    assert set(table(figure)["arm"]) == {"static"} and "run at one scale only: dp omega=0.2" in figure.caption


def test_hours_have_a_figure_per_device_and_say_what_was_spent(make, tmp_path):
    make("strategy=static scale=1k", hours={"train": 2.0}, device="NVIDIA H200", summary={"gpu_hours_spent": 3.0})
    make(
        "strategy=static scale=2k",
        hours={"train": 4.0, "monitor": 1.0},
        device="NVIDIA H200",
        summary={"gpu_hours_spent": 5.0},
    )
    make("strategy=dp scale=1k", hours={"train": 1.0})
    make("strategy=dp scale=2k", device="mixed")
    made = {figure.title: table(figure) for figure in drawn(hours, make, tmp_path, exclude=("monitor",))}
    assert list(made) == ["Accuracy on test against GPU hours on NVIDIA H200", "Accuracy on test against CPU minutes"]
    gpu = made["Accuracy on test against GPU hours on NVIDIA H200"].query("what == 'mean'")
    assert gpu["x"].tolist() == [2, 4] and gpu["spent"].tolist() == [3, 5]
    assert made["Accuracy on test against CPU minutes"].query("what == 'run'")["x"].tolist() == [60]


def test_hours_of_every_run_and_the_ceiling_are_in_the_csv(make, tmp_path):
    for seed, value in enumerate((0.9, 0.85, 0.8)):
        make(f"strategy=dp scale=1k seed={seed}", accuracy=value)
        make(f"strategy=real scale=1k seed={seed}", accuracy=value, kept=897)
    shown = table(drawn(hours, make, tmp_path, exclude=("monitor",))[0])
    assert shown["what"].value_counts().to_dict() == {"run": 3, "mean": 1, "ceiling": 1}
    assert shown["unit"].unique().tolist() == ["CPU seconds of one run (without monitor)"]
    assert shown.loc[shown["what"] == "ceiling", "kept"].item() == 897


def test_hours_by_phase_are_read_where_the_target_is_crossed(make, tmp_path):
    cells = {
        "static": [(0.80, {"train": 1}), (0.90, {"train": 3})],
        "dp": [(0.85, {"train": 1, "guided": 1}), (0.95, {"train": 2, "guided": 3})],
        "prune": [(0.7, {"train": 1}), (0.75, {"train": 1})],
        "prune prune.score=random": [(0.92, {"train": 1}), (0.95, {"train": 9})],
    }
    for words, points in cells.items():
        for scale, (value, spent) in zip((1000, 2000), points):
            for seed in range(3 if words == "static" else 2):
                make(f"strategy={words} scale={scale} seed={seed}", accuracy=value, hours=spent)
    make("strategy=dp scale=1k seed=2", accuracy=0.95, hours={"train": 9})
    make("strategy=dp scale=2k seed=2", state="open")  # what it will reach is not known
    (figure,) = drawn(phases, make, tmp_path)
    bars = table(figure).set_index("arm")
    assert "at 90.0 % on test" in figure.title
    assert bars.loc["static", ["train", "guided", "total", "n", "bound"]].tolist() == [3, 0, 3, 3, 0]
    assert np.allclose(
        bars.loc["dp", ["train", "guided", "total", "low", "high"]].astype(float), [1.5, 2, 3.5, 3.5, 3.5]
    )
    assert bars.loc["dp", ["n", "expected"]].tolist() == [2, 2]
    assert bars.loc["prune", "n"] == 0 and np.isnan(bars.loc["prune", "total"]) and bars.loc["prune", "expected"] == 2
    assert bars.loc["prune score=random", ["total", "bound"]].tolist() == [1, 2]


def test_dynamics_show_the_additions_of_the_first_seed(make, tmp_path):
    for seed in range(2):
        grown(make(f"strategy=dp scale=1k seed={seed}"), seen=1000 * (seed + 1))
    group, rows = one_group(load(make.root))
    shown = table(dynamics.draw(rows, tmp_path, group)[0])
    first = shown[shown["seed"] == 0]
    assert first.loc[first["what"] == "added", "iterations"].tolist() == [0, 100, 200, 300]
    assert np.allclose(first.loc[first["what"] == "trained", "monitor"], [50, 55, 55, 60, 60, 65, 65, 70, 95])
    with sheet() as plt:
        figure = dynamics.plot(plt, dynamics.history(rows), ["dp"], arm_look(["dp"]), "", group)
        dashed = [line.get_xdata()[0] for line in figure.axes[0].lines if len(set(line.get_xdata())) == 1]
    assert dashed == [100, 200, 300]


def test_hardness_aligns_ends_and_says_what_the_conditional_curve_is(make, tmp_path):
    def probe(addition, at):
        return (
            0.5 if at == addition else 0.1,
            2.0 - 0.5 * addition if at == addition else 0.25,
            None if addition == 0 else 1.0 if at == addition else 0.2,
        )

    for seed, additions in enumerate((3, 2)):  # one seed ended with fewer additions
        grown(
            make(f"strategy=dp scale=1k seed={seed} probe=hardness", summary={"probe_hours": 1 / 3600}),
            additions,
            probe=probe,
        )
    (figure,) = drawn(hardness, make, tmp_path)
    shown = table(figure)
    born = shown[shown["included"]]
    assert born.loc[born["curve"] == "error", "mean"].tolist() == [50, 50, 50] and set(
        born.loc[born["curve"] == "error_missed", "mean"]
    ) == {100}
    assert shown.loc[
        (shown["at"] == "end") & (shown["curve"] == "error"), ["addition", "n", "mean"]
    ].values.tolist() == [[1, 2, 10], [2, 2, 10], [3, 1, 10]]
    assert (
        "100 % at inclusion by construction" in figure.caption
        and "The probe took 1 device seconds a run on average" in figure.caption
    )
    entropies = table(drawn(entropy, make, tmp_path)[0])
    birth = entropies[entropies["when"] == "birth"].set_index("addition")["mean"]
    assert birth.loc[[1, 2, 3]].tolist() == [1.5, 1.0, 0.5] and set(
        entropies.loc[entropies["when"] == "end", "mean"]
    ) == {0.25}


def test_images_in_a_column_are_the_same_latent_and_the_same_learner(make, tmp_path):
    for omega in (0, 0.05, 0.1):
        grown(make(f"strategy=dp dp.omega={omega} scale=32"), omega=omega)
    grown(make("strategy=dp dp.omega=0.2 scale=32"), omega=0.2, seen=2000)  # its learner was another one
    made = {figure.name.partition("-digits")[0]: figure for figure in drawn(images, make, tmp_path)}
    cells = table(made["images-omega"])
    assert cells["row_name"].unique().tolist() == ["ω = 0", "ω = 0.05", "ω = 0.1"]
    assert (cells.groupby("column")[["index", "label"]].nunique() == 1).all(axis=None) and set(cells["round"]) == {1}
    assert np.allclose(cells.groupby("row")["omega"].first(), [0, 0.05, 0.1])
    assert table(made["images-rounds"])["round"].unique().tolist() == [0, 1, 2, 3]
    sets = table(made["images-sets"])
    assert set(sets.loc[sets["block"] == "initial set", "round"]) == {0} and set(
        sets.loc[sets["block"] == "final set", "round"]
    ) == {0, 1, 2, 3}


def test_classes_are_chosen_by_name_and_missing_shards_leave_the_figure_out(make, tmp_path):
    folder = grown(make("strategy=dp scale=32"))
    assert {"b"} == {
        name for figure in drawn(images, make, tmp_path, classes=("b",)) for name in table(figure)["class_name"]
    }
    with pytest.raises(BadInput, match="classes=c: one of a, b"):
        drawn(images, make, tmp_path, classes=("c",))
    (folder / "shard-2.parquet").unlink()
    assert [figure.name.partition("-digits")[0] for figure in drawn(images, make, tmp_path)] == ["images-rounds"]


def test_pixels_are_enlarged_without_smoothing():
    pixels = np.arange(16, dtype=np.uint8).reshape(1, 4, 4) * 16
    shown = images.decoded(store.encode(pixels), side=64)
    assert (
        shown.shape == (64, 64, 3)
        and (shown[::16, ::16, 0] == pixels[0]).all()
        and (shown[15::16, 15::16, 2] == pixels[0]).all()
    )


def test_curves_hold_the_arms_that_differ_in_one_parameter(make, tmp_path):
    values = {0: 0.80, 0.05: 0.90, 0.1: 0.85}
    for omega, value in values.items():
        for seed in range(2):
            make(f"strategy=dp dp.omega={omega} scale=1k seed={seed}", accuracy=value, monitor=value - 0.1)
    make("strategy=dp dp.omega=0.1 dp.feedback=first scale=1k", accuracy=0.1)
    assert not (tmp_path / "runs/theory").exists()
    (figure,) = drawn(curves, make, tmp_path)
    means = table(figure).query("what == 'mean'")
    assert (
        means["value"].tolist() == [0, 0.05, 0.1]
        and np.allclose(means["accuracy"], [80, 90, 85])
        and np.allclose(means["monitor"], [70, 80, 75])
    )
    for oversample in (1, 4, 16):
        make(f"strategy=prune prune.oversample={oversample} scale=1k", accuracy=0.9)
    theory(make.root)
    (figure,) = drawn(curves, make, tmp_path)
    shown = table(figure)
    assert shown.query("parameter == 'oversample' and what == 'run'")["value"].tolist() == [1, 4, 16]
    assert shown.query("what == 'theory limit'")["accuracy"].tolist() == [80, 85] and "heights do not" in figure.caption


def test_two_values_are_no_curve(make, tmp_path):
    for omega in (0, 0.05):
        make(f"strategy=dp dp.omega={omega} scale=1k")
    assert drawn(curves, make, tmp_path) == []


def theory(root):
    """A ledger of benchmarks.theory with one curve and one point of the oversampling figure."""
    place = {"figure": "accuracy-oversample", "panel": [0.01, "pool"], "series": 250, "study": "s"}
    point = {"simulated": 0.16, "se": 0.01, "repeats": 4, "limit": 0.15, "finite": 0.15, "beyond": ""}
    records = [
        {
            "kind": "open",
            "study": "s",
            "options": {"d": 350, "n": [250], "lam": [0.01], "rho": 0.9, "repeats": 4, "seed": 0},
        },
        {"kind": "curve", **place, "x": [1, 4], "error": [0.2, 0.15], "finite": [0.2, 0.15]},
        {"kind": "point", **place, "x": 4, **point},
    ]
    (root / "theory").mkdir()
    (root / "theory/theory.jsonl").write_bytes(
        b"".join(ledger.encode({"n": n, "t": 0.0, **record}) for n, record in enumerate(records))
    )


def test_one_scale_is_the_largest_at_which_most_arms_are_complete_with_most_seeds(make):
    for scale in (500, 1000):
        for seed in range(2):
            make(f"strategy=static scale={scale} seed={seed}")
            make(f"strategy=dp scale={scale} seed={seed}")
    make("strategy=static scale=2k seed=0")
    make("strategy=static scale=2k seed=1")
    make("strategy=dp scale=2k seed=0")
    assert one_scale(load(make.root)) == 1000
    for strategy in ("static", "dp"):
        make(f"strategy={strategy} scale=4k seed=0")  # all that was planned there, and too few to look at
    assert one_scale(load(make.root)) == 1000


def whole_study(make):
    """Two strategies over three scales, ω at all of them, a ceiling, and at 1k what happened inside the runs."""
    for scale in (250, 500, 1000):
        for seed in range(2):
            make(f"strategy=static scale={scale} seed={seed}", accuracy=0.7 + scale / 5000)
            for omega in (0, 0.05, 0.1):
                folder = make(
                    f"strategy=dp dp.omega={omega} scale={scale} seed={seed} probe=hardness",
                    accuracy=0.8 + scale / 10000 + omega / 10,
                )
                if scale == 1000:
                    grown(folder, omega=omega, probe=lambda addition, at: (0.5, 1.0, 0.5))
    make("strategy=real scale=897", accuracy=0.95, kept=897)
    return load(make.root)


def test_a_study_has_all_figures_and_their_captions_beside_them(make, tmp_path):
    ((_, figures),) = draw_all(whole_study(make), tmp_path)
    assert [figure.name.partition("-digits")[0] for figure in figures] == [
        "accuracy-images_generated",
        "accuracy-images_kept",
        "accuracy-hours",
        "hours-by-phase",
        "dynamics",
        "hardness",
        "entropy",
        "images-omega",
        "images-rounds",
        "images-sets",
        "curves",
    ]
    assert all(path.exists() for figure in figures for path in figure.paths)
    beside = (tmp_path / "figures.md").read_text()
    assert all(
        f"**{figure.title}.** {figure.caption}" in beside and "data.split=0" in figure.caption for figure in figures
    )


def test_drawn_twice_there_are_the_same_bytes(make, tmp_path, monkeypatch):
    monkeypatch.setattr("results.figures.MODULES", ("hours", "images"))
    frame = whole_study(make)
    for out in ("one", "two"):
        (tmp_path / out).mkdir()
        draw_all(frame, tmp_path / out)
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / out).iterdir()} for out in ("one", "two"))
    assert first == second and len(first) == 3 * 4 + 1
    assert all(first[name] for name in first) and b"dc:date" not in b"".join(first.values())


def test_without_finished_runs_there_is_nothing_and_nothing_fails(make, tmp_path):
    make("strategy=dp scale=1k", state="open")
    ((group, figures),) = draw_all(load(make.root), tmp_path)
    assert figures == [] and not list(tmp_path.glob("*.svg")) and not (tmp_path / "figures.md").exists()
    make("strategy=dp scale=1k seed=1")  # finished, but nothing of its history was written down
    assert {figure.name.partition("-digits")[0] for figure in draw_all(load(make.root), tmp_path)[0][1]} == {
        "accuracy-images_generated",
        "accuracy-images_kept",
        "accuracy-hours",
    }


def test_arms_look_the_same_whoever_stands_beside_them():
    few, many = (
        arm_look(["static", "dp"]),
        arm_look(["static", "dp", "prune", "dp omega=0", "dp omega=0.1", "prune oversample=16"]),
    )
    assert all(few[arm] == many[arm] for arm in few) and len(set(many.values())) == len(many)
    assert json.dumps(list(many)) == json.dumps(
        ["static", "prune", "prune oversample=16", "dp", "dp omega=0", "dp omega=0.1"]
    )
