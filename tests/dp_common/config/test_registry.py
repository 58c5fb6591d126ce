"""Plugins are one file each, from the folder, an entry point or a path; a broken one is listed with its reason and
harms nothing.
"""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from dp_common.config import registry
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput

PLUGINS = Path(__file__).parents[2] / "plugins"


@pytest.fixture
def entry(monkeypatch, tmp_path):
    """``entry(name, source)``: another package offers a strategy of that source."""
    found = []

    def offer(name, source):
        (tmp_path / f"other_{name}.py").write_text(source)
        found.append(EntryPoint(name, f"other_{name}:Idea", "dp.strategies"))

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "installed", lambda group: [e for e in found if e.group == group])
    return offer


def test_an_entry_point_is_a_strategy_like_any_other(entry):
    entry("outside", (PLUGINS / "idea.py").read_text())
    run = resolve(["strategy=outside", "scale=100"])
    assert run.run_id.startswith("digits-outside-100-s0-") and run.fingerprints["strategy_source"]
    assert ("strategy", "outside", "half at once, half after half of the budget", None) in registry.listing(check=True)


def test_a_broken_one_is_listed_with_its_reason_and_the_others_run(entry):
    entry("torn", "def (")
    entry("lacking", "import nonexistent_package\nclass Idea:\n    '''fine but for its import'''\n")
    plain, checked = registry.listing(), registry.listing(check=True)
    assert next(row[3] for row in plain if row[1] == "torn").startswith("SyntaxError")
    assert next(row[3] for row in plain if row[1] == "lacking") is None
    assert "nonexistent_package" in next(row[3] for row in checked if row[1] == "lacking")
    assert resolve(["strategy=static"]).strategy
    with pytest.raises(BadInput, match="strategy=lacking: does not import: ModuleNotFoundError"):
        resolve(["strategy=lacking"])


def test_a_file_in_the_folder_needs_no_edit_elsewhere(monkeypatch, tmp_path):
    (tmp_path / "my_idea.py").write_text((PLUGINS / "idea.py").read_text())
    import strategies

    monkeypatch.setattr(strategies, "__path__", [*strategies.__path__, str(tmp_path)])
    monkeypatch.setattr(strategies.__spec__, "submodule_search_locations", strategies.__path__)
    assert "my-idea" in registry.plugins("strategy")
    assert resolve(["strategy=my-idea"]).run_id.startswith("digits-my-idea-4k")


def test_a_file_with_two_classes_must_be_told_which(tmp_path):
    with pytest.raises(BadInput, match="must hold one public class"):
        resolve([f"strategy={PLUGINS}/cheats.py"])
    assert resolve([f"strategy={PLUGINS}/cheats.py:Chance"]).strategy


BROKEN = [  # what a plugin file holds, how it is given, what is said
    ("def score(logits, labels:", "", "not Python: SyntaxError"),
    ("\x00", "", "not Python: "),
    ("x = 1", "", "has no |must hold one public class"),
    ("def nearly(): ...\nclass Nearly: ...", ":nearby", "no nearby in it; it holds .* Did you mean "),
]


@pytest.mark.parametrize("key", ["dp.score", "dp.rule", "learner", "teacher"])
@pytest.mark.parametrize(("text", "name", "said"), BROKEN)
def test_a_file_that_does_not_hold_it_is_refused_by_its_key_before_it_is_imported(tmp_path, key, text, name, said):
    (tmp_path / "mine.py").write_text("raise SystemExit\n" * (text != "\x00") + text)
    with pytest.raises(BadInput, match=f"^{key}={tmp_path}/mine.py{name}: .*({said})"):
        resolve([f"{key}={tmp_path}/mine.py{name}"])


def test_a_name_that_a_file_imports_or_makes_is_in_it(tmp_path):
    (tmp_path / "mine.py").write_text("from dp_common.scores.entropy import score as better\n")
    assert resolve([f"dp.score={tmp_path}/mine.py:better"]).values["dp.score"] == "mine-better"
    (tmp_path / "star.py").write_text("from dp_common.scores.entropy import *\n")
    assert resolve([f"dp.score={tmp_path}/star.py"]).values["dp.score"] == "star"


def test_listing_has_all_kinds():
    kinds = {row[0] for row in registry.listing()}
    assert kinds == set(registry.FOLDERS)
    assert all(row[2] for row in registry.listing())


@pytest.mark.parametrize("kind", registry.FOLDERS)
def test_every_kind_has_a_folder_and_a_group_of_entry_points(kind):
    assert registry.GROUPS[kind].startswith("dp.") and len(set(registry.GROUPS.values())) == len(registry.FOLDERS)
    assert registry.built_in(kind), kind


@pytest.fixture
def package(monkeypatch, tmp_path):
    """``package(kind, name, value, {file: text})``: another package offers something of this kind."""
    found = []

    def offer(kind, name, value, files):
        for file, text in files.items():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(text)
        found.append(EntryPoint(name, value, registry.GROUPS[kind]))

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "installed", lambda group: [e for e in found if e.group == group])
    return offer


