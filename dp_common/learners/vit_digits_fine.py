"""A learner of digits that sees finer patches, and is slower for it."""

from typing import Any

from torch.nn import Module

from dp_common.learner.build import timm_model


def vit_digits_fine(classes: int, shape: tuple[int, int, int], **model_args: Any) -> Module:
    """ViT of width 64 and depth 4 on 2x2 patches, 0.2 M parameters, for 8x8 images"""
    args = dict(patch_size=2, embed_dim=64, depth=4, num_heads=4) | model_args
    return timm_model(classes, shape, "vit_tiny_patch16_224", **args)
