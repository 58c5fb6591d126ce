"""Entropy of the learner's predicted class distribution, in nats (the paper's H)."""


def score(logits, labels):
    log_p = logits.log_softmax(dim=1)
    return -(log_p.exp() * log_p).sum(dim=1)
