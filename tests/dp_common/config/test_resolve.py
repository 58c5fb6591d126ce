"""Bad input is one line naming key, value and what is allowed; good input resolves to a pinned identity, without
torch.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from dp_common.config import grid
from dp_common.config.resolve import resolve
from dp_common.config.specification import short
from dp_common.errors import BadInput

PLUGINS = Path(__file__).parents[2] / "plugins"


@pytest.mark.parametrize(
    "words, said",
    [
        ("scale=0", "scale=0: at least 1"),
        ("scale=-5", "scale=-5: at least 1"),
        ("scale=640q", "scale=640q: a whole number"),
        ("scale=1e99", "scale=1e99: a whole number"),
        ("scale=1.0005k", "a whole number"),
        ("dp.omega=nan", "dp.omega=nan: a finite number"),
        ("dp.omega=inf", "dp.omega=inf: a finite"),
        ("dp.omega=x", "dp.omega=x: expected a number"),
        ("dp.initial=9k", "dp.initial=9000: at most scale, 4000"),
        ("prune.initial=9k strategy=prune", "at most scale"),
        ("dp.patience=99", "3 plateaus need"),
        ("strategy=dpp", "Did you mean dp?"),
        ("dp.omga=1", "Did you mean dp.omega?"),
        ("strategy=static dp.omega=1", "dp.omega=1: a key of strategy=dp; this run has strategy=static"),
        ("unet.dtype=bf16", "a key of teacher=unet; this run has teacher=mixture"),
        ("data.train=/nope", "data.train=/nope: a key of task=folder; this run has task=digits"),
        ("dp.rule=foo", "one of score, relative, predecessor"),
        ("train.flip=maybe", "train.flip=maybe: true or false"),
        ("seed=0..4", "python -m benchmarks.sweep takes ranges"),
        ("seed=0..", "python -m benchmarks.sweep takes ranges"),
        ("seed=99999999999999999999999", "seed=99999999999999999999999: at most 9223372036854775807"),
        ("scale=99999999999999999999", "scale=99999999999999999999: at most 9223372036854775807"),
        ("scale=2G", "a whole number"),
        ("scale=2000M", "scale=2000M: at most 1000000000"),
        ("data.split=4294967296", "at most 4294967295"),
        ("scale=٣", "a whole number"),
        ("train.lr=0", "train.lr=0: more than 0"),
        ("strategy=DP", "Did you mean dp?"),
        ("root=a runtime.root=b", "root=b: given twice, first as a"),
        ("train.model_args={depth:3}", "with a space after each colon"),
        ("learner=resnet19", "Did you mean resnet18?"),
        ("dp.omega=true", "expected a number"),
        ("preset=/nowhere/x.yaml", "no such file"),
        ("seed=1 seed=2", "given twice"),
        ("foo", "expected key=value"),
        ("preset=nope", "preset=nope"),
        ("task=digit", "Did you mean digits?"),
        ("dp.score=entropi", "Did you mean entropy?"),
        ("strategy=./nowhere.py", "no such file"),
        ("train.batch=0", "at least 1"),
        ("data.monitor=test", "one of disjoint, paper"),
        ("train.ema=1", "at most"),
        ("dp.every=21", "dp.every=21: at most sampler.steps, 20"),
        ("learner=../../etc", "a timm model name"),
    ],
)
def test_bad_input(words, said):
    with pytest.raises(BadInput) as caught:
        resolve(words.split())
    assert said in str(caught.value) and "\n" not in str(caught.value) and caught.value.code == 2


def test_a_plugin_that_does_not_import_is_named_and_harms_nothing_else(tmp_path):
    (tmp_path / "broken.py").write_text("import nonexistent_package\n\nclass Broken:\n    pass\n")
    with pytest.raises(BadInput, match="does not import: ModuleNotFoundError"):
        resolve([f"strategy={tmp_path}/broken.py"])
    assert resolve(["strategy=static"]).run_id


def test_layers_and_sources(tmp_path):
    preset = tmp_path / "mine.yaml"
    preset.write_text("strategy: static\nscale: 2k\ntrain: {lr: 0.01, batch: 64}\ndp: {omega: 0.3}\n")
    run = resolve([f"preset={preset}", "train.batch=32"])
    assert (run.spec.strategy, run.spec.scale, run.spec.train.lr, run.spec.train.batch) == ("static", 2000, 0.01, 32)
    assert [run.sources[key] for key in ("scale", "train.batch", "train.seen", "seed")] == [
        f"preset {preset}",
        "command line",
        "task digits",
        "default",
    ]


def test_the_budget_is_raised_to_the_scale():
    run = resolve(["strategy=static", "scale=640k"])
    assert (
        run.spec.train.seen == 640_000 and run.sources["train.seen"] == "raised to scale" and "640000" in run.notes[0]
    )


def test_grid():
    runs = grid.expand("strategy=static,dp dp.omega=0,0.1 scale=1k,2k seed=0..2".split())
    assert len(runs) == 2 * 3 + 2 * 2 * 3
    assert ["strategy=static", "scale=1k", "seed=0"] in runs and [
        "strategy=dp",
        "dp.omega=0.1",
        "scale=2k",
        "seed=2",
    ] in runs
    with pytest.raises(BadInput, match="no strategy=prune"):
        grid.expand(["strategy=dp", "prune.rounds=1"])
    with pytest.raises(BadInput, match="first..last"):
        grid.expand(["seed=4..0"])


@pytest.mark.parametrize("count, text", [(4000, "4k"), (1_300_000, "1300k"), (2_000_000, "2M"), (123, "123")])
def test_short(count, text):
    assert short(count) == text


@pytest.mark.parametrize(
    "command",
    [
        "benchmarks.run --list",
        "benchmarks.run --help",
        "benchmarks.run --dry-run strategy=dp scale=640k",
        "benchmarks.sweep --dry-run strategy=static,dp seed=0..3",
        "benchmarks.status",
        "benchmarks.table --help",
    ],
)
def test_answers_at_once_without_torch(command, tmp_path):
    (tmp_path / "results" / "runs").mkdir(parents=True)
    module, *words = command.split()
    code = (
        "import runpy, sys\nsys.argv = ['x'] + %r\n"
        "try:\n    runpy.run_module(%r, run_name='__main__')\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'torch', 'timm', 'diffusers', 'seaborn', 'matplotlib'} & set(sys.modules)\nassert not heavy, heavy"
    ) % (words, module)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
