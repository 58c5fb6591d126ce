"""Vocabulary and machinery shared by all strategies. Layers, low to high: LAYERS in tests/test_layers.py, which holds them."""
