"""What a run asks for and cannot have, found without torch and before anything is made: what its scores and rules look
at, what its teacher can do, how many real images a class holds.

``check`` reads keys and plugins alone, so that ``--dry-run`` and sweeps know as much as a run does; ``check_counts``
wants the task's data too. What takes a network to find is in ``score_sources.check``.
"""

from collections.abc import Sequence
from typing import Any

from dp_common.config.resolve import Resolved
from dp_common.errors import BadInput
from dp_common.lab.patience import evaluations_before

BLIND = "a score that looks at the learner: this one has no gradient to follow"


def check(resolved: Resolved) -> None:
    """Refuse what no data and no network would change. Raises BadInput."""
    for key, name, guides in resolved.scores:
        plugin = resolved.plugins[key]
        if guides and plugin.constant("BLIND", False):
            raise BadInput(key, name, BLIND)
        check_needs(resolved, key, name, frozenset(plugin.constant("NEEDS", ())))
    check_teacher(resolved)


def check_needs(resolved: Resolved, key: str, name: str, needs: frozenset[str]) -> None:
    """Refuse a score whose ``needs`` this run cannot meet. Raises BadInput."""
    spec, teacher = resolved.spec, resolved.teacher
    known = f"a teacher whose density is known; {spec.teacher}'s is not"
    if "density" in needs and not teacher.knows_density:
        raise BadInput(key, name, f"it needs {known}")
    if "reference" in needs and spec.reference.source == "density" and not teacher.knows_density:
        raise BadInput("reference.source", "density", f"it needs {known}: classifier")
    if "heads" in needs and spec.heads.source == "snapshots":
        check_snapshots(resolved, key, name)
    if needs and spec.probe == "truth":
        raise BadInput("probe", "truth", f"not with {key}={name}, which looks at more than logits: none or hardness")


def check_snapshots(resolved: Resolved, key: str, name: str) -> None:
    """Refuse snapshots for a learner that is frozen, or for an addition before there are two. Raises BadInput."""
    strategy: Any = resolved.strategy
    others = "heads.source=dropout or epistemic"
    guidance = strategy.planned_guidance()
    if guidance and guidance.frozen and guidance.score == name:
        raise BadInput(key, name, f"by a frozen learner not with heads.source=snapshots: {others}")
    if getattr(strategy, "additions", 0) and evaluations_before(strategy, resolved.budget) < 2:
        interval = f"{resolved.plugins['strategy'].section}.interval"
        why = f"two evaluations on monitor before the first addition, since {key}={name} looks at two snapshots"
        raise BadInput(interval, strategy.interval, f"{why}; lower it, or {others}")


def check_teacher(resolved: Resolved) -> None:
    """Refuse a strategy that wants of its teacher what that cannot do. Raises BadInput."""
    spec, teacher, budget = resolved.spec, resolved.teacher, resolved.budget
    section, work = resolved.plugins["strategy"].section, resolved.strategy.planned_work(budget)
    if teacher.holds_images:
        if work.get("guided"):
            key = f"{section}.omega"
            key, value = (key, resolved.values[key]) if key in resolved.values else ("strategy", spec.strategy)
            raise BadInput(key, value, f"no guidance with teacher={spec.teacher}, whose images are made already")
        for what, said in (("started", "starts from images"), ("labelled", "chooses the classes of its images")):
            if work.get(what):
                deals = f"it {said}; teacher={spec.teacher} deals out those that it holds"
                raise BadInput("strategy", spec.strategy, deals)
    elif not teacher.encodes and work.get("started"):
        raise BadInput("strategy", spec.strategy, f"it starts from images, which teacher={spec.teacher} cannot encode")
    if spec.sampler.exact:
        for what, said in (("guided", "guides: omega=0 does not"), ("started", "starts from images")):
            if work.get(what):
                raise BadInput("sampler.exact", "yes", f"no with strategy={spec.strategy}, which {said}")


def check_counts(resolved: Resolved, counts: Sequence[int]) -> None:
    """Refuse more real images of a class than there are.

    Args:
        resolved: The run.
        counts: The task's real training images, class by class.

    Raises:
        BadInput: Naming the key.
    """
    spec, fewest = resolved.spec, min(counts, default=0)
    resolved.strategy.check_real(list(counts))
    for key, name, _ in resolved.scores:
        needs = resolved.plugins[key].constant("NEEDS", ())
        if "reference" in needs and spec.reference.trained(resolved.teacher.knows_density) and not sum(counts):
            raise BadInput(key, name, "its reference is trained on real images, and the task has none")
        if "exemplars" in needs and fewest < spec.exemplars.per_class:
            most = f"at most {fewest}, the real images of a class"
            raise BadInput("exemplars.per_class", spec.exemplars.per_class, most)
    for key, plugin in resolved.plugins.items():
        if plugin.kind == "selection rule" and "real" in plugin.constant("NEEDS", ()):
            wanted = resolved.values.get(f"{key}_args.real_per_class", 0)
            if wanted > fewest:
                raise BadInput(f"{key}_args.real_per_class", wanted, f"at most {fewest}, the real images of a class")


def looks_at_counts(resolved: Resolved) -> bool:
    """Would ``check_counts`` ask how many real images there are, beyond whether there are any?"""
    needs = {need for plugin in resolved.plugins.values() for need in plugin.constant("NEEDS", ())}
    own = type(resolved.strategy).check_real.__module__
    return bool(needs & {"exemplars", "real", "reference"}) or own != "dp_common.contracts.defaults"
