"""The documents, and the fenced blocks in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "results" / "README.md",
    ROOT / "results" / "measured" / "README.md",
]


@dataclass(frozen=True)
class Block:
    """A fenced block: where it is, its language, its lines, and what the comments above it say."""

    document: str
    line: int
    language: str
    text: str
    needs: str
    file: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def commands(self) -> list[str]:
        return (
            [line for line in self.text.splitlines() if line.strip() and not line.startswith("#")]
            if self.language == "sh"
            else []
        )


def blocks_of(path: Path) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    lines, first = path.read_text().splitlines(), -1  # first: where the present block begins; -1: outside
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if first < 0:
            first = number
            continue
        notes, above = {}, first
        while above and (note := re.fullmatch(r"<!-- (needs|file): (.+) -->", lines[above - 1])):
            notes[note[1]], above = note[2], above - 1
        text = "".join(f"{line}\n" for line in lines[first + 1 : number])
        where, language = str(path.relative_to(ROOT)), lines[first][3:].strip()
        yield Block(where, first + 1, language, text, notes.get("needs", ""), notes.get("file", ""))
        first = -1
    assert first < 0, f"{path}:{first + 1}: a block without an end"


BLOCKS = [block for path in DOCUMENTS for block in blocks_of(path)]
