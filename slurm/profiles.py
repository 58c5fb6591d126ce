"""Profiles: what to ask a cluster for, as YAML. ``profile=NAME`` reads profiles/NAME.yaml, ``profile=./mine.yaml`` a file of
your own; ``slurm.KEY=value`` on the command line overrides a key.
"""

import re
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path

import yaml

from dp_common.config.options import option
from dp_common.distributed import batch_share
from dp_common.errors import BadInput, did_you_mean

FOLDER = Path(__file__).parent / "profiles"
FOREVER = 10**9  # time-outs: submitit wants a number
STARTING = 90  # SLURM may signal 60 s early, and the job needs a while until it can hear it


@dataclass
class Profile:
    """One run's resources and how its job behaves. Empty text and 0 mean: as the cluster does by default."""

    partition: str = option("", "partition; empty: the cluster's default")
    account: str = option("", "account to charge")
    qos: str = option("", "quality of service")
    constraint: str = option("", "features the nodes must have, such as h100")
    nodes: int = option(1, "nodes per run", low=1)
    gpus: int = option(0, "GPUs per node", low=0)
    tasks: int = option(0, "processes per node, all ranks of one run; 0: one per GPU, or one", low=0)
    cpus: int = option(0, "CPUs per process; 0: the run's threads + readers", low=0)
    memory: float = option(0.0, "GB per node; 0: the cluster's default", low=0)
    time: str = option(
        "60", "time limit of one job: minutes, or 90m, 4h, 2d; a run that needs longer goes on in the next slot"
    )
    signal: int = option(120, "seconds before the time limit at which SLURM signals the job", low=10)
    grace: int = option(
        60, "seconds a signalled run has to reach its next mark and commit; then it is requeued as it is", low=1
    )
    timeouts: int = option(-1, "how many time-outs a run may survive; -1: any number", low=-1)
    parallel: int = option(0, "jobs of one array that run at the same time; 0: any number", low=0)
    setup: list = field(
        default_factory=list, metadata={"about": "shell lines before the run, such as module load cuda"}
    )
    options: dict = field(
        default_factory=dict, metadata={"about": "further options of sbatch, such as reservation: spring"}
    )

    @property
    def tasks_per_node(self):
        return self.tasks or self.gpus or 1

    @property
    def devices(self):
        """Devices one run has."""
        return self.nodes * (self.gpus or self.tasks_per_node)

    @property
    def minutes(self):
        match = re.fullmatch(r"(\d+)([mhd]?)", str(self.time))
        if not match or not int(match[1]):
            raise BadInput("slurm.time", self.time, "minutes, or such as 90m, 4h, 2d")
        return int(match[1]) * {"": 1, "m": 1, "h": 60, "d": 1440}[match[2]]


def names():
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name, overrides=None):
    """The profile called ``name`` or at a path, with ``overrides`` ({"time": "30"}). Raises BadInput."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
    if not path.is_file():
        raise BadInput(
            "profile", name, f"one of {', '.join(names())}, or a path to a .yaml file.{did_you_mean(name, names())}"
        )
    try:
        content = (
            yaml.load(path.read_text(), yaml.BaseLoader) or {}
        )  # all text: YAML would read 4:00:00 as the number 14400
    except yaml.YAMLError as error:
        raise BadInput("profile", name, f"not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise BadInput("profile", name, "a YAML mapping of key: value")
    known, profile = {f.name: f for f in fields(Profile)}, Profile()
    for source, values in ((f"profile {name}: ", content), ("slurm.", overrides or {})):
        for key, value in values.items():
            if key not in known:
                raise BadInput(
                    f"{source}{key}", None, f"no such key; one of {', '.join(known)}.{did_you_mean(key, known)}"
                )
            setattr(profile, key, typed(f"{source}{key}", value, known[key]))
    check(profile)
    return profile


def typed(key, value, f):
    """``value``, text or what BaseLoader makes of a list or mapping, as the type of its field. Raises BadInput."""
    kind = type(f.default if f.default is not MISSING else f.default_factory())
    if kind in (list, dict) and isinstance(value, str):
        try:
            value = yaml.load(value, yaml.BaseLoader) if value else kind()
        except yaml.YAMLError:
            pass  # told below
    if kind in (int, float):
        try:
            value = kind(value)
        except (TypeError, ValueError):
            raise BadInput(key, value, "expected a number") from None
        if value < f.metadata.get("low", value):
            raise BadInput(key, value, f"at least {f.metadata['low']}")
        return value
    inside = value if isinstance(value, list) else value.values() if isinstance(value, dict) else []
    if not isinstance(value, kind) or not all(isinstance(part, str) for part in inside):
        raise BadInput(
            key,
            value,
            {str: "expected text", list: "expected a list of lines", dict: "expected a mapping of options to text"}[
                kind
            ],
        )
    return value


def check(profile):
    if profile.gpus and profile.tasks not in (0, profile.gpus):
        raise BadInput("slurm.tasks", profile.tasks, f"one process per GPU: 0 or {profile.gpus}")
    if profile.minutes * 60 < profile.signal + STARTING:
        raise BadInput(
            "slurm.time",
            profile.time,
            f"at least {-(-(profile.signal + STARTING) // 60)} minutes with signal={profile.signal}: SLURM "
            "signals up to 60 s early, and a job that is just starting cannot hear it",
        )
    if profile.grace >= profile.signal:
        raise BadInput("slurm.grace", profile.grace, f"less than signal, {profile.signal}")


def cpus_of(profile, run):
    """CPUs per process that a run gets. Raises BadInput where the profile gives fewer than the run computes with."""
    wanted = run.spec.threads + run.runtime.readers
    if profile.cpus and profile.cpus < run.spec.threads:
        raise BadInput("slurm.cpus", profile.cpus, f"at least threads, {run.spec.threads}; 0 takes threads + readers")
    ranks = profile.nodes * profile.tasks_per_node
    batch_share.check(run.spec.train, ranks, f"the {ranks} processes of this profile")
    return profile.cpus or wanted


def parameters(profile, cpus):
    """A profile as submitit's parameters of a job."""
    asked = {
        "partition": profile.partition,
        "account": profile.account,
        "qos": profile.qos,
        "constraint": profile.constraint,
        "gpus_per_node": profile.gpus,
        "mem": f"{round(profile.memory * 1024)}MB" if profile.memory else "",
    }
    return {key: value for key, value in asked.items() if value} | {
        "nodes": profile.nodes,
        "ntasks_per_node": profile.tasks_per_node,
        "cpus_per_task": cpus,
        "time": profile.minutes,
        "signal_delay_s": profile.signal,
        "array_parallelism": profile.parallel or FOREVER,
        # since 22.05 srun no longer takes this from sbatch
        # ranks end by themselves soon after one of them has failed; were they killed at once, nobody could say why
        "srun_args": [f"--cpus-per-task={cpus}"]
        + (["--wait=120"] if profile.nodes * profile.tasks_per_node > 1 else []),
    }
