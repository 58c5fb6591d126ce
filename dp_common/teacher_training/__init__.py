"""Making a UNet teacher, and judging it."""
