"""A make-believe accelerator, so that the code for devices runs where there is none.

Tensors on it hold a tensor of the CPU and say that they are on ``cuda:0`` (or ``mps:0``). Below autograd every
operation is looked at: one that mixes them with plain tensors of the CPU is refused as a device would refuse it, one
that makes the host wait (``.item()``, ``bool()``, ``nonzero``, ``.cpu()``, ...) is noted with the lines of the project
that asked for it, and on ``mps`` float64 is refused. To C++ the device is still the CPU: numerics, streams and memory
are not simulated.

    with Accelerator("cuda") as device:
        ...                              # the project's code, with device=cuda
    device.waits                         # one Wait for each time that the host had to wait
"""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import timm  # noqa: F401  (what looks at torch's own functions is imported before they are replaced)
import torch
import torch._dynamo
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

ROOT = Path(__file__).parents[1]
aten = torch.ops.aten
MAY_MIX = {  # of these a device takes plain tensors too: copies, and indices (which are copied)
    aten.copy_.default,
    aten.index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}
WAIT = {  # their answer's value or shape is wanted on the host
    aten._local_scalar_dense.default,
    aten.nonzero.default,
    aten.masked_select.default,
    aten.equal.default,
    aten._unique2.default,
    aten.unique_dim.default,
    aten.unique_consecutive.default,
    aten.repeat_interleave.Tensor,
}


@dataclass(frozen=True)
class Wait:
    """The host waited for the device. ``calls``: file:function of the project's code that led there, innermost last."""

    what: str
    calls: tuple[str, ...]

    def within(self, *functions):
        """Was it asked for inside one of these functions, given as ``function`` or ``file.py:function``?"""
        return any(call.endswith(f"{':/'[':' in name]}{name}") for call in self.calls for name in functions)


class OnDevice(Tensor):
    """A tensor on the make-believe device."""

    inner: Tensor
    place: "Accelerator"
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner, place):
        assert not isinstance(inner, cls)
        made = Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype
        )
        made.inner, made.place = inner, place
        return made

    device = property(lambda self: self.place.device)
    is_cuda = property(lambda self: self.place.device.type == "cuda")
    is_mps = property(lambda self: self.place.device.type == "mps")

    def __repr__(self):
        return f"OnDevice({self.inner!r})"

    def __deepcopy__(self, memo):
        copied = OnDevice(self.inner.detach().clone(), self.place).requires_grad_(self.requires_grad)
        copied._is_param = getattr(self, "_is_param", False)
        return memo.setdefault(id(self), copied)

    def __reduce_ex__(self, protocol):
        raise RuntimeError("a tensor of the device is to be sent to another process")

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        flat, spec = tree_flatten((args, kwargs or {}))
        known = {id(value.inner): value for value in flat if isinstance(value, cls)}
        place = next(iter(known.values())).place
        place.check(func, flat)
        args, kwargs = tree_unflatten([value.inner if isinstance(value, cls) else value for value in flat], spec)
        answer = func(*args, **kwargs)
        if func is aten.copy_.default:  # in place, whichever side it is on
            return flat[0]
        return tree_map(lambda value: known.get(id(value)) if id(value) in known else place.put(value), answer)


