"""The default learner of small photographs."""

from typing import Any

from torch.nn import Module

from dp_common.learner.build import timm_model


def resnet_small(classes: int, shape: tuple[int, int, int], **model_args: Any) -> Module:
    """ResNet-18 of stride 8 in place of 32, 11 M parameters, for images of about 32 pixels"""
    return timm_model(classes, shape, "resnet18", **dict(output_stride=8) | model_args)
