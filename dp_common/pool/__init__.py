"""Plain images that runs share: what decides them, and where they are kept."""
