"""Which ranks a process is one of, by the variables of torchrun or of a SLURM step, and how they find each other."""

import os
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from dp_common.distributed.heartbeat import JOINING
from dp_common.distributed.process_group import ProcessGroup, SingleProcess
from dp_common.distributed.store_group import StoreGroup
from dp_common.errors import BadInput, Problem

if TYPE_CHECKING:
    from torch.distributed import Store


class Launched(NamedTuple):
    """What a launcher says to one of the processes it has started."""

    rank: int
    size: int
    local: int  # number among those on this machine
    host: str  # where the first rank is
    port: int
    has_store: bool  # is there a store at this address already?


def join(timeout: float = 60.0) -> ProcessGroup:
    """The ranks this process is one of, once all are there; a plain process is alone.

    Args:
        timeout: seconds without a sign of life after which a rank is gone.

    Raises:
        BadInput: the launcher's variables contradict each other.
        Problem: the ranks do not find each other.
    """
    launched = read_launcher_env(os.environ)
    if launched is None:
        return SingleProcess()
    import torch.distributed as dist

    # torchrun has a store of its own at this address; else it is ours, and the first rank's process holds it
    life = f"dp/{os.environ.get('TORCHELASTIC_RUN_ID', '')}/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"

    def connection(serve: bool) -> "Store":
        store = dist.TCPStore(
            launched.host,
            launched.port,
            is_master=serve,
            timeout=timedelta(seconds=JOINING),
            wait_for_workers=False,
        )
        return dist.PrefixStore(life, store)

    try:
        stores = [connection(launched.rank == 0 and not launched.has_store), connection(False), connection(False)]
        group = StoreGroup(launched.rank, launched.size, launched.local, stores, timeout)
        group.all_gather(b"")  # all are there
        return group
    except dist.DistError as error:
        who, where = f"rank {launched.rank} of {launched.size}", f"{launched.host}:{launched.port}"
        raise Problem(f"{who} does not find the others at {where}: {error}") from error


def read_launcher_env(env: Mapping[str, str]) -> Launched | None:
    """What the variables of torchrun or of a SLURM step say; None for a process alone.

    Raises:
        BadInput: some of a launcher's variables are missing.
        Problem: SLURM does not say which hosts the step has.
    """
    if int(env.get("WORLD_SIZE", 1)) > 1:
        missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in env]
        if missing:
            raise BadInput(
                missing[0], None, f"not set, though WORLD_SIZE={env['WORLD_SIZE']}: start the ranks by torchrun or srun"
            )
        return Launched(
            rank=int(env["RANK"]),
            size=int(env["WORLD_SIZE"]),
            local=int(env.get("LOCAL_RANK", 0)),
            host=env["MASTER_ADDR"],
            port=int(env["MASTER_PORT"]),
            has_store=env.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
        )
    if int(env.get("SLURM_STEP_NUM_TASKS", 1)) > 1 and "WORLD_SIZE" not in env:
        return Launched(
            rank=int(env["SLURM_PROCID"]),
            size=int(env["SLURM_STEP_NUM_TASKS"]),
            local=int(env["SLURM_LOCALID"]),
            host=first_host(env["SLURM_STEP_NODELIST"]),
            port=20000 + (int(env["SLURM_JOB_ID"]) * 101 + int(env["SLURM_STEP_ID"])) % 40000,
            has_store=False,
        )
    return None


def first_host(nodelist: str) -> str:
    """The first of SLURM's hosts, such as ``node[03-07]``. Raises Problem if SLURM does not say."""
    answer = subprocess.run(["scontrol", "show", "hostnames", nodelist], capture_output=True, text=True)
    if answer.returncode:
        raise Problem(f"scontrol show hostnames: {' '.join(answer.stderr.split())}")
    return answer.stdout.split()[0]
