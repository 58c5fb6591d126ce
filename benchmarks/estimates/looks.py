"""What scores and selection rules look at beside logits, as estimates count it: passes, and a reference's training.

It is read from their files without importing them, which would import torch.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved


@dataclass(frozen=True)
class Looks:
    """Beside one pass of the learner for each image: in passes of a network of its size."""

    guiding: float = 0.0  # more at each guided step of an image, forwards and backwards
    scoring: float = 0.0  # more for each candidate, forwards; -1: none at all, by a score that looks at no learner
    once: float = 0.0  # images looked at once a call, forwards: of the set, or real ones
    reference: float = 0.0  # images that a reference sees in its training


def looks_of(resolved: "Resolved") -> Looks:
    """Those of a run, by the scores and the rule that its keys name."""
    spec, strategy = resolved.spec, resolved.strategy
    needs = {key: set(resolved.plugins[key].constant("NEEDS", ())) for key, _, _ in resolved.scores}
    guiding = [needs[key] for key, _, guides in resolved.scores if guides]
    rules = [plugin for plugin in resolved.plugins.values() if plugin.kind == "selection rule"]
    of_rules = set().union(*(plugin.constant("NEEDS", ()) for plugin in rules))
    all_needs = set().union(*needs.values())
    trained = "reference" in all_needs and reference_is_trained(resolved)
    blind = bool(needs) and all(resolved.plugins[key].constant("BLIND", False) for key in needs)
    calls = getattr(strategy, "additions", 1)
    of_set = bool(all_needs & {"moments", "memory"}) or ("heads" in all_needs and spec.heads.source == "epistemic")
    sizes = getattr(strategy, "initial", 0) + spec.scale - getattr(strategy, "per_round", 0)  # first and last, summed
    present = sizes / 2 if of_set or "present" in of_rules else 0.0
    real = spec.exemplars.per_class * ("exemplars" in all_needs)
    real += resolved.values.get("prune.rule_args.real_per_class", 0) * ("real" in of_rules)
    return Looks(
        guiding=max((passes(resolved, each) for each in guiding), default=0.0),
        scoring=max((passes(resolved, each) for each in needs.values()), default=0.0)
        - blind
        + ("features" in of_rules),
        once=calls * (present + real * resolved.budget.classes),
        reference=float(spec.reference.seen or spec.train.seen // 4) if trained else 0.0,
    )


def passes(resolved: "Resolved", needs: set[str]) -> float:
    """More than the learner's own, for an image that a score looks at."""
    heads = resolved.spec.heads
    more = {"snapshots": heads.count - 1, "dropout": heads.count, "epistemic": 0}[heads.source]
    return float(("reference" in needs and reference_is_trained(resolved)) + more * ("heads" in needs))


def reference_is_trained(resolved: "Resolved") -> bool:
    """Is it a classifier? As ``dp_common.lab.score_sources`` has it, without torch."""
    source = resolved.spec.reference.source
    return source == "classifier" or (source == "auto" and not resolved.teacher.knows_density)
