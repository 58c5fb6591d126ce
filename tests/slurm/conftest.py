"""The SLURM tests run on the test cluster only (slurm/testcluster/start.sh), never on one a person works on."""

import os
import subprocess
from pathlib import Path

import pytest

CONF = Path(os.environ.get("SLURM_TEST_ROOT", "/var/tmp/slurm-test")) / "etc" / "slurm.conf"


def why_not():
    """The reason there is no test cluster to use, or ""."""
    if os.environ.get("DP_NO_SLURM"):
        return os.environ["DP_NO_SLURM"]
    if not CONF.exists():
        return "no test cluster: slurm/testcluster/start.sh makes one (Debian, root)"
    os.environ["SLURM_CONF"] = str(CONF)
    try:
        said = subprocess.run(["scontrol", "ping"], capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    return "" if "is UP" in said else "the test cluster is down: slurm/testcluster/start.sh starts it"


@pytest.fixture(scope="session")
def cluster():
    """SLURM_CONF points to the running test cluster, and nothing of an earlier test is queued."""
    reason = why_not()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def free(cluster):
    """Jobs that a failed test leaves behind are ended."""
    yield
    left = subprocess.run(["squeue", "-h", "-o", "%A"], capture_output=True, text=True).stdout.split()
    if left:
        subprocess.run(["scancel", *set(left)])
