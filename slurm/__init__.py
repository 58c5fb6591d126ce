"""Grids of runs as SLURM job arrays, through submitit. Knows profiles, jobs and what the cluster says; never imports torch."""
