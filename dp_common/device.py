"""The device that a run computes on: which one, how to wait for it, its name and memory, and what it cannot do.

All that CUDA, Apple's MPS and the CPU answer differently is asked for here; elsewhere a device is a ``torch.device``.
"""

import os
import platform
import resource
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dp_common.errors import BadInput

if TYPE_CHECKING:
    import torch

NAMES = "auto, cpu, cuda, cuda:N or mps"  # what ``device=`` may be
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
KEPT = 2**28  # bytes
LARGE = 2**25  # bytes of a piece that is always given back; the C library allows no more
PAGE, MADV_HUGEPAGE = 2**12, 14  # of mman.h
CUBLAS = "CUBLAS_WORKSPACE_CONFIG", ":4096:8"  # without it cuBLAS promises no bits; read when it is first used
PATTERN = r"auto|cpu|cuda(:[0-9]{1,3})?|mps"  # the same, found out without torch


def named(name: str, local: int = 0) -> "torch.device":
    """The device of a ``device=`` key.

    Args:
        name: ``auto`` (CUDA, else MPS, else the CPU), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        local: the rank on this machine: of ``auto`` and ``cuda`` each takes its own device, or the one it was given
            alone.

    Raises:
        BadInput: another name, or a device that this machine does not have.
    """
    import torch

    counts = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    if name == "auto":
        name = next(kind for kind, there in counts.items() if there)
    try:
        device = torch.device(name)
    except RuntimeError:
        raise BadInput("device", name, NAMES) from None
    there = counts.get(device.type, 0)
    if device.type == "cuda" and device.index is None and there:
        device = torch.device("cuda", 0 if there == 1 else local)
    if (device.index or 0) >= there:
        which = f"; this is local rank {local}" if local else ""
        mps = " and mps" if counts["mps"] else ""
        raise BadInput("device", name, f"this machine has cpu and {counts['cuda']} CUDA device(s){mps}{which}")
    return device


def tf32() -> bool:
    """Are fp32 products, of matrices or in convolutions, taken in TF32 on CUDA?"""
    import torch

    return torch.backends.cudnn.allow_tf32 and torch.get_float32_matmul_precision() != "highest"


def set_tf32(allowed: bool) -> None:
    """Let them, or not. torch by itself lets convolutions alone, so that its fp32 is neither."""
    import torch

    torch.backends.cudnn.allow_tf32 = allowed
    torch.set_float32_matmul_precision("high" if allowed else "highest")


def set_deterministic(device: "torch.device", wanted: bool) -> None:
    """On CUDA, let only kernels run that give the same bits each time, or any; other devices have no others."""
    import torch

    wanted = wanted and device.type == "cuda"
    if wanted:
        os.environ.setdefault(*CUBLAS)
    torch.use_deterministic_algorithms(wanted)
    torch.backends.cudnn.deterministic = wanted


def synchroniser(device: "torch.device") -> Callable[[], object]:
    """The function that waits until the device has done what it was asked to, for a clock."""
    import torch

    if device.type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    return torch.mps.synchronize if device.type == "mps" else lambda: None


def label(device: "torch.device") -> str:
    """The device's own name, or ``cpu``."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"mps ({platform.machine()})" if device.type == "mps" else "cpu"


def memory(device: "torch.device") -> int | None:
    """Bytes that the device has, as far as it says."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return torch.mps.recommended_max_memory() if device.type == "mps" else None


def reset_peak(device: "torch.device") -> None:
    """Let ``peak`` count from now on."""
    import torch

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak(device: "torch.device") -> int | None:
    """The most bytes that tensors took on the device since ``reset_peak``; None where nobody counts."""
    import torch

    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None


def versions(device: "torch.device") -> dict[str, str | None]:
    """Of what lies between torch and the device: CUDA, cuDNN, NCCL and the driver; nothing of other devices."""
    import torch

    if device.type != "cuda":
        return {}
    nccl = ".".join(map(str, torch.cuda.nccl.version())) if torch.distributed.is_nccl_available() else None
    return {"cuda": torch.version.cuda, "cudnn": str(torch.backends.cudnn.version()), "nccl": nccl, "driver": driver()}


