"""What a method costs beside plain images, training and one classifier that answers: by what its score and its rule
say they need (``NEEDS``), what the ledger counted of it, and unit costs by score.

``benchmarks.speed suite=methods`` measures, all beside ``guided.entropy``, an image that is guided at every step:

    guided.<score>[.density|.classifier|.snapshots5|.epistemic5]    by another score: what it takes more is its own
    ruled.<rule>                                                    by another rule
    scored.<score>.density                                          a candidate, beside ``scored.entropy``
    around.<score>[.epistemic5]                                     what is made once a call, per image of the set
    chosen.<rule>                                                   a candidate, by a rule that looks at features
    exact.plain                                                     a draw of the density itself

Further passes of a classifier (snapshots, dropout, a reference that was trained) are counted by the ledger, so that one
of them has a price, whatever the number of heads. Scores that look at logits alone cost what entropy does. What is
needed and was not measured is an error of that run, told by name: nothing is priced as entropy that is not.
"""

from collections.abc import Mapping
from typing import Any

from dp_common.config import registry
from dp_common.config.specification import Sampler
from dp_common.errors import BadInput
from results.analysis.arms_of_old_ledgers import parameters

ENTROPY, SCORED, EXACT, RELATIVE = "guided.entropy", "scored.entropy", "exact.plain", "relative.denoiser.every1"
PASSES = {"guided.learnability.classifier": 1, "guided.bald.snapshots5": 4}  # further passes a step that are in them
FROM_THE_SET = ("moments", "memory", "peers")  # made of the present training set, once a call


class Missing(Exception):
    """A unit cost that is needed, and that a file does not have: its name."""


class Units:
    """Unit costs by method of one file, at the speed at which its teacher was measured.

    Args:
        seconds: {item: seconds a unit} of the whole file.
        guided: the item of a teacher's images guided by entropy at every step; what suite=methods says is taken by its
            ratio to the same thing there, so that it may have been measured at another time.
    """

    def __init__(self, seconds: Mapping[str, float], guided: str) -> None:
        self.seconds = seconds
        there = seconds.get(ENTROPY)
        self.speed = seconds[guided] / there if there and guided in seconds else 1.0

    def of(self, item: str) -> float:
        """Seconds a unit. Raises Missing."""
        if item not in self.seconds:
            raise Missing(item)
        return self.speed * self.seconds[item]

    def step_more(self, item: str) -> float:
        """What a guided step of an image takes more than by entropy, seconds. Raises Missing."""
        return (self.of(item) - self.of(ENTROPY)) / Sampler().steps

    def classifier_pass(self) -> float:
        """One more classifier, forwards and backwards, for an image at a step. Raises Missing."""
        known = [item for item in PASSES if item in self.seconds]
        if not known:
            raise Missing(next(iter(PASSES)))
        return self.step_more(known[0]) / PASSES[known[0]]


def needs_of(kind: str, name: str) -> frozenset[str]:
    """What a score or a selection rule says it needs. Raises Missing where its file is not here."""
    try:
        return frozenset(registry.find(kind, name).constant("NEEDS", ()))
    except BadInput as error:
        raise Missing(f"{kind} {name}, whose file is not here") from error


def suffix_of(values: Mapping[str, Any], needs: frozenset[str]) -> str:
    """What stands behind a score's name in its items: by what its reference or its heads are."""
    if "reference" in needs:
        return ".density" if by_density(values) else ".classifier"
    return f".{values['heads.source']}" if "heads" in needs else ""


def by_density(values: Mapping[str, Any]) -> bool:
    """Is a run's reference the density of its teacher? Of the project's own teachers the mixture has one."""
    source = values.get("reference.source", "auto")
    return source == "density" or (source == "auto" and values["teacher"] == "mixture")


def is_passes(values: Mapping[str, Any], needs: frozenset[str]) -> bool:
    """Are all that it needs further passes of classifiers, which the ledger counts?"""
    known = {"reference": not by_density(values), "heads": values.get("heads.source") in ("snapshots", "dropout")}
    return all(known.get(need, False) for need in needs)


def of_guidance(row: Mapping[str, Any], steps: float, units: Units) -> float:
    """Seconds that a run's guided ``steps`` of images took more than by entropy. Raises Missing."""
    score = parameters(row["values"]).get("score", "entropy")
    needs = needs_of("score", score)
    if not needs or not steps:
        return 0.0
    if is_passes(row["values"], needs):
        return max(0.0, row["gradients"] - steps) * units.classifier_pass()
    return steps * units.step_more(item_of(f"guided.{score}{suffix_of(row['values'], needs)}", units))


def of_scoring(row: Mapping[str, Any], units: Units) -> float:
    """Seconds that scoring images by a density took, beside the passes that the ledger counts. Raises Missing."""
    score = parameters(row["values"]).get("score", "entropy")
    images = min(scored_images(row), row["classifier_evaluations"] - row["gradients"])
    needs = needs_of("score", score) if images > 0 else frozenset()
    if not ("density" in needs or ("reference" in needs and by_density(row["values"]))):
        return 0.0
    return images * max(0.0, units.of(f"scored.{score}{suffix_of(row['values'], needs)}") - units.of(SCORED))


def of_sets(row: Mapping[str, Any], units: Units, forward: float) -> float:
    """Seconds of what was made of the present set once a call, its passes left out, which the ledger counts; by
    ``forward`` seconds each. Raises Missing.
    """
    values = row["values"]
    score = parameters(values).get("score", "entropy")
    images = sum(before for one, before in with_sets(row) if one["call"] == "select" or one["omega"])
    needs = needs_of("score", score) if images else frozenset()
    heads = "heads" in needs and values["heads.source"] == "epistemic"
    if not needs & set(FROM_THE_SET) and not heads:
        return 0.0
    item = item_of(f"around.{score}{suffix_of(values, needs) if heads else ''}", units)
    return images * max(0.0, units.of(item) - forward)


def of_rule(row: Mapping[str, Any], units: Units) -> float:
    """Seconds that a selection rule took to choose, where it looks at more than scores. Raises Missing."""
    own = parameters(row["values"])
    images = 0 if "omega" in own else scored_images(row)  # where there is one, the rule is that of guidance
    if not images or not needs_of("selection rule", own.get("rule", "top")):
        return 0.0
    return images * units.of(f"chosen.{own['rule']}")


def with_sets(row: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], int]]:
    """(addition, images in the set before it) of a run; of a ledger without sizes none is known, and it is 0."""
    sizes = [0, *(one.get("size", 0) for one in row["additions"])]
    return list(zip(row["additions"], sizes))


def scored_images(row: Mapping[str, Any]) -> int:
    """Images that selections chose from: candidates that were made, and the present set where it was replaced."""
    selects = [(one, before) for one, before in with_sets(row) if one["call"] == "select"]
    made = row["images_generated"] - sum(one["images"] for one in row["additions"] if one["call"] == "generate")
    present = sum(before for one, before in selects if before and one.get("size", before) < before + one["images"])
    return made + present if selects else 0


def item_of(name: str, units: Units) -> str:
    """An item by its name, or by that and the number of heads it was measured with: epistemic ones share a pass."""
    return next((item for item in units.seconds if item == name or item.rstrip("0123456789") == name), name)
