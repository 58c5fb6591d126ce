"""Which ranks a process is one of: what torchrun and SLURM say, and what is refused."""

import pytest

from dp_common.distributed import rendezvous
from dp_common.distributed.process_group import SingleProcess
from dp_common.distributed.rendezvous import join, read_launcher_env
from dp_common.errors import BadInput, Problem


@pytest.mark.parametrize(
    "env, found",
    [
        ({}, None),
        ({"WORLD_SIZE": "1", "RANK": "0"}, None),
        ({"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, None),
        (
            {
                "WORLD_SIZE": "4",
                "RANK": "3",
                "LOCAL_RANK": "1",
                "MASTER_ADDR": "a",
                "MASTER_PORT": "5",
                "TORCHELASTIC_USE_AGENT_STORE": "True",
            },
            (3, 4, 1, "a", 5, True),
        ),
    ],
)
def test_what_a_launcher_says(env, found):
    assert read_launcher_env(env) == found


def test_half_of_the_variables_of_a_launcher_are_refused():
    with pytest.raises(BadInput, match="RANK: not set, though WORLD_SIZE=2"):
        read_launcher_env({"WORLD_SIZE": "2"})


STEP = {
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_NODELIST": "node[03-04]",
    "SLURM_JOB_ID": "1000",
    "SLURM_STEP_ID": "2",
}


def scontrol(monkeypatch, code, out="", err=""):
    """Let SLURM's command answer so; returns what it is asked."""
    asked = []

    def run(command, **_):
        asked.append(command)
        return rendezvous.subprocess.CompletedProcess(command, code, out, err)

    monkeypatch.setattr(rendezvous.subprocess, "run", run)
    return asked


def test_the_ranks_of_a_slurm_step_meet_at_its_first_host_and_a_port_of_their_own(monkeypatch):
    asked = scontrol(monkeypatch, 0, "node03\nnode04\n")
    assert read_launcher_env(STEP) == (3, 4, 1, "node03", 20000 + 101002 % 40000, False)
    assert asked == [["scontrol", "show", "hostnames", "node[03-04]"]]


def test_a_slurm_that_does_not_say_its_hosts_is_one_line(monkeypatch):
    scontrol(monkeypatch, 1, err="slurm_load:\n  no controller\n")
    with pytest.raises(Problem, match="^scontrol show hostnames: slurm_load: no controller$"):
        read_launcher_env(STEP)


def test_a_plain_process_is_its_own_group(monkeypatch):
    for name in ("WORLD_SIZE", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)
    group = join()
    assert isinstance(group, SingleProcess) and (group.rank, group.size, group.first) == (0, 1, True)
    assert group.broadcast({"a": 1}) == {"a": 1} and group.all_gather(b"x") == [b"x"]
