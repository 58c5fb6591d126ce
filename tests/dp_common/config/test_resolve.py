"""Bad input is one line naming key, value and what is allowed; good input resolves to a pinned identity, without
torch.
"""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from dp_common.config import grid, registry
from dp_common.config.resolve import resolve
from dp_common.config.specification import OF_FILES, short
from dp_common.config.typed import count, expand_home
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
        ("dp.patience=99 dp.deadline=none", "3 plateaus need"),
        ("dp.interval=40k", "dp.interval=40000: 2 of 3 additions come before"),
        ("dp.interval=40k dp.schedule=even", "dp.interval=40000: 2 of 3 additions come before"),
        ("prune.interval=40k strategy=prune", "prune.interval=40000: 2 of 3 additions come before"),
        ("prune.patience=99 prune.deadline=none strategy=prune", "3 plateaus need"),
        ("strategy=dpp", "Did you mean dp?"),
        ("dp.omga=1", "Did you mean dp.omega?"),
        ("strategy=static dp.omega=1", "dp.omega=1: a key of strategy=dp; this run has strategy=static"),
        (
            "stable_diffusion.compil=x",
            "no such key of teacher=stable-diffusion, and this run has teacher=mixture. Did you",
        ),
        ("prune.rule_args.beta=1", "a key of strategy=prune; this run has strategy=dp"),
        ("static.omega=1", "no such key of strategy=static, and this run has strategy=dp. Its keys: none."),
        ("unet.dtype=bf16", "a key of teacher=unet; this run has teacher=mixture"),
        ("data.train=/nope", "data.train=/nope: a key of task=folder; this run has task=digits"),
        ("data.root=/nope", "imagenet1k, mnist, svhn; this run has task=digits"),
        ("teacher=images strategy=static sampler.steps=5", "no key of a run with teacher=images"),
        ("images.format=webp", "images.format=webp: png or jpeg with task=digits, whose images are grey"),
        ("images.quality=50", "only with images.format=jpeg or webp"),
        ("dp.rule=foo", "one of eps-relative, predecessor, relative, score, or a file.py:Class"),
        ("train.flip=maybe", "train.flip=maybe: yes or no"),
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


@pytest.mark.parametrize("value", ["{depth: 3, embed_dim: 96}", "{a: {b: 1, c: 2}, d: 3}", "[1, 2]", "{}"])
def test_a_mapping_or_list_is_one_value(value):
    assert grid.values_of("train.model_args", f"{value},{value}") == [value, value]


def test_braces_within_a_text_part_nothing_and_keep_nothing_together():
    assert grid.values_of("k", "{name} a, b {name}") == ["{name} a", " b {name}"]


@pytest.mark.parametrize("text", ["0..4:2", "0..", "..3", "0...4", "0..4..2"])
def test_what_is_nearly_a_range_is_told_what_one_is(text):
    with pytest.raises(BadInput, match=f"^seed={text}: a range is first..last"):
        grid.values_of("seed", text)


def test_the_tasks_that_read_data_root_are_those_that_are_said_to():
    def text(cls):
        return "".join(Path(inspect.getfile(base)).read_text() for base in cls.__mro__[:-1])

    tasks = registry.built_in("task").items()
    assert {name for name, plugin in tasks if "self.data.root" in text(plugin.load())} == set(OF_FILES)


QUOTED = 'stable_diffusion.template="a photo of a {name}, a drawing"'


def test_quotes_keep_commas():
    assert grid.expand([QUOTED, "seed=0,1"]) == [[QUOTED, "seed=0"], [QUOTED, "seed=1"]]
    assert grid.values_of("x", '"a, b",c,"0..3",d"e,f"') == ['"a, b"', "c", '"0..3"', 'd"e', 'f"']
    run = resolve(["task=cifar10", "teacher=stable-diffusion", QUOTED])
    assert run.teacher.template == "a photo of a {name}, a drawing"
    assert grid.values_of("k", """'a, b',"c, d",e""") == ["'a, b'", '"c, d"', "e"] and grid.unquote("'a, b'") == "a, b"
    assert grid.unquote(r'"say \"a\" and \\"') == 'say "a" and \\' and grid.unquote('a "b"') == 'a "b"'