class Accelerator(TorchFunctionMode):
    """The device, while the ``with`` block lasts. ``waits`` are all that there have been."""

    def __init__(self, kind="cuda"):
        super().__init__()
        self.device = torch.device(kind, 0)
        self.waits: list[Wait] = []
        self.copies = 0  # from the host

    # ------------------------------------------------------------------ what the machine says of itself

    def __enter__(self):
        self.stack = ExitStack()
        cuda, autocast, loader = self.device.type == "cuda", torch.autocast, torch.utils.data.DataLoader
        for target, name, value in (
            (torch.cuda, "device_count", lambda: int(cuda)),
            (torch.cuda, "is_available", lambda: cuda),
            (torch.backends.cudnn, "version", lambda: 90000),
            (torch.cuda, "synchronize", lambda device=None: None),
            (torch.cuda, "set_device", lambda device: None),
            (torch.cuda, "get_device_name", lambda device=None: "make-believe"),
            (torch.cuda, "reset_peak_memory_stats", lambda device=None: None),
            (torch.cuda, "max_memory_allocated", lambda device=None: 2**30),
            (torch.cuda, "empty_cache", lambda: None),
            (torch.backends.mps, "is_available", lambda: not cuda),
            (torch.mps, "synchronize", lambda: None),
            # pinned memory is a driver's: only a GPU can test it
            (torch.utils.data, "DataLoader", lambda *args, **more: loader(*args, **more | {"pin_memory": False})),
            (torch, "autocast", lambda device_type, *rest, **more: autocast("cpu", *rest, **more)),
            (torch._C, "_group_tensors_by_device_and_dtype", self.grouped(torch._C._group_tensors_by_device_and_dtype)),
            (torch.optim.Optimizer, "_accelerator_graph_capture_health_check", lambda self: None),
        ):
            self.stack.enter_context(mock.patch.object(target, name, value))
        before = torch.__future__.get_overwrite_module_params_on_conversion()
        self.stack.callback(torch.__future__.set_overwrite_module_params_on_conversion, before)
        torch.__future__.set_overwrite_module_params_on_conversion(True)  # Module.to makes new parameters
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self.stack.close()

    def grouped(self, by_device):
        """Groupings of tensors by device, in which C++ sees the CPU, with the device they are on."""

        def group(lists, with_indices=False):
            found = by_device(lists, with_indices)
            return {(self.device_of(columns), dtype): (columns, rows) for (_, dtype), (columns, rows) in found.items()}

        return group

    def device_of(self, columns):
        first = next(value for column in columns for value in column if value is not None)
        return self.device if isinstance(first, OnDevice) else first.device

    # ------------------------------------------------------------------ operations

    def check(self, func, flat):
        """Refuse what a device refuses, note what makes the host wait."""
        plain = [v for v in flat if isinstance(v, Tensor) and not isinstance(v, OnDevice) and v.dim()]
        if plain and func not in MAY_MIX:
            raise RuntimeError(f"Expected all tensors to be on the same device, {self.device} and cpu: {func}")
        by_mask = "index" in func.__name__ and any(
            isinstance(v, Tensor) and v.dtype in (torch.bool, torch.uint8) for v in flat[1:]
        )
        if func is aten.copy_.default and plain:
            if isinstance(flat[0], OnDevice):
                self.copies += 1
                if not (len(flat) > 2 and flat[2]):
                    self.waited("copy to the device")
            else:
                self.waited(func)
        elif func in WAIT or by_mask or (plain and func in MAY_MIX):  # indices of the host: copied, and waited for
            self.waited(func)

    def waited(self, what):
        calls, frame = [], sys._getframe(1)
        while frame:
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(ROOT) and path != Path(__file__) and ".venv" not in path.parts:
                calls.append(f"{path.relative_to(ROOT)}:{frame.f_code.co_name}")
            frame = frame.f_back
        self.waits.append(Wait(str(what), tuple(reversed(calls))))

    def put(self, value):
        """A tensor of the CPU as one of the device; anything else as it is."""
        if not isinstance(value, Tensor) or isinstance(value, OnDevice):
            return value
        if self.device.type == "mps" and value.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64")
        return OnDevice(value, self)

    def moved(self, tensor, device, dtype, memory_format, non_blocking=False):
        """``tensor.to(...)``, with a graph between the two; the host waits for it unless it says ``non_blocking``."""
        more = {} if memory_format is None else {"memory_format": memory_format}
        here = isinstance(tensor, OnDevice)
        if device is not None and torch.device(device).type == self.device.type:
            if not here:
                self.copies += 1
                if not non_blocking:
                    self.waited("copy to the device")
                tensor = ToDevice.apply(tensor.to(dtype=dtype or tensor.dtype, **more), self)
                return tensor
        elif device is not None and here:
            self.waited("copy to the host")
            return ToHost.apply(tensor.to(dtype=dtype or tensor.dtype, **more))
        return tensor.to(dtype=dtype or tensor.dtype, **more)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs, first = dict(kwargs or {}), args[0] if args else None
        here = isinstance(first, OnDevice)
        if func is Tensor.to:
            if len(args) > 1 and isinstance(args[1], Tensor):
                layout, at_once = kwargs.get("memory_format"), kwargs.get("non_blocking", False)
                return self.moved(first, args[1].device, args[1].dtype, layout, at_once)
            kwargs.pop("copy", None)
            device, dtype, at_once, memory_format = torch._C._nn._parse_to(*args[1:], **kwargs)
            return self.moved(first, device, dtype, memory_format, at_once)
        if func in (Tensor.cpu, Tensor.cuda):
            return self.moved(first, "cpu" if func is Tensor.cpu else self.device, None, None)
        if func in (Tensor.device.__get__, Tensor.is_cuda.__get__):
            return first.device if here and "device" in str(func) else here if here else func(*args, **kwargs)
        if here and func in (Tensor.numpy, Tensor.__array__):
            raise TypeError(f"can't convert {self.device} device type tensor to numpy; use Tensor.cpu() first")
        if here and func is Tensor.tolist:
            self.waited("tolist")
            return first.inner.tolist()
        if here and func is Tensor.pin_memory:
            raise RuntimeError("cannot pin a tensor of the device")
        if func is Tensor.pin_memory:
            return first
        if here and func is torch.nn.functional.one_hot:  # C++ makes an arange of the CPU
            made = torch.zeros(*first.shape, args[1] if len(args) > 1 else kwargs["num_classes"], dtype=torch.long)
            return self.put(made.scatter_(-1, first.inner.unsqueeze(-1), 1))
        device = kwargs.get("device")
        if device is not None and torch.device(device).type == self.device.type and func is not torch._C._nn._parse_to:
            return self.made_there(func, args, kwargs)
        return func(*args, **kwargs)

    def made_there(self, func, args, kwargs):
        """What a factory makes with ``device=``."""
        if func in (torch.tensor, torch.as_tensor, torch.asarray) and isinstance(args[0], Tensor):
            return self.moved(args[0], self.device, kwargs.get("dtype"), None)
        if func in (torch.tensor, torch.as_tensor, torch.asarray):
            self.waited("values of the host")
        wanted = kwargs.get("requires_grad", False)
        inner = [arg.inner if isinstance(arg, OnDevice) else arg for arg in args]  # zeros_like(x, device=...)
        made = self.put(
            func(
                *inner, **(kwargs | {"device": "cpu", "requires_grad": False} if wanted else kwargs | {"device": "cpu"})
            )
        )
        return made.requires_grad_() if wanted else made


class ToDevice(torch.autograd.Function):
    """A copy to the device, with its gradient."""

    @staticmethod
    def forward(ctx, tensor, place):
        return place.put(tensor.detach().clone())

    @staticmethod
    def backward(ctx, gradient):
        return gradient.inner if isinstance(gradient, OnDevice) else gradient, None


class ToHost(torch.autograd.Function):
    """A copy to the host, with its gradient."""

    @staticmethod
    def forward(ctx, tensor):
        ctx.place = tensor.place
        return tensor.detach().inner.clone()

    @staticmethod
    def backward(ctx, gradient):
        return ctx.place.put(gradient)
