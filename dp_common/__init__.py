"""Vocabulary and machinery shared by all strategies. Layers, low to high: see the table in the README."""
