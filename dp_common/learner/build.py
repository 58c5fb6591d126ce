"""Making the classifier: a learner plugin, or any of timm's models by its name, and whether it fits the task's
images.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch

from dp_common.arrays import Shape
from dp_common.config import registry
from dp_common.config.specification import Train
from dp_common.errors import BadInput, did_you_mean

WEIGHTS = ("pretrained", "checkpoint_path")  # arguments of timm's by which weights come
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
        return of_timm(name, model_args, shape, classes)
    factory = plugin.load()
    check_arguments(name, factory, model_args)
    return made(name, f"cannot be built for {shape} images", factory, classes, shape, **model_args)


def of_timm(name: str, model_args: Mapping[str, Any], shape: Shape, classes: int) -> torch.nn.Module:
    """As ``build``, of timm's; what keeps weights from being had or read has many types, and one meaning."""
    refusal = f"timm cannot build it for {shape} images"
    weights = next((argument for argument in WEIGHTS if model_args.get(argument)), None)
    try:
        return made(name, refusal, timm_model, classes, shape, name, **model_args)
    except BadInput as error:
        if not weights or not weights_are_why(error):
            raise
        why = error.allowed.removeprefix(f"{refusal}: ")
    except Exception as error:
        if not weights:
            raise
        why = registry.one_line(error)
    how = "; beforehand, where there is a network: " + (
        f'python -c "import timm; timm.create_model({name!r}, pretrained=True)"'
    )
    said = f"weights of learner={name} are not to be had or do not load: {' '.join(why.split())[:300].rstrip('.')}"
    key, value = f"train.model_args.{weights}", model_args[weights]
    raise BadInput(key, value, said + (how if weights == "pretrained" else ""))


def weights_are_why(error: BadInput) -> bool:
    """Is it weights that a network could not be built for, rather than another argument of it?"""
    return any(word in error.allowed for word in ("pretrained", "checkpoint", "state_dict", "weights"))


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


def check_fits(name: str, model_args: Mapping[str, Any], shape: Shape, classes: int) -> torch.nn.Module:
    """The network, which takes one image of ``shape`` and answers with one logit per class. Raises BadInput."""
    model = build(name, model_args, shape, classes).eval()
    try:
        with torch.no_grad():
            answer = tuple(model(torch.zeros(1, *shape)).shape)
    except (*REASONS, AttributeError, NotImplementedError) as error:
        raise BadInput("learner", name, f"cannot take {shape} images: {registry.one_line(error)}") from error
    if answer != (1, classes):
        raise BadInput("learner", name, f"answers with {answer}, not with {classes} logits an image")
    return model


def check_batch(model: torch.nn.Module, name: str, train: Train, shape: Shape, share: int) -> None:
    """Does the network train on the smallest batch it is going to get? BatchNorm wants two values of a channel.

    Args:
        model: what ``check_fits`` returned; its buffers are changed.
        name: of the learner.
        train: the recipe.
        shape: of the images.
        share: images of the smallest forward pass.

    Raises:
        BadInput: it does not.
    """
    try:
        model.train()(torch.zeros(min(share, 2), *shape))
    except (*REASONS, AttributeError, NotImplementedError) as error:
        key, value = ("train.micro", train.micro) if train.micro else ("train.batch", train.batch)
        by_ranks = "" if share == value else f", of which a rank gets {share} at a time"
        why = f"too few for learner={name}{by_ranks}: {registry.one_line(error)}"
        raise BadInput(key, value, why) from error
