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
    monkeypatch.setattr(registry, "entry_points", lambda group: [e for e in found if e.group == group])
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
    monkeypatch.setattr(
        registry.importlib.util,
        "find_spec",
        lambda name, find=registry.importlib.util.find_spec: (
            type("Spec", (), {"submodule_search_locations": strategies.__path__})
            if name == "strategies"
            else find(name)
        ),
    )
    assert "my-idea" in registry.plugins("strategy")
    assert resolve(["strategy=my-idea"]).run_id.startswith("digits-my-idea-4k")


def test_a_file_with_two_classes_must_be_told_which(tmp_path):
    with pytest.raises(BadInput, match="must hold one public class"):
        resolve([f"strategy={PLUGINS}/cheats.py"])
    assert resolve([f"strategy={PLUGINS}/cheats.py:Chance"]).strategy


def test_listing_has_all_kinds():
    kinds = {row[0] for row in registry.listing()}
    assert kinds >= {"strategy", "score", "teacher", "task", "learner", "preset", "grid"} and kinds <= set(
        registry.FOLDERS
    )
    assert all(row[2] for row in registry.listing())
