"""What the device is, and how fast its matrix products and copies are."""

import platform
from functools import partial

from benchmarks.gpu_checks import GIB, Finding, Findings, Place
from dp_common import device as devices
from dp_common.persistence.provenance import installed

PACKAGES = ("torch", "torchvision", "timm", "diffusers", "transformers")
BATCH_BYTES = 128 * 3 * 224 * 224  # of a micro-batch of uint8 images


def machine(place: Place) -> Findings:
    """Versions, and the rates all others are a share of."""
    import torch

    memory = devices.memory(place.device)
    yield Finding("machine.device", devices.label(place.device), note=f"{platform.system()} {platform.machine()}")
    yield Finding("machine.memory", memory / GIB if memory else None, "GiB", 75, None, rate=True)
    for package in PACKAGES:
        yield Finding(f"machine.{package}", installed(package))
    yield Finding("machine.cuda", torch.version.cuda or "none", note=f"cuDNN {torch.backends.cudnn.version()}")
    side = 256 if place.small else 8192
    a, b = (torch.randn(side, side, device=place.device) for _ in range(2))
    halves = a.bfloat16(), b.bfloat16()
    before = torch.get_float32_matmul_precision()
    try:
        for name, (x, y), precision, low, high in (
            ("bf16", halves, before, 650, 900),
            ("fp32", (a, b), "highest", 40, 60),
            ("tf32", (a, b), "high", 300, 500),
        ):
            torch.set_float32_matmul_precision(precision)
            rate = 2 * side**3 / place.timed(partial(torch.matmul, x, y)) / 1e12
            yield Finding(f"machine.matmul.{name}", rate, "TFLOP/s", low, high, rate=True)
    finally:
        torch.set_float32_matmul_precision(before)
    yield from copies(place)


def copies(place: Place) -> Findings:
    """On the device, and to it from pageable and from pinned memory."""
    import torch

    large = torch.empty(2**20 if place.small else 2**30, dtype=torch.uint8, device=place.device)
    other = torch.empty_like(large)
    rate = 2 * large.numel() / place.timed(lambda: other.copy_(large)) / 1e12
    yield Finding("machine.copy", rate, "TB/s", 2.4, 4.8, rate=True, note="read and written")
    batch = torch.zeros(BATCH_BYTES // (100 if place.small else 1), dtype=torch.uint8)
    pageable = 1000 * place.timed(lambda: batch.to(place.device))
    yield Finding("machine.to_device.pageable", pageable, "ms", 0.3, 5, rate=True, note="a micro-batch of 128 images")
    if place.device.type == "cuda":
        pinned = batch.pin_memory()
        milliseconds = 1000 * place.timed(lambda: pinned.to(place.device, non_blocking=True))
        yield Finding("machine.to_device.pinned", milliseconds, "ms", None, 1, rate=True)
