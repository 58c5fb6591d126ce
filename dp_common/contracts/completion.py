"""Completing a plugin when it is loaded: what it cannot be without is asked for, what it leaves out is given to it."""

import inspect
from collections.abc import Mapping
from typing import Any

from dp_common.contracts.defaults import (
    ScoreDefaults,
    SelectionRuleDefaults,
    StrategyDefaults,
    TaskDefaults,
    TeacherDefaults,
)
from dp_common.errors import BadInput
from dp_common.progress import note

REQUIRED = {  # members a plugin cannot be without, as one writes them
    "strategy": {"run": "run(lab)"},
    "teacher": {
        "prepare": "prepare(task, device)",
        "denoise": "denoise(x, t, labels)",
        "decode": "decode(x0)",
        "fingerprint": "fingerprint(task)",
    },
    "task": {"load": "load(split)", "fingerprint": "fingerprint()"},
    "score": {"score": "score(logits, labels)"},
    "guidance rule": {"step": "step(x, x0, eps, g, alpha, omega, every)"},
}
INSTEAD = {"teacher": ("stored", ("denoise", "decode"))}  # who has the first needs none of the others
AFTERWARDS = {  # attributes that are there once it is prepared or loaded
    "teacher": ("latent_shape", "alphas_cumprod"),
    "task": ("train", "monitor", "test", "classes", "shape"),
}
DEFAULTS = {
    "strategy": StrategyDefaults,
    "teacher": TeacherDefaults,
    "task": TaskDefaults,
    "score": ScoreDefaults,
    "selection rule": SelectionRuleDefaults,
}
FORMER = {  # what optional members were called once
    "strategy": {"settle": "resolve_defaults", "forecast": "planned_work"},
    "teacher": {"truth": "density_diagnostics"},
}
DERIVED: dict[str, dict[str, tuple[str, ...]]] = {  # flags that say whether a class has members of its own
    "teacher": {
        "preview": ("decode_guided",),
        "encodes": ("encode",),
        "tempers": ("denoise_tempered",),
        "knows_density": ("density_diagnostics", "log_density", "exact"),
        "holds_images": ("stored",),
    },
    "selection rule": {"streams": ("keys",), "chooses": ("choose",), "measures": ("measure",)},
}
# beside logits
SCORES_MAY_NEED = ("reference", "heads", "features", "moments", "memory", "peers", "density", "exemplars")
RULES_MAY_NEED = ("features", "present", "real")  # beside scores
CONTRACT = {"guidance rule": "GuidanceRule", "selection rule": "SelectionRule"}  # else the kind itself, capitalised


def complete(kind: str, name: str, plugin: Any) -> Any:
    """A plugin with every member of its contract: what it leaves out is set to the defaults of its kind, in place.

    Args:
        kind: of the registry.
        name: of the plugin, for errors and notes.
        plugin: its class, module or function.

    Raises:
        BadInput: a member is missing that has no default.
    """
    for old, new in FORMER.get(kind, {}).items():
        if hasattr(plugin, old) and not hasattr(plugin, new):
            note(f"{kind}={name}: `{old}` is called `{new}` by now, and is taken for it")
            setattr(plugin, new, getattr(plugin, old))
    defaults = {key: value for key, value in vars(DEFAULTS.get(kind, object)).items() if not key.startswith("__")}
    replacing, replaced = INSTEAD.get(kind, ("", ()))
    spared = replaced if has_own(plugin, replacing, defaults) else ()
    for member, signature in REQUIRED.get(kind, {}).items():
        there = has_own(plugin, member, defaults) and callable(getattr(plugin, member))
        if not there and member not in spared:
            raise BadInput(kind, name, f"has no {signature}; the contract is {contract(kind)}")
    for flag, members in DERIVED.get(kind, {}).items():
        if not has_own(plugin, flag, defaults):
            setattr(plugin, flag, all(has_own(plugin, member, defaults) for member in members))
    for member, default in defaults.items():
        if not hasattr(plugin, member) and member not in fields_of(plugin):
            setattr(plugin, member, default)
    if kind == "selection rule" and not (plugin.streams or plugin.chooses):
        methods = "keys(scores, labels, uniforms) or choose(scores, labels, uniforms, keep)"
        raise BadInput(kind, name, f"has neither {methods}; the contract is {contract(kind)}")
    if kind == "selection rule" and (odd := sorted(set(plugin.NEEDS) - set(RULES_MAY_NEED))):
        raise BadInput(kind, name, f"NEEDS {odd[0]}; a rule may need {', '.join(RULES_MAY_NEED)}")
    if kind == "selection rule" and plugin.NEEDS and plugin.streams:
        raise BadInput(kind, name, f"NEEDS {plugin.NEEDS[0]}, and streams: only choose() is given it")
    if kind == "selection rule" and "real" in plugin.NEEDS and "real_per_class" not in fields_of(plugin):
        raise BadInput(kind, name, "NEEDS real, and has no field real_per_class")
    if kind == "score" and (unknown := sorted(set(plugin.NEEDS) - set(SCORES_MAY_NEED))):
        raise BadInput(kind, name, f"NEEDS {unknown[0]}; a score may need {', '.join(SCORES_MAY_NEED)}")
    refuse_signature(kind, name, plugin)
    if kind == "learner" and not callable(plugin):
        raise BadInput(kind, name, f"is no class or function; the contract is {contract(kind)}")
    return plugin


