"""What claims are made of: arms and pairs, rules, verdicts, the sweeps that would decide them, how they are shown."""
