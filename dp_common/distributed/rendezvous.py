"""Which ranks a process is one of, by the variables of torchrun or of a SLURM step, and how they find each other."""

import os
import subprocess
from datetime import timedelta

from dp_common.distributed.process_group import JOINING, SingleProcess, StoreGroup
from dp_common.errors import BadInput, Problem


def join(timeout=60.0):
    """The ranks this process is one of, by the variables of torchrun or of a SLURM step; a plain process is alone.

    Raises BadInput where they contradict each other, Problem where they do not find each other.
    """
    found = surroundings(os.environ)
    if found is None:
        return SingleProcess()
    import torch.distributed as dist

    rank, size, local, host, port, served = found
    # torchrun has a store of its own at this address; else it is ours, and the first rank's process holds it
    life = f"dp/{os.environ.get('TORCHELASTIC_RUN_ID', '')}/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"

    def connection(serve):
        store = dist.TCPStore(host, port, is_master=serve, timeout=timedelta(seconds=JOINING), wait_for_workers=False)
        return dist.PrefixStore(life, store)

    try:
        group = StoreGroup(
            rank, size, local, [connection(rank == 0 and not served), connection(False), connection(False)], timeout
        )
        group.all_gather(b"")  # all are there
        return group
    except dist.DistError as error:
        raise Problem(f"rank {rank} of {size} does not find the others at {host}:{port}: {error}") from error


def surroundings(env):
    """(rank, size, local rank, host, port, is there a store already) or None for a process alone. Raises BadInput."""
    if int(env.get("WORLD_SIZE", 1)) > 1:
        missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in env]
        if missing:
            raise BadInput(
                missing[0], None, f"not set, though WORLD_SIZE={env['WORLD_SIZE']}: start the ranks by torchrun or srun"
            )
        return (
            int(env["RANK"]),
            int(env["WORLD_SIZE"]),
            int(env.get("LOCAL_RANK", 0)),
            env["MASTER_ADDR"],
            int(env["MASTER_PORT"]),
            env.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
        )
    if int(env.get("SLURM_STEP_NUM_TASKS", 1)) > 1 and "WORLD_SIZE" not in env:
        said = subprocess.run(
            ["scontrol", "show", "hostnames", env["SLURM_STEP_NODELIST"]], capture_output=True, text=True
        )
        if said.returncode:
            raise Problem(f"scontrol show hostnames: {' '.join(said.stderr.split())}")
        port = 20000 + (int(env["SLURM_JOB_ID"]) * 101 + int(env["SLURM_STEP_ID"])) % 40000
        return (
            int(env["SLURM_PROCID"]),
            int(env["SLURM_STEP_NUM_TASKS"]),
            int(env["SLURM_LOCALID"]),
            said.stdout.split()[0],
            port,
            False,
        )
    return None
