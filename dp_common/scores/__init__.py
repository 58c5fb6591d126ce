"""Scores of informativeness, one file each: ``score(logits, labels) -> [B]``, higher = more wanted.

logits [B, C] fp32, labels [B] int64; differentiable in the logits, so that it can also guide. A module that says
``BLIND = True`` does not look at the learner: its ``score(uniforms)`` gets one uniform per image index instead, costs
no classifier evaluation and cannot guide. A new score is one new file.
"""
