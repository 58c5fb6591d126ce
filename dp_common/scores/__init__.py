"""Scores, one file each: how much an image is wanted, higher = more (``dp_common.contracts.Score``).

score(logits, labels) -> [B]                     each row by itself, differentiable: it guides and it selects
NEEDS = ("reference",)                           score(logits, labels, *, reference): what it looks at beside them
BLIND = True                                     score(uniforms): it looks at no learner, and cannot guide
"""
