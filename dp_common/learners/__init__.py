"""Learners: the classifiers, one file each; the contract is ``dp_common.contracts.Learner``.

A file holds one public class, or one function, ``(classes, shape, **model_args) -> torch.nn.Module``. Any name of
timm's is a learner too, and ``learner=./net.py:Net`` takes yours; ``train.model_args.NAME=VALUE`` are its further
arguments.
"""
