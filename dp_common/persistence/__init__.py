"""What survives a kill: the ledger, the lease, checkpoints; what was measured, and where it came from."""
