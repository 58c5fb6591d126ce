"""Scores of informativeness, one file each: ``score(logits, labels) -> [B]``, higher = more wanted.

The contract is ``dp_common.contracts.Score``; a new score is one new file. A module that says ``BLIND = True`` does not
look at the learner: its ``score(uniforms)`` gets one uniform per image index instead, and cannot guide.
"""
