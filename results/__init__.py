"""Reads ledgers and summaries of runs and makes tables and figures of them; never runs anything, never imports torch."""
