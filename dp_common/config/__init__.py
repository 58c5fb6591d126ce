"""What a run is: typed keys, plugins found by name, presets, and the identity that follows from them."""
