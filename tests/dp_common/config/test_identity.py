"""A run is identified by what decides its numbers: a new neutral key changes no id, nothing is the same by accident."""

from dataclasses import dataclass, field, is_dataclass
from pathlib import Path

import pytest

from dp_common.config import registry, specification
from dp_common.config.identity import frozen_defaults, identity, run_id
from dp_common.config.options import option
from dp_common.config.resolve import resolve
from dp_common.config.specification import Spec, Train
from dp_common.config.typed import known_keys
from dp_common.errors import BadInput

PLUGINS = Path(__file__).parents[2] / "plugins"


def test_run_ids_are_pinned():
    """If this fails although nothing was meant to change: a default or the table was, and stored runs are orphaned."""
    values = {"task": "digits", "strategy": "dp", "scale": 4000, "seed": 1}
    assert run_id(values, {"a": 0.05, "b": {}}) == "digits-dp-4k-s1-1cca812dd5"
    assert resolve(["strategy=static", "scale=1k"]).run_id == "digits-static-1k-s0-7460d3b2c6"


def test_every_key_stands_in_the_table():
    """A key that is missing is to be added with the value that means "as before"."""
    shape = {"": Spec}
    for kind in ("strategy", "task", "teacher"):
        classes = {plugin.section: plugin.load() for plugin in registry.built_in(kind).values()}
        shape |= {section: cls for section, cls in classes.items() if is_dataclass(cls)}
    missing = {key for key, known in known_keys(shape).items() if not known.unhashed} - set(frozen_defaults())
    assert not missing, f"add to dp_common/config/frozen with their neutral defaults: {sorted(missing)}"


@pytest.fixture
def train_with(monkeypatch):
    """``train_with(cls)``: the keys of train.* are those of this class from now on."""

    def replace(cls):
        @dataclass
        class Other(Spec):
            train: cls = field(default_factory=cls)

        monkeypatch.setattr("dp_common.config.resolve.Spec", Other)

    return replace


def test_a_new_key_with_a_neutral_default_changes_no_run_id(train_with):
    before = resolve(["strategy=dp", "scale=1k"]).run_id

    @dataclass
    class More(Train):
        sharpness: float = option(0.0, "a key of tomorrow")

    train_with(More)
    assert resolve(["strategy=dp", "scale=1k"]).run_id == before
    assert resolve(["strategy=dp", "scale=1k"]).values["train.sharpness"] == 0
    assert resolve(["strategy=dp", "scale=1k", "train.sharpness=1"]).run_id != before


def test_a_changed_default_changes_the_ids_of_runs_that_rely_on_it(train_with):
    before = resolve(["strategy=dp", "scale=1k"]).run_id
    typed = resolve(["strategy=dp", "scale=1k", "train.weight_decay=0.1"]).run_id

    @dataclass
    class Heavier(Train):
        weight_decay: float = option(0.1, "weight decay of AdamW", low=0)

    train_with(Heavier)
    assert resolve(["strategy=dp", "scale=1k"]).run_id == typed != before
    assert resolve(["strategy=dp", "scale=1k", "train.weight_decay=0.05"]).run_id == before


def test_what_decides_the_result_changes_run_id_and_nothing_else_does():
    base = resolve(["strategy=dp", "scale=1k"]).run_id
    for same in (
        "root=/elsewhere",
        "device=cpu",
        "checkpoint_every=5",
        "lease_ttl=9",
        "readers=3",
        "shard=512",
        "dp.initial=250",
        "train.micro=128",  # the whole batch
        "dp.omega=0.1000",
    ):
        assert resolve(["strategy=dp", "scale=1k", same]).run_id == base, same
    for other in (
        "seed=1",
        "seed=9007199254740993",
        "threads=2",
        "dp.omega=0.01",
        "data.split=1",
        "mixture.components=5",
        "train.lr=0.1",
        "train.micro=64",
        "train.compile=true",
        "sampler.block=256",
        "train.model_args.depth=3",
        "learner=vit-digits-fine",
        "dp.initial=251",
    ):
        assert resolve(["strategy=dp", "scale=1k", other]).run_id != base, other


def test_neighbouring_large_seeds_are_two_runs():
    runs = [resolve([f"seed={seed}"]) for seed in (9007199254740992, 9007199254740993, 2**63 - 1)]
    assert [run.spec.seed for run in runs] == [9007199254740992, 9007199254740993, 2**63 - 1]
    assert len({run.run_id for run in runs}) == 3 and "s9007199254740993" in runs[1].run_id


