"""Statistics of comparisons; no text, no pictures."""
