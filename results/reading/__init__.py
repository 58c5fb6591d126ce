"""Run folders -> frames: runs, their histories and events."""