def test_a_quoted_value_of_a_grid_file_is_one_value(tmp_path):
    from benchmarks import grid_files

    path = tmp_path / "mine.yaml"
    path.write_text(
        "# two texts\n- strategy: static\n"
        "  stable_diffusion.template: ['a {name}, alone', \"a \\\"{name}\\\", b\", 'plain {name}']\n  seed: 0..1\n"
    )
    runs = grid_files.expand([f"grid={path}", "task=cifar10", "teacher=stable-diffusion"])
    texts = [resolve(words).teacher.template for words in runs]
    assert sorted(set(texts)) == ['a "{name}", b', "a {name}, alone", "plain {name}"] and len(texts) == 6


def test_the_home_folder_is_meant_wherever_a_key_is_a_place(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").write_text("scale: 2k\n")
    run = resolve(
        ["root=~/runs", "data.root=~/data", "task=svhn", "unet.weights=~/w.safetensors", "preset=~/mine.yaml"]
    )
    assert run.runtime.root == f"{tmp_path}/runs" and run.places["data.root"] == f"{tmp_path}/data"
    assert run.places["unet.weights"] == f"{tmp_path}/w.safetensors" and run.spec.scale == 2000
    assert expand_home("a=~/x;b=/y~/z,c=~/w") == f"a={tmp_path}/x;b=/y~/z,c={tmp_path}/w"


def test_arguments_of_the_learner_as_a_mapping_or_one_by_one():
    for words in (["train.model_args={depth: 3, norm: a}"], ["train.model_args.depth=3", "train.model_args.norm=a"]):
        run = resolve(words)
        assert run.spec.train.model_args == {"depth": 3, "norm": "a"} and run.values["train.model_args.depth"] == 3


def test_whole_numbers_are_exact():
    assert count("seed", "9007199254740993") == 9007199254740993 and count("x", "1.3M") == 1_300_000
    assert count("x", "-2.50k") == -2500 and count("x", "7.0") == 7 and count("x", 9007199254740993) == 9007199254740993
    for wrong in ("1.5", "1e3", "", "k", "9223372036854775808", "0x1", "1_000", True, None):
        with pytest.raises(BadInput):
            count("x", wrong)


def test_values_of_yaml_keep_their_types(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("train: {flip: yes, lr: 1, ema: 0.5}\nseed: 9007199254740993\nstrategy: static\n")
    run = resolve([f"preset={path}"])
    assert run.spec.train.flip is True and run.spec.train.lr == 1.0 and run.spec.seed == 9007199254740993
    for text, said in (
        ("train: {flip: 3}", "yes or no"),
        ("scale: [1]", "a whole number"),
        ("probe: {a: 1}", "no such key"),
    ):
        path.write_text(text)
        with pytest.raises(BadInput, match=said):
            resolve([f"preset={path}"])


@pytest.mark.parametrize(
    "words, said",
    [
        ("scale=1k scale=2k", "scale=2k: given twice, first as 1k: values go together, scale=A,B"),
        ("seed=0..", "a range is first..last"),
        ("seed=..4", "a range is first..last"),
        ("seed=0...4", "a range is first..last"),
        ("seed=4..0", "first..last, with last at least first"),
        ("seed=0..1000000", "at most 100,000 values"),
        ("strategy=foo dp.omega=1", "strategy=foo: one of"),
        ("strategy=static dp.omega=1", "the grid has no strategy=dp"),
        ("scale=1k,,2k", "an empty value between commas"),
    ],
)
def test_bad_grids(words, said):
    with pytest.raises(BadInput) as caught:
        grid.expand(words.split())
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_grid_of_a_strategy_by_path(tmp_path):
    (tmp_path / "dp.py").write_text(Path(registry.find("strategy", "dp").path).read_text())
    path = f"{tmp_path}/dp.py"
    runs = grid.expand([f"strategy=static,{path}", "dp.omega=0,0.1", "seed=0"])
    assert runs == [
        ["strategy=static", "seed=0"],
        *([f"strategy={path}", f"dp.omega={w}", "seed=0"] for w in ("0", "0.1")),
    ]
    assert resolve(runs[2]).strategy.omega == 0.1


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
    code = f"""
import runpy, sys
sys.argv = ["x", *{words!r}]
try:
    runpy.run_module({module!r}, run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
heavy = {{"torch", "timm", "diffusers", "seaborn", "matplotlib"}} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
