"""The grids of the package hold what they are called by, and words beside a grid replace its keys."""

import pytest

from benchmarks import grid_files
from dp_common.config.registry import plugins
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput


def published_ids(prefix, leave_out=()):
    names = [
        name
        for name in plugins("preset")
        if name.startswith(f"paper/{prefix}") and not any(word in name for word in leave_out)
    ]
    return {resolve([f"preset={name}"]).run_id for name in names}


@pytest.mark.parametrize(
    "name, prefix, leave_out",
    [
        ("table1", "table1-", ()),
        ("pruning", "imagenet100-prune-", ()),
        ("ablations", "imagenet100-ablation-", ()),
        ("ablations", "imagenet100-teacher-", ()),
        ("scaling-imagenet100", "imagenet100-", ("ablation", "prune", "teacher")),
        ("scaling-imagenet1k", "imagenet1k-", ()),
    ],
)
def test_a_grid_holds_every_row_of_the_paper(name, prefix, leave_out):
    runs = {run.run_id: run for run in map(resolve, grid_files.expand([f"grid={name}", "seed=0"]))}
    rows = published_ids(prefix, leave_out)
    assert rows and rows <= set(runs)
    scaled = (
        {run.spec.scale for run in runs.values() if run.spec.strategy == "dp"}
        if name.startswith(("scaling", "table1"))
        else set()
    )
    assert (
        scaled == {run.spec.scale for run in runs.values() if run.spec.strategy == "dp" and run.strategy.omega == 0}
        or not scaled
    )


def test_the_grid_of_digits_is_what_one_would_type():
    from dp_common.config import grid

    typed = [
        point
        for words in (
            "strategy=static,prune,dp dp.omega=0,0.1 prune.score=entropy,random scale=250,1k,4k,16k,64k seed=20..35",
            "strategy=real scale=2823 seed=20..35",
        )
        for point in grid.expand(words.split())
    ]
    alike = lambda points: {tuple(sorted(words)) for words in points}
    assert alike(typed) == alike(grid_files.expand(["grid=digits"])) and len(alike(typed)) == 416


def test_words_beside_a_grid_replace_its_keys_where_they_fit(tmp_path):
    points = grid_files.expand(["grid=digits", "seed=7", "scale=100", "dp.omega=0.1"])
    assert len(points) == 5 and all("seed=7" in words and "scale=100" in words for words in points)
    assert [words for words in points if any(word.startswith("dp.") for word in words)] == [
        ["strategy=dp", "dp.omega=0.1", "scale=100", "seed=7"]
    ]
    points = grid_files.expand(["grid=scaling-imagenet100", "seed=0", "dp.patience=3", "data.root=/data"])
    assert (
        len(points) == 30
        and sum("dp.patience=3" in words for words in points) == 24
        and all("data.root=/data" in words for words in points)
    )
    for words, said in (
        (["grid=digit"], "Did you mean digits?"),
        (["grid=ablations", "real.x=1"], "no strategy=real"),
        (["grid=a.yaml"], "no such file: a.yaml"),
    ):
        with pytest.raises(BadInput) as caught:
            grid_files.expand(words)
        assert said in str(caught.value)
    (tmp_path / "bad.yaml").write_text("strategy: static\n")
    with pytest.raises(BadInput, match="a YAML list of mappings"):
        grid_files.expand([f"grid={tmp_path}/bad.yaml"])
