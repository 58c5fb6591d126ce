"""Hours, counts and bytes as people read them."""


def amount(hours: float, device: str) -> str:
    """With its unit: 75.3 H100-hours, 4.1 min of one thread."""
    if device != "thread":
        return f"{number(hours)} {device}-hours"
    return f"{plain_amount(hours, device)} of one thread"


def plain_amount(hours: float, device: str) -> str:
    """Hours of a GPU; of a thread in the unit that suits."""
    if device != "thread":
        return number(hours)
    units = ((72.0, 24.0, "days"), (1.0, 1.0, "h"), (1 / 60, 1 / 60, "min"), (0.0, 1 / 3600, "s"))
    _, unit, name = next(row for row in units if hours >= row[0])
    return f"{number(hours / unit)} {name}"


def number(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def size(count: float) -> str:
    """1.5 MB, 19 GB."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{number(count / unit)} {name}"
    return f"{count:.0f} B"
