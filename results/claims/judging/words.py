"""Rules that several claims share, in words."""

POOLED = "mean over scales per seed, in the teacher's world"
EQUALS = (
    f"Log error ratio, {POOLED}. Confirmed: 90 % t-interval inside ±0.10, a tenth of the errors (two one-sided tests "
    "at 5 %). Refuted: outside on one side."
)
BETTER = f"Log error ratio, {POOLED}. Confirmed: 95 % t-interval above zero. Refuted: below."


def unpublished() -> str:
    """What the paper says of a question that is not the paper's."""
    return "not asked"
