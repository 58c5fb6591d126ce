"""Reads ledgers and summaries of runs and makes tables and figures of them; never runs anything, never imports torch.

``load(root)`` gives a Study: its runs as a frame, and the comparisons they make, which tables, figures and claims are
made of.
"""

from typing import Any

__all__ = ["Comparison", "Study", "load"]


def __getattr__(name: str) -> Any:
    """What one imports from here, read when it is asked for: whoever wants a printed number needs no statistics."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from results.analysis import study

    return getattr(study, name)
