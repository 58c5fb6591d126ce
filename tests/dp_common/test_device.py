"""Devices by name, and what they answer for."""

import ctypes
import os
import platform
import resource
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from dp_common import device
from dp_common.errors import BadInput
from dp_common.persistence import provenance

LARGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage")


@pytest.fixture
def devices(monkeypatch):
    """devices(n): let there be so many CUDA devices."""
    return lambda n: monkeypatch.setattr(torch.cuda, "device_count", lambda: n)


@pytest.mark.parametrize(
    "there, name, local, expected",
    [
        (0, "auto", 0, "cpu"),
        (0, "cpu", 3, "cpu"),
        (1, "auto", 0, "cuda:0"),
        (1, "cuda", 3, "cuda:0"),  # given one device alone, each rank calls it 0
        (4, "auto", 2, "cuda:2"),
        (4, "cuda:1", 2, "cuda:1"),
        (4, "cpu", 2, "cpu"),
    ],
)
def test_each_rank_takes_its_own_device(devices, there, name, local, expected):
    devices(there)
    assert device.named(name, local) == torch.device(expected)


@pytest.mark.parametrize(
    "there, name, local, message",
    [
        (0, "cuda", 0, "device=cuda: this machine has cpu and 0 CUDA"),
        (2, "cuda:2", 0, "device=cuda:2: this machine has cpu and 2 CUDA"),
        (2, "auto", 2, r"device=cuda: this machine has cpu and 2 CUDA device\(s\); this is local rank 2"),
        (0, "gpu", 0, "device=gpu: auto, cpu, cuda, cuda:N or mps"),
        (0, "meta", 0, "device=meta: this machine has cpu"),
    ],
)
def test_a_device_that_is_not_there_is_refused(devices, there, name, local, message):
    devices(there)
    with pytest.raises(BadInput, match=message):
        device.named(name, local)


def test_a_mac_has_mps_and_takes_it_by_itself(devices, monkeypatch):
    devices(0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device.named("auto") == torch.device("mps") == device.named("mps")
    assert device.named("cpu") == torch.device("cpu")
    with pytest.raises(BadInput, match="device=cuda: this machine has cpu and 0 CUDA device.s. and mps$"):
        device.named("cuda")
    with pytest.raises(BadInput, match="device=mps:1"):
        device.named("mps:1")


def test_without_mps_it_is_refused(devices):
    devices(1)
    with pytest.raises(BadInput, match="device=mps: this machine has cpu and 1 CUDA"):
        device.named("mps")


def test_each_kind_of_device_is_waited_for_in_its_own_way(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append("mps"))
    for name in ("cpu", "cuda:1", "mps"):
        device.synchroniser(torch.device(name))()
    assert waited == [torch.device("cuda:1"), "mps"]


def test_ranks_meet_by_nccl_on_gpus_and_by_gloo_elsewhere():
    gpu = torch.device("cuda:2")
    assert device.collectives(gpu) == {"backend": "nccl", "device_id": gpu}
    assert device.collectives(torch.device("cpu")) == device.collectives(torch.device("mps")) == {"backend": "gloo"}


def test_readers_fork_but_on_a_mac(monkeypatch):
    assert device.start_method() == ("spawn" if sys.platform == "darwin" else "fork")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert device.start_method() == "spawn"


def test_the_cpu_is_named_and_counts_no_memory():
    cpu = torch.device("cpu")
    device.reset_peak(cpu)
    device.select(cpu)
    assert (device.label(cpu), device.memory(cpu), device.peak(cpu)) == ("cpu", None, None)
    assert device.in_float64(torch.tensor([0.5])).dtype == torch.float64


def test_random_numbers_begin_anew_as_by_torchs_own_seed():
    device.seed("cpu", 7)
    ours = torch.rand(3)
    torch.manual_seed(7)
    assert torch.equal(ours, torch.rand(3))


def test_a_device_begins_its_own_numbers_anew_and_no_other_device_does(monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed", lambda number: seeded.append(("cuda", number)))
    monkeypatch.setattr(torch.mps, "manual_seed", lambda number: seeded.append(("mps", number)))
    for name in ("cpu", "cuda:1", "mps"):
        device.seed(torch.device(name), 7)
    assert seeded == [("cuda", 7), ("mps", 7)]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc")
def test_memory_of_a_tensor_is_used_again_by_the_next():
    device.keep_freed_memory()
    sizes = 2**20, 2**21  # floats: 4 and 8 MB, which are pages of their own by default

    def faults():
        for size in sizes:
            torch.ones(size)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    counts = [faults() for _ in range(4)]
    assert min(np.diff(counts)) * os.sysconf("SC_PAGE_SIZE") < 4 * sum(sizes) / 10


def test_a_c_library_without_such_a_choice_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    device.keep_freed_memory.__wrapped__()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc" or not LARGE_PAGES.exists(), reason="of glibc and Linux")
def test_kept_memory_is_asked_for_in_large_pages():
    device.keep_freed_memory()
    words = [line.split() for line in Path("/proc/self/smaps").read_text().splitlines()]
    flags = [line[1:] for line in words if line[0] == "VmFlags:"]
    sizes = [int(line[1]) for line in words if line[0] == "Size:"]
    asked = sum(size for size, flag in zip(sizes, flags, strict=True) if "hg" in flag)
    assert asked >= 2**17  # kB


def test_fp32_is_fp32_where_computing_begins(monkeypatch):
    """torch by itself takes convolutions in TF32 on CUDA."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert not device.tf32()
    try:
        provenance.fix_arithmetic(torch.get_num_threads())
        assert not torch.backends.cudnn.allow_tf32 and torch.get_float32_matmul_precision() == "highest"
        device.set_tf32(True)
        assert device.tf32() and torch.backends.cudnn.allow_tf32
    finally:
        device.set_tf32(False)


def test_the_same_bits_are_asked_of_cuda_alone(monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    device.set_deterministic(torch.device("cpu"), True)
    assert not torch.are_deterministic_algorithms_enabled() and device.CUBLAS[0] not in os.environ
    try:
        device.set_deterministic(torch.device("cuda"), True)
        assert torch.are_deterministic_algorithms_enabled() and torch.backends.cudnn.deterministic
        assert os.environ[device.CUBLAS[0]] == device.CUBLAS[1]
    finally:
        device.set_deterministic(torch.device("cuda"), False)
    assert not torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.deterministic
