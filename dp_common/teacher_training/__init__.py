"""Making a UNet teacher (settings, source, trainer), and judging it (quality, card)."""