def test_every_kind_comes_by_entry_point(package):
    package(
        "score", "sure", "away_score", {"away_score.py": "def score(logits, labels):\n    return -logits.amax(1)\n"}
    )
    package("learner", "away", "away_net:Net", {"away_net.py": (PLUGINS / "net.py").read_text()})
    package("preset", "their-preset", "away.presets:small", {"away/presets/small.yaml": "# small\nscale: 100\n"})
    package("grid", "their-grid", "away.grids:two", {"away/grids/two.yaml": "- seed: [0, 1]\n"})
    package("task", "their-faces", "away_faces:Faces", {"away_faces.py": (PLUGINS / "faces.py").read_text()})
    run = resolve(["preset=their-preset", "dp.score=sure", "learner=away", "task=their-faces", "their_faces.shade=9"])
    assert (run.spec.scale, run.spec.learner, run.task.shade, run.scores[0][1]) == (100, "away", 9, "sure")
    sources = {key: value for key, value in run.fingerprints.items() if key.endswith("_source")}
    assert {key: digest.partition(":")[2] for key, digest in sources.items()} == {
        "task_source": "Faces",
        "learner_source": "Net",
        "dp.score_source": "score",
    }
    assert run.chosen["scale"]["source"] == "preset their-preset"
    assert registry.find("grid", "their-grid").load() == [{"seed": "0,1"}]
    rows = {(kind, name): about for kind, name, about, broken in registry.listing(check=True) if not broken}
    assert (
        rows["preset", "their-preset"] == "small"
        and rows["learner", "away"] == "one hidden layer on the flattened image"
    )


def test_a_broken_preset_is_listed_with_its_reason(package):
    package("preset", "torn", "away.presets:torn", {"away/presets/torn.yaml": "# torn\nscale: [1\n"})
    row = next(row for row in registry.listing(check=True) if row[1] == "torn")
    assert row[2] == "torn" and "not YAML" in row[3] and "\n" not in row[3]
    with pytest.raises(BadInput, match="not YAML"):
        resolve(["preset=torn"])


def test_a_copy_is_read_in_place_of_the_file_that_was_given(tmp_path):
    """As a job does, whose plugins are those of its submission."""
    (tmp_path / "copies").mkdir()
    given, copy = tmp_path / "my_idea.py", tmp_path / "copies" / "my_idea.py"
    source = (PLUGINS / "idea.py").read_text()
    given.write_text(source)
    run = resolve([f"strategy={given}:Idea"])
    copy.write_text(source)
    given.write_text("raise RuntimeError('edited since')")
    again = resolve([f"strategy={given}:Idea"], plugin_paths={f"{given}:Idea": str(copy)})
    assert again.run_id == run.run_id and again.spec.strategy == "my-idea"
    assert again.plugins["strategy"].path == copy
    with pytest.raises(BadInput):
        resolve([f"strategy={given}:Idea"])


def test_an_edited_file_is_loaded_anew(tmp_path):
    path = tmp_path / "idea.py"
    source = (PLUGINS / "idea.py").read_text()
    for mark in (1, 2):
        path.write_text(source + f"    mark = {mark}\n")
        assert resolve([f"strategy={path}"]).strategy.mark == mark


def test_names_of_files_stand_for_the_run_that_is_adopted(tmp_path):
    paths = [tmp_path / folder / "mine.py" for folder in "ab"]
    for number, path in enumerate(paths):
        path.parent.mkdir()
        path.write_text(f"NUMBER = {number}\ndef score(logits, labels):\n    return logits[:, 0]\n")
    runs = [resolve([f"dp.score={path}"]) for path in paths]
    assert len({run.run_id for run in runs}) == 2
    for number, run in enumerate(runs):
        registry.adopt(run.plugins.values())
        assert registry.find("score", "mine").load().NUMBER == number


def test_names_of_timms_models_are_known_without_timm():
    import timm

    assert set(timm.list_models()) <= registry.timm_models()
    assert registry.find("learner", "vit_tiny_patch16_224.augreg_in21k").module == registry.TIMM


def test_a_function_of_another_name_can_be_a_score(tmp_path):
    path = tmp_path / "sure.py"
    path.write_text("def score(logits, labels):\n    return 0\n\n\ndef other(logits, labels):\n    return 1\n")
    assert resolve([f"dp.score={path}:other"]).values["dp.score"] == "sure-other"
    assert registry.find("score", f"{path}:other").load().score(None, None) == 1
    assert registry.find("score", str(path)).load().score(None, None) == 0


def test_constants_are_read_without_importing(tmp_path):
    path = tmp_path / "odd.py"
    text = "import nowhere\nfrom nowhere import score\nNEEDS = ('heads',)\nBLIND = bool(1)\nclass Rule:\n    DEEP = 3\n"
    path.write_text(text)
    plugin = registry.find("score", str(path))
    assert [plugin.constant(name, None) for name in ("NEEDS", "BLIND", "DEEP", "NONE")] == [("heads",), None, 3, None]


@pytest.mark.parametrize("kind", ["strategy", "score", "guidance rule", "selection rule"])
def test_every_method_says_what_of_it_is_published_and_what_is_ours(kind):
    own = [plugin for plugin in registry.plugins(kind).values() if plugin.built_in and plugin.name != "random"]
    silent = [plugin.name for plugin in own if not plugin.path.read_text().count("reproduces:")]
    assert len(own) > 3 and not silent