def refuse_signature(kind: str, name: str, plugin: Any) -> None:
    """Raise BadInput for a score or guidance rule that cannot be called as its contract says."""
    blind, needs = getattr(plugin, "BLIND", False), getattr(plugin, "NEEDS", ())
    calls = {"score": ("score", 1 if blind else 2, needs), "guidance rule": ("step", 7, ())}
    member, places, named = calls.get(kind, ("", 0, ()))
    try:
        signature = inspect.signature(getattr(plugin, member)) if member else None
    except (TypeError, ValueError):  # of something compiled
        return
    try:
        if signature:
            signature.bind(*range(places), **dict.fromkeys(named))
    except TypeError as error:
        called = REQUIRED[kind][member].removesuffix(")") if not blind else "score(uniforms"
        wanted = (
            f"is called as {', '.join([called, *(f'{need}=' for need in named)])}), which it does not take: {error}"
        )
        raise BadInput(kind, name, f"{wanted}; the contract is {contract(kind)}") from None


def has_own(plugin: Any, member: str, defaults: Mapping[str, Any]) -> bool:
    """Does the plugin have a member that is not the default one?"""
    return hasattr(plugin, member) and (member not in defaults or getattr(plugin, member) is not defaults[member])


def fields_of(plugin: Any) -> Mapping[str, Any]:
    """Dataclass fields by name; an instance has them although the class may not."""
    return getattr(plugin, "__dataclass_fields__", {})


def contract(kind: str) -> str:
    """Where the contract of a kind stands."""
    return f"dp_common.contracts.{CONTRACT.get(kind, kind.capitalize())}"


def require_images(name: str, task: Any) -> None:
    """Raise BadInput where the images or labels of a loaded task are not as the contract has them: the first image of
    each split is looked at, and all labels.
    """
    import numpy as np

    for part in ("train", "monitor", "test"):
        split = getattr(task, part)
        first, labels = np.asarray(split.read(np.arange(min(1, len(split))))), np.asarray(split.labels)
        why, last = "", len(task.classes) - 1
        if first.dtype != np.uint8 or (len(split) and first.shape[1:] != tuple(task.shape)):
            why = f"images are {first.dtype} {first.shape[1:]}, uint8 {tuple(task.shape)} are wanted"
        elif len(labels) and not (labels.min() >= 0 and labels.max() <= last):
            why = f"labels are {labels.min()}..{labels.max()}, 0..{last} are wanted"
        if why:
            raise BadInput("task", name, f"{part}: {why}; the contract is {contract('task')}")


def require_ready(kind: str, name: str, plugin: Any) -> None:
    """Raise BadInput where a loaded task or a prepared teacher lacks what it must have by then."""
    held = kind == "teacher" and getattr(plugin, "holds_images", False)
    for member in ("stored_counts",) if held else AFTERWARDS[kind]:
        if not hasattr(plugin, member):
            done = "prepare" if kind == "teacher" else "load"
            raise BadInput(kind, name, f"has no {member} after {done}; the contract is {contract(kind)}")
