"""The classifier that is trained, and its training loop."""
