"""The default learner of digits."""

from typing import Any

from torch.nn import Module

from dp_common.learner.build import timm_model


def vit_digits(classes: int, shape: tuple[int, int, int], **model_args: Any) -> Module:
    """ViT of width 64 and depth 2 on 4x4 patches, 0.1 M parameters, for 8x8 images"""
    args = dict(patch_size=4, embed_dim=64, depth=2, num_heads=4) | model_args
    return timm_model(classes, shape, "vit_tiny_patch16_224", **args)
