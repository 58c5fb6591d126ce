"""What a strategy may do, and the runner that drives it from start to summary."""
