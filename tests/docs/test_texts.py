"""Links of documents lead somewhere, what they name is there, numbers are those that were measured."""

import re
from pathlib import Path

import pytest
import yaml

from tests.docs.documents import BLOCKS, DOCUMENTS, ROOT
from tests.test_house import ROOMS


def prose(path: Path) -> str:
    """A document without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as hosts of repositories make them."""
    headings = re.findall(r"^#+ +(.+?) *$", prose(path), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = prose(path)
    for target in [*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r"^\[[^\]]+\]:\s+(\S+)", text, re.M)]:
        if target.startswith(("https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), f"{path.name}: {target}"
        assert not anchor or anchor in anchors(there), f"{path.name}: {target}: no such section"
    for label in re.findall(r"\]\[([^\]]+)\]", text):
        assert re.search(rf"^\[{re.escape(label)}\]:", text, re.M), f"{path.name}: [{label}] leads nowhere"


def test_the_rooms_of_the_guide_are_those_that_a_test_holds() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    shown = re.findall(r"^\| (`.+?`) \|", text[text.index("| room |") :], re.M)
    assert [name.rstrip("/") for row in shown for name in re.findall(r"`([^`]+)`", row)] == list(ROOMS["dp_common"])


def test_code_cites_sections_that_are_there() -> None:
    folders = ("benchmarks", "dp_common", "results", "slurm", "strategies", "tests")
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py") if path != Path(__file__)):
        for file, anchor in re.findall(r"(docs/[\w-]+\.md)(?:#([\w-]+))?", path.read_text()):
            assert (ROOT / file).is_file(), f"{path.relative_to(ROOT)}: {file}"
            assert not anchor or anchor in anchors(ROOT / file), f"{path.relative_to(ROOT)}: {file}#{anchor}"


def test_files_that_documents_name_are_there() -> None:
    """Paths in prose, such as `dp_common/teachers/weights/digits.md`."""
    tops = "benchmarks|dp_common|results|slurm|strategies|tests|docs"
    for path in DOCUMENTS:
        for name in re.findall(rf"`((?:{tops})/[\w./-]*)`", prose(path)):
            if path.name != "CHANGELOG.md" and not name.startswith("results/runs"):
                assert (ROOT / name).exists(), f"{path.name}: `{name}`"


def cells(text: str) -> set[str]:
    """Every ``+1.18 [+0.68, +1.67]`` of a text, with one sign for minus."""
    return set(re.findall(r"[+-]?\d+\.\d+ \[[+-]?\d+\.\d+, [+-]?\d+\.\d+\]", text.replace("−", "-")))


@pytest.mark.parametrize("name, fewest", [("README.md", 8), ("docs/results.md", 80), ("docs/theory.md", 12)])
def test_numbers_in_tables_are_those_that_were_measured(name: str, fewest: int) -> None:
    measured = set().union(*(cells(path.read_text()) for path in (ROOT / "results" / "measured").rglob("*.md")))
    shown = set().union(*(cells(line) for line in (ROOT / name).read_text().splitlines() if line.startswith("| ")))
    assert len(shown) >= fewest
    assert not shown - measured, sorted(shown - measured)


def test_the_readme_is_a_page() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 120
    assert not [line for line in lines if len(line) > 120]


def test_the_readme_starts_with_the_commands_that_ci_and_readers_use() -> None:
    first = next(block for block in BLOCKS if block.document == "README.md" and block.commands)
    assert first.commands == ["pip install uv && uv run python -m benchmarks.run strategy=dp scale=4k", "uv run pytest"]
    assert first.commands[1] in (ROOT / ".ci" / "run").read_text()


def test_the_citation_is_valid_and_of_the_newest_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert all(
        isinstance(citation[key], str) and citation[key] for key in ("message", "title", "version", "license", "type")
    )
    assert [author["name"] for author in citation["authors"]] == ["The authors of Deliberate Practice Bench"]
    (paper,) = citation["references"]
    assert {"type", "title", "authors", "year"} <= paper.keys()
    assert all({"family-names", "given-names"} <= author.keys() for author in paper["authors"])
    assert "2502.15588" in paper["identifiers"][0]["value"]
    newest = re.search(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert newest and citation["version"] == newest[1]


def test_the_licence_is_that_of_the_citation() -> None:
    licence = (ROOT / "LICENSE").read_text()
    assert licence.startswith("MIT License\n")
    assert "the authors of Deliberate Practice Bench" in licence