def driver() -> str | None:
    """The version of NVIDIA's kernel module, as far as the system says."""
    try:
        words = Path("/proc/driver/nvidia/version").read_text().splitlines()[0].split()
    except (OSError, IndexError):
        return None
    return next((word for word in words if word[0].isdigit() and "." in word), None)


def peaks_gib(device: "torch.device") -> dict[str, float]:
    """The most memory that was held in this process: ``host`` (resident) and, where it counts, ``device``; GiB."""
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    held = {"host": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, "device": peak(device)}
    return {where: round(n / 2**30, 3) for where, n in held.items() if n is not None}


def send(values: "torch.Tensor", device: "torch.device") -> "torch.Tensor":
    """A tensor of the CPU on the device. CUDA takes it when its turn comes, and the host goes on; elsewhere it waits:
    MPS would read memory that may be another's by then.
    """
    return values.to(device, non_blocking=device.type == "cuda")


def release(device: "torch.device") -> None:
    """Give back what the allocator keeps for later, after it ran out of memory."""
    import torch

    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def in_float64(values: "torch.Tensor") -> "torch.Tensor":
    """The values in float64, on the CPU where the device has none (MPS)."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def select(device: "torch.device") -> None:
    """Make it the one that is meant where none is named: else all ranks of a machine make things on the first."""
    import torch

    if device.type == "cuda":
        torch.cuda.set_device(device)


def collectives(device: "torch.device") -> dict[str, Any]:
    """What ``init_process_group`` is told of the device of this rank."""
    return {"backend": "nccl", "device_id": device} if device.type == "cuda" else {"backend": "gloo"}


def seed(device: "torch.device | str", number: int) -> None:
    """Begin torch's own random numbers anew, those of the CPU and of this device: what ``torch.manual_seed`` does to
    every device there might be, at a millisecond a call where it has to note down that there is none.
    """
    import torch

    torch.default_generator.manual_seed(number)
    kind = torch.device(device).type
    if kind == "cuda":
        torch.cuda.manual_seed(number)
    elif kind == "mps":
        torch.mps.manual_seed(number)


@cache
def keep_freed_memory() -> None:
    """From now on have the C library keep what tensors gave back, up to ``KEPT`` bytes, for the next ones, in large
    pages where the system lets a program ask for them.

    It returns pieces of megabytes to the system at once, and each tensor of the next step is then made of pages that
    the system clears one by one: a sixth of the time of a guided block. What it keeps lies in 4 KiB pages, whose
    addresses are looked up again and again: another twentieth. No bit depends on it. glibc only; elsewhere nothing
    happens.
    """
    import ctypes

    try:
        library = ctypes.CDLL(None)
        options, advise, take, give_back = library.mallopt, library.madvise, library.malloc, library.free
    except (AttributeError, OSError, TypeError):
        return
    for option, value in ((M_TRIM_THRESHOLD, KEPT), (M_MMAP_THRESHOLD, LARGE)):
        options(ctypes.c_int(option), ctypes.c_int(value))
    if sys.platform != "linux":
        return
    take.restype, size = ctypes.c_void_p, LARGE - PAGE  # each from the heap, and all of them side by side
    pieces = [take(ctypes.c_size_t(size)) for _ in range(KEPT // LARGE - 1)]  # not touched, so that they take no memory
    for piece in filter(None, pieces):
        start = piece // PAGE * PAGE
        advise(ctypes.c_void_p(start), ctypes.c_size_t(piece + size - start), ctypes.c_int(MADV_HUGEPAGE))
    for piece in pieces:
        give_back(ctypes.c_void_p(piece))


def start_method() -> str:
    """How processes that read images begin: by fork, which shares what is in memory, but for macOS, whose frameworks
    do not survive it.
    """
    return "spawn" if sys.platform == "darwin" else "fork"
