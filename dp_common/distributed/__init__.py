"""Several processes at one run: how they meet, share out work, and notice that one is gone."""
