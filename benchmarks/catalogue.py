"""What there is to choose from, found by folder: ``python -m benchmarks.run --list``."""

from pathlib import Path

from benchmarks import folders, unit_costs
from dp_common.config import registry

PLURALS = {"strategy": "strategies"}

Entry = tuple[str, str, str, str | None]  # kind, name, about, what is broken


def list_text(check: bool) -> str:
    """Names with a line each, by kind. ``check``: import each plugin, and say which are broken."""
    rows = entries(check)
    lines = []
    for kind in dict.fromkeys(row[0] for row in rows):
        same = [row for row in rows if row[0] == kind]
        lines.append(PLURALS.get(kind, kind + "s"))
        width = max(len(name) for _, name, _, _ in same)
        lines += [f"  {name:{width}}  {'BROKEN: ' + broken if broken else about}" for _, name, about, broken in same]
    return "\n".join(lines)


def entries(check: bool) -> list[Entry]:
    """Everything, by kind."""
    rows: list[Entry] = list(registry.listing(check))
    from slurm import profiles

    rows += yaml_entries("profile", profiles.FOLDER)
    for kind, package in (("speed suite", "benchmarks.speed_suites"), ("tracker", "benchmarks.trackers")):
        rows += [(kind, name, folders.about(path), None) for name, path in folders.files(package).items()]
    rows += [("unit cost", name, "measured by benchmarks.speed; prices=" + name, None) for name in unit_costs.names()]
    return rows


def yaml_entries(kind: str, folder: Path) -> list[Entry]:
    """YAML files of a folder, their first comment line being their help."""
    return [(kind, path.stem, folders.about(path), None) for path in sorted(folder.glob("*.yaml"))]
