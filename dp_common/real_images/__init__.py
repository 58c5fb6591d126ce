"""Images of people's own: found, read, decoded, and split fairly."""
