"""What a run looks at beside the learner's logits, in passes and images: references, heads, features, real images.

Read from what scores and selection rules say they need (``NEEDS``), without importing them. What is here and in no
price is named, so that an estimate says what it leaves out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dp_common.config import registry
from results.analysis.method_costs import FROM_THE_SET

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved

UNPRICED = {
    "density": "densities of the teacher",
    "exemplars": "distances to exemplars",
    "moments": "means and covariances of features",
    "peers": "distances to the set's images of the class",
}
EPISTEMIC, ITSELF = "training of epistemic heads", "what {key}={rule} itself computes"


@dataclass(frozen=True)
class Looks:
    """Beside the learner's own logits, which are counted elsewhere."""

    gradients: float = 0.0  # forwards and backwards of a classifier for each guided step of an image
    forwards: float = 0.0  # of a classifier for each scored image
    images: float = 0.0  # looked at once a call, in all: the training set, real images
    reference: float = 0.0  # seen in training a classifier of the real images
    unpriced: tuple[str, ...] = ()

    def text(self) -> str:
        """For people; empty where there is nothing."""
        said = []
        if self.reference:
            said.append(f"a reference sees {self.reference:,.0f} in training")
        if self.gradients:
            said.append(f"{self.gradients:g} more gradients of a classifier a guided step")
        if self.forwards:
            said.append(f"{self.forwards:g} more answers for each image scored")
        if self.images:
            said.append(f"{self.images:,.0f} looked at for features or answers")
        return "; ".join(said)


def needs_in(kind: str, name: str) -> frozenset[str]:
    """What a score or a selection rule says it needs, by its file."""
    return frozenset(registry.find(kind, name).constant("NEEDS", ()))


def looks_of(resolved: "Resolved", planned: Mapping[str, float], sizes: Mapping[str, int]) -> Looks:
    """What a run looks at.

    Args:
        resolved: the run.
        planned: what its strategy says it will do (``planned_work``).
        sizes: images of the task's splits, as far as they are known.
    """
    spec, classes = resolved.spec, resolved.budget.classes
    chosen, rules = [name for _, name, _ in resolved.scores], rules_of(resolved)
    guiding = union(needs_in("score", name) for _, name, guides in resolved.scores if guides and planned["guided"])
    scoring = union(needs_in("score", name) for name in chosen if planned["scored"])
    asked, calls = guiding | scoring, max(1, int(getattr(resolved.strategy, "additions", 1)))
    guided, scored = beside(resolved, guiding), beside(resolved, scoring)
    unpriced = [words for need, words in UNPRICED.items() if need in asked]
    images, of_set = 0.0, present(resolved, calls)
    if asked & set(FROM_THE_SET) or ("heads" in asked and spec.heads.source == "epistemic"):
        images += of_set
    if "heads" in asked and spec.heads.source == "epistemic":
        unpriced.append(EPISTEMIC)
    if "exemplars" in asked:
        images += calls * spec.exemplars.per_class * classes
    for key, needs in rules.items():
        scored += "features" in needs
        images += of_set * ("present" in needs)
        images += calls * classes * resolved.values.get(f"{key}_args.real_per_class", 0) * ("real" in needs)
        unpriced += [ITSELF.format(key=key, rule=resolved.values[key])] if needs else []
    if planned.get("anchored"):
        images += planned["anchored"] * sizes.get("train", 0)
        unpriced += [] if "train" in sizes else ["answers on all real images at each addition"]
    if planned.get("started"):
        unpriced.append("encoding of the images that are started from")
    trained = "reference" in asked and spec.reference.trained(resolved.teacher.knows_density)
    if "reference" in asked and not trained:
        unpriced.append(UNPRICED["density"])
    reference = spec.reference.images(spec.train.seen, spec.train.batch) if trained else 0
    return Looks(guided, scored, images, reference, tuple(dict.fromkeys(unpriced)))


def beside(resolved: "Resolved", needs: frozenset[str]) -> float:
    """Passes of a classifier for one image, beside the learner's own."""
    heads, passes = resolved.spec.heads, 0.0
    if "heads" in needs:
        passes += {"snapshots": heads.count - 1, "dropout": heads.count, "epistemic": 0}[heads.source]
    return passes + ("reference" in needs and resolved.spec.reference.trained(resolved.teacher.knows_density))


def present(resolved: "Resolved", calls: int) -> float:
    """Images in the training set when additions are made, in all."""
    strategy: Any = resolved.strategy
    initial, each = getattr(strategy, "initial", resolved.budget.scale), getattr(strategy, "per_round", 0)
    return float(sum(min(resolved.budget.scale, initial + k * each) for k in range(calls)))


def rules_of(resolved: "Resolved") -> dict[str, frozenset[str]]:
    """{key: what its selection rule needs} of a run's keys."""
    kinds = {key: plugin for key, plugin in resolved.plugins.items() if plugin.kind == "selection rule"}
    return {key: needs_in("selection rule", plugin.name) for key, plugin in kinds.items()}


def union(needs: Iterable[frozenset[str]]) -> frozenset[str]:
    """All of them."""
    return frozenset().union(*needs)
