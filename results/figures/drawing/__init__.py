"""What the figures share: sheet and look, which runs are shown, and the numbers of several figures."""
