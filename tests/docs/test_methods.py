"""The map of methods names everything that can be chosen, each in a row that says what it sees and costs."""

import re
from pathlib import Path

import pytest

from dp_common.config import registry

TEXT = (Path(__file__).parent.parent.parent / "docs" / "methods.md").read_text()


def section(title: str) -> list[str]:
    """The rows of the tables of one section."""
    found = TEXT.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    return [line for line in found.splitlines() if line.startswith("|")]


@pytest.mark.parametrize(
    ("kind", "title"), [("score", "Scores"), ("guidance rule", "Guidance rules"), ("selection rule", "Selection rules")]
)
def test_every_plugin_has_a_row(kind: str, title: str) -> None:
    named = {name for row in section(title) for name in re.findall(r"`([\w-]+)`", row.split("|")[1])}
    assert set(registry.built_in(kind)) <= named


def test_every_strategy_stands_in_the_map_with_what_it_sees_and_costs() -> None:
    rows = section("The map")
    for name in registry.built_in("strategy"):
        row = next((row for row in rows if f"`strategy={name}`" in row), "")
        cells = [cell.strip() for cell in row.split("|")[1:-1]]
        assert len(cells) == 7 and re.match(r"I[0-3]", cells[4]) and cells[5], name


def test_what_sees_the_real_world_says_so_in_its_row() -> None:
    needs = {"reference": "I1", "density": "I1", "exemplars": "I2", "real": "I2"}
    for kind, title in (("score", "Scores"), ("selection rule", "Selection rules")):
        for name, plugin in registry.built_in(kind).items():
            row = next(row for row in section(title) if f"`{name}`" in row)
            for need in set(plugin.constant("NEEDS", ())) & set(needs):
                assert needs[need] in row, (name, need)


def test_every_rival_that_is_a_preset_is_told() -> None:
    for name in registry.built_in("preset"):
        if name.startswith("rivals/") and not name.startswith("rivals/imagenet"):
            assert f"`preset={name}`" in TEXT and any(f"`{name.split('/')[1]}`" in row for row in section("Presets"))
