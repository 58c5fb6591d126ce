"""Hours, counts and bytes as people read them."""

from dp_common.progress import amount_text

TINY = 0.001  # hours of a GPU that are told in seconds below


def amount(hours: float, device: str) -> str:
    """With its unit: 75.3 H100-hours, 4.1 min of one thread."""
    if device != "thread":
        return f"{plain_amount(hours, device).removesuffix(' s')} {device}-{'seconds' if hours < TINY else 'hours'}"
    return f"{plain_amount(hours, device)} of one thread"


def plain_amount(hours: float, device: str) -> str:
    """Hours of a GPU, or seconds where they are few; of a thread in the unit that suits."""
    if device != "thread":
        return amount_text(hours) if hours >= TINY or not hours else f"{amount_text(3600 * hours)} s"
    units = ((72.0, 24.0, "days"), (1.0, 1.0, "h"), (1 / 60, 1 / 60, "min"), (0.0, 1 / 3600, "s"))
    _, unit, name = next(row for row in units if hours >= row[0])
    return f"{amount_text(hours / unit)} {name}"


def size(count: float) -> str:
    """1.5 MB, 19 GB."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{amount_text(count / unit)} {name}"
    return f"{count:.0f} B"
