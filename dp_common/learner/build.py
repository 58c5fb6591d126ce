"""Making the classifier: a learner plugin, or any of timm's models by its name, and whether it fits the task's
images.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch

from dp_common.arrays import Shape
from dp_common.config import registry
from dp_common.errors import BadInput, did_you_mean

REASONS = (TypeError, ValueError, AssertionError, RuntimeError)  # what a constructor says of arguments that do not do


def build(name: str, model_args: Mapping[str, Any], shape: Shape, classes: int) -> torch.nn.Module:
    """The network of a learner, its weights drawn from torch's present generator.

    Args:
        name: of a learner, or of a model of timm's.
        model_args: ``train.model_args``.
        shape: (channels, height, width) of the images.
        classes: logits of an image.

    Raises:
        BadInput: an unknown name, or arguments that do not fit.
    """
    plugin = registry.find("learner", name)
    if plugin.module == registry.TIMM:
        check_timm_name(name)
        return made(name, f"timm cannot build it for {shape} images", timm_model, classes, shape, name, **model_args)
    factory = plugin.load()
    check_arguments(name, factory, model_args)
    return made(name, f"cannot be built for {shape} images", factory, classes, shape, **model_args)


def made(
    name: str, refusal: str, factory: Callable[..., torch.nn.Module], *args: Any, **kwargs: Any
) -> torch.nn.Module:
    """What the factory makes. Raises BadInput with its reason."""
    try:
        model = factory(*args, **kwargs)
    except BadInput:
        raise
    except REASONS as error:
        raise BadInput("learner", name, f"{refusal}: {registry.one_line(error)}") from error
    if not isinstance(model, torch.nn.Module):
        raise BadInput("learner", name, f"makes a {type(model).__name__}, not a torch.nn.Module")
    return model


def check_arguments(name: str, factory: Callable[..., Any], model_args: Mapping[str, Any]) -> None:
    """Refuse arguments that a learner does not take. Raises BadInput."""
    try:
        parameters = list(inspect.signature(factory).parameters.values())
    except (TypeError, ValueError):
        return
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    taken = [p.name for p in parameters[2:] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for argument, value in model_args.items():
        if argument not in taken:
            takes = f"learner={name} takes {', '.join(taken) or 'no arguments'}"
            raise BadInput(f"train.model_args.{argument}", value, f"{takes}.{did_you_mean(argument, taken)}")


def check_timm_name(name: str) -> None:
    """Raise BadInput where timm knows no such model."""
    import timm

    if not timm.is_model(name):
        known = [*registry.plugins("learner"), *timm.list_models()]
        raise BadInput(
            "learner",
            name,
            f"one of {', '.join(registry.plugins('learner'))}, or a timm model name.{did_you_mean(name, known)}",
        )


def timm_model(classes: int, shape: Shape, name: str, **args: Any) -> torch.nn.Module:
    """A model of timm's for images of ``shape``; of one that takes images of any size (convolutional) none is said.

    Args:
        classes: logits of an image.
        shape: (channels, height, width).
        name: timm's.
        **args: of timm.create_model.
    """
    import timm

    args = dict(num_classes=classes, in_chans=shape[0]) | args
    try:
        return timm.create_model(name, img_size=shape[1:], **args)
    except TypeError as error:
        if "img_size" not in str(error):
            raise
        return timm.create_model(name, **args)


def check_fits(name: str, model_args: Mapping[str, Any], shape: Shape, classes: int) -> None:
    """Does the network take one image of ``shape`` and answer with one logit per class? Raises BadInput."""
    model = build(name, model_args, shape, classes).eval()
    try:
        with torch.no_grad():
            answer = tuple(model(torch.zeros(1, *shape)).shape)
    except (*REASONS, AttributeError, NotImplementedError) as error:
        raise BadInput("learner", name, f"cannot take {shape} images: {registry.one_line(error)}") from error
    if answer != (1, classes):
        raise BadInput("learner", name, f"answers with {answer}, not with {classes} logits an image")
