"""Grids of runs as SLURM job arrays, through submitit: profiles, jobs, what the cluster says. Never imports torch."""
