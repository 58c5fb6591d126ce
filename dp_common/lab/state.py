"""What the lab knows after each call of a strategy, and what a call came to."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from dp_common.arrays import DecodedImages
from dp_common.config.specification import Budget
from dp_common.errors import Problem


class BudgetUnspent(Problem):
    """A strategy ended before its learner had seen the whole budget, so that it compares with no other."""


@dataclass(frozen=True)
class LabState:
    """How far a run is. The ledger's line of each call holds the state after it; all counts are images but for two."""

    size: int = 0  # in the training set
    seen: int = 0  # by the present learner, in training
    since: int = 0  # ``seen`` when the training set became what it is
    seen_total: int = 0  # by all learners
    iterations: int = 0  # of training, in all
    generated: int = 0  # made so far, which is the index of the next
    rounds: int = 0  # additions, the initial set among them
    frozen: bool = False  # is a copy of a learner kept?
    reference: bool = False  # is there a classifier trained on real images?
    information: int = 0  # what of the real world was seen so far: class I0 to I3 of docs/definitions.md
    consulted: int = 0  # real images that were seen of it

    def with_images(self, size: int, generated: int = 0) -> "LabState":
        """After an addition: the set has ``size`` images, and ``generated`` more were made for it."""
        made = self.generated + generated
        return replace(self, size=size, since=self.seen, generated=made, rounds=self.rounds + 1)

    def trained(self, images: int, batch: int) -> "LabState":
        """After training on so many images, whole batches."""
        iterations = self.iterations + images // batch
        return replace(self, seen=self.seen + images, seen_total=self.seen_total + images, iterations=iterations)

    def trained_apart(self, images: int, batch: int) -> "LabState":
        """After a reference was trained on so many images: paid, and no part of the learner's budget."""
        seen, iterations = self.seen_total + images, self.iterations + images // batch
        return replace(self, seen_total=seen, iterations=iterations, reference=True)

    def consulting(self, information: int, images: int) -> "LabState":
        """After something of class ``information`` was seen of ``images`` real images; sets are nested, so the largest
        counts.
        """
        known = replace(self, information=max(self.information, information))
        return replace(known, consulted=max(self.consulted, images))

    def restarted(self) -> "LabState":
        """With a fresh learner."""
        return replace(self, seen=0, since=0)

    def require_spent(self, budget: Budget) -> None:
        """Raise BudgetUnspent unless the present learner has seen all images of the budget: no run is done before."""
        if self.seen != budget.seen:
            raise BudgetUnspent(
                f"the strategy ended, and its learner saw {self.seen:,} of {budget.seen:,} images: "
                "call lab.cooldown() last"
            )

    def with_frozen_learner(self) -> "LabState":
        """With a copy of the learner kept."""
        return replace(self, frozen=True)


@dataclass
class AddedImages:
    """Images that a call added to the training set."""

    added: list[dict[str, Any]]  # {"file", "digest", "rows"} of each shard, or {"real": rows}
    used: list[str] = field(default_factory=list)  # files that the result is made of
    measured: dict[str, float] = field(default_factory=dict)  # means over the new images
    decoded: dict[str, DecodedImages] = field(default_factory=dict)  # by file, of what was made in this process


@dataclass
class Outcome:
    """What a call came to: its answer, the state after it, what it added and measured."""

    answer: Any
    state: LabState
    addition: AddedImages = field(default_factory=lambda: AddedImages([]))
    replaced: bool = False  # does the addition stand instead of what was in the training set?

    def line(self) -> dict[str, Any]:
        """The content of the call's line in the ledger."""
        return {
            "answer": self.answer,
            "state": asdict(self.state),
            "added": self.addition.added,
            "replaced": self.replaced,
            "used": self.addition.used,
            "measured": self.addition.measured,
        }


@dataclass(frozen=True)
class PendingCall:
    """A call of the strategy that is being worked on. ``key`` names all that decides what it makes, the weights
    included.
    """

    number: int
    digest: str  # of name and arguments
    key: str