def test_keys_of_plugins_from_elsewhere_are_all_hashed():
    values = {"mine.a": 1, "train.lr": 0.002}
    assert identity(values, {"mine.a": 1}, ["mine"]) == {"mine.a": 1}
    assert identity(values, {"mine.a": 1}) == {}
    assert identity({"train.micro": 128, "train.batch": 128}, {}) == {}


class TestPlugins:
    """A plugin given by path is identified by content and class, however its path is spelled."""

    @pytest.fixture
    def idea(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        path = tmp_path / "idea.py"
        path.write_text((PLUGINS / "idea.py").read_text())
        return path

    def test_the_source_is_part_of_the_identity(self, idea):
        first = resolve([f"strategy={idea}"]).run_id
        idea.write_text(idea.read_text() + "\n# a change\n")
        assert first.startswith("digits-idea-4k") and resolve([f"strategy={idea}"]).run_id != first

    def test_spellings_of_a_path_are_one_thing(self, idea, monkeypatch):
        monkeypatch.setenv("HOME", str(idea.parent))
        spellings = ("idea.py", "./idea.py", str(idea), "idea.py:Idea", "~/idea.py", f"{idea.parent}/./idea.py")
        runs = [resolve([f"strategy={spelling}"]) for spelling in spellings]
        assert {(run.run_id, run.spec.strategy) for run in runs} == {(runs[0].run_id, "idea")}

    def test_so_are_those_of_a_score(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "least_sure.py").write_text("def score(logits, labels):\n    return -logits.amax(1)\n")
        spellings = ("least_sure.py", "./least_sure.py", str(tmp_path / "least_sure.py"), "least_sure.py:score")
        runs = [resolve([f"dp.score={spelling}"]) for spelling in spellings]
        assert {(run.run_id, run.values["dp.score"]) for run in runs} == {(runs[0].run_id, "least-sure")}
        assert runs[0].scores == [("dp.score", "least-sure", True)] and runs[0].strategy.score == "least-sure"
        assert registry.find("score", "least-sure").load().score
        assert runs[0].run_id != resolve([]).run_id

    def test_two_classes_of_one_file_are_two_runs(self, tmp_path):
        both = [resolve([f"strategy={PLUGINS}/cheats.py:{name}", "scale=100"]) for name in ("Chance", "Short")]
        assert [run.spec.strategy for run in both] == ["cheats-Chance", "cheats-Short"]
        assert len({run.run_id for run in both}) == 2
        teachers = [resolve([f"teacher={PLUGINS}/blobs.py:{name}"]).run_id for name in ("Blobs", "Coupled")]
        assert len(set(teachers)) == 2

    def test_a_file_named_like_a_built_in_is_another(self, tmp_path):
        copy = tmp_path / "dp.py"
        source = (Path(registry.find("strategy", "dp").path)).read_text()
        copy.write_text(source.replace('option(0.05, "guidance weight', 'option(0.2, "guidance weight'))
        run = resolve([f"strategy={copy}"])
        assert run.spec.strategy == "dp-DeliberatePractice" and run.values["dp_DeliberatePractice.omega"] == 0.2
        assert "dp.omega" not in run.values
        for words in (["dp.omega=0.3"], ["dp_DeliberatePractice.omega=0.3"]):
            assert resolve([f"strategy={copy}", *words]).strategy.omega == 0.3
        with pytest.raises(BadInput, match="given twice"):
            resolve([f"strategy={copy}", "dp.omega=0.3", "dp_DeliberatePractice.omega=0.3"])
        assert resolve(["strategy=dp"]).strategy.omega == 0.1  # the recipe of digits

    def test_nor_does_a_group_of_keys_lend_its_name(self, tmp_path):
        (tmp_path / "train.py").write_text((PLUGINS / "idea.py").read_text())
        assert resolve([f"strategy={tmp_path}/train.py"]).spec.strategy == "train-Idea"

    def test_two_plugins_of_one_run_bear_two_names(self, tmp_path):
        for folder, source in (("a", "idea.py"), ("b", "blobs.py")):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "my.py").write_text((PLUGINS / source).read_text().partition("class Coupled")[0])
        with pytest.raises(BadInput, match="is called my, and so is its"):
            resolve([f"strategy={tmp_path}/a/my.py", f"teacher={tmp_path}/b/my.py"])


def test_the_recipe_version_is_part_of_it(monkeypatch):
    before = resolve(["strategy=static"]).run_id
    monkeypatch.setattr("dp_common.config.resolve.RECIPE", specification.RECIPE + 1)
    assert resolve(["strategy=static"]).run_id != before
