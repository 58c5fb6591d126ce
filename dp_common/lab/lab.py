"""The lab: the only hands a strategy has.

Everything readable here comes from journaled answers, never from the disk's later state; randomness only through
``rng``. So a strategy's ``run`` may be started from the top again after an interruption, and comes to the same end;
see replay.py.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from dp_common.diffusion.guidance import Guidance
from dp_common.errors import Problem
from dp_common.lab.choices import choices_of
from dp_common.lab.replay import Args, Replay
from dp_common.lab.score_sources import needs_of, reference_is_trained
from dp_common.lab.selection_rule import parameters_of, selection_rule
from dp_common.lab.work import LabWork
from dp_common.seeds import derive

SUPERSEDED = (
    "guide",
    "omega",
    "rule",
    "through",
    "every",
    "frozen",
)  # keywords of ``generate`` that ``Guidance`` holds


class Lab:
    """What a strategy may read and do.

    Attributes:
        budget: What may be planned with: ``scale``, ``seen``, ``batch``, ``classes``, ``stable``, all in images.
        seed: The run's.
        rng: A numpy Generator, the only source of chance.
        real_images: The teacher's own real training images there are.
    """

    def __init__(self, replay: Replay) -> None:
        self._run, self._replay, self._work = replay.run, replay, LabWork(replay)
        self.budget, self.seed, self.real_images = self._run.budget, self._run.spec.seed, len(self._run.data.real)
        self.rng = np.random.Generator(np.random.Philox(derive(self.seed, "strategy")))

    # ------------------------------------------------------------------ what a strategy may read

    @property
    def size(self) -> int:
        """Images in the training set."""
        return self._replay.state.size

    @property
    def room(self) -> int:
        """Images missing to the scale."""
        return max(0, self.budget.scale - self.size)

    @property
    def seen(self) -> int:
        """Images the present learner has seen in training."""
        return self._replay.state.seen

    @property
    def learning(self) -> bool:
        """Is there anything left of the stable phase of the budget? Nothing is added afterwards."""
        return self.seen < self.budget.stable

    @property
    def rounds(self) -> int:
        """Additions so far, the initial set not counted."""
        return max(0, self._replay.state.rounds - 1)

    # ------------------------------------------------------------------ what a strategy may do

    def generate(
        self,
        n: int,
        guidance: Guidance | None = None,
        labels: Sequence[int] | None = None,
        start: Sequence[int] | None = None,
        strength: float = 0.5,
        **superseded: Any,
    ) -> int:
        """Make ``n`` images with the next indices and add them to the training set.

        Args:
            n: How many, at most ``room``.
            guidance: What steers them; None: the plain sampler.
            labels: The class of each, [n]; None: each class in turn.
            start: Rows of the teacher's real images to start from (SDEdit), [n], whose labels count; None: from noise.
            strength: With ``start``, in (0, 1]: how much of it is made anew.
            superseded: Takes nothing; earlier keywords are answered with what stands for them now.

        Returns:
            n

        Raises:
            Problem: No room for so many, the stable phase is over, or what is chosen cannot be.
        """
        refuse_superseded(guidance, superseded)
        n = self._whole("generate", n)
        chosen = choices_of(n, labels, start, strength, self.budget.classes, self._run.data.real)
        teacher, name = self._run.models.teacher, self._run.spec.teacher
        if chosen.rows is not None and not teacher.encodes:
            raise Problem(f"generate: start=, and teacher {name} cannot encode images")
        if chosen.labels is not None and teacher.holds_images:
            raise Problem(f"generate: labels=, and teacher {name} deals out its images by class in turns")
        args = {"n": n, "guidance": guidance.as_record() if guidance else None, **chosen.record()}
        self._have_reference(guidance.score if guidance and guidance.omega else None)
        work = partial(self._work.generate, n=n, guidance=guidance, chosen=chosen)
        return self._replay.call("generate", args, work, reads_learner=guidance is not None)

    def select(
        self,
        pool: int,
        keep: int,
        score: str,
        balance: str = "class",
        replace: bool = False,
        rule: str = "top",
        parameters: Mapping[str, Any] | None = None,
        guidance: Guidance | None = None,
    ) -> int:
        """Make candidates, score them with the learner, and add those that a rule keeps to the training set.

        Candidates are paid for and never stored.

        Args:
            pool: How many candidates are made.
            keep: How many are added, at most ``room``.
            score: Name of the score; ties go to the lower index.
            balance: ``class``: the same number from each class, as far as candidates go; ``global``: the best overall.
            replace: The present training set joins the candidates, and only the kept ones remain.
            rule: Name of the selection rule; by default the highest scores are kept.
            parameters: Of the rule, by name.
            guidance: What steers the candidates; None: the plain sampler.

        Returns:
            keep

        Raises:
            Problem: No room for so many, fewer candidates than that, or the stable phase is over.
        """
        present = self.size if replace else 0
        keep = self._whole("select", keep, replaced=present)
        if keep > pool + present:
            raise Problem(f"select: keep={keep} of pool={pool}")
        args: Args = {"pool": int(pool), "keep": keep, "score": score, "balance": balance, "replace": replace}
        chosen_by = selection_rule(rule, parameters)
        if rule != "top":  # without it a call is what it was before there were rules, to the digest
            args |= {"rule": rule, "parameters": parameters_of(chosen_by)}
        if guidance:
            args |= {"guidance": guidance.as_record()}
        self._have_reference(score, guidance.score if guidance and guidance.omega else None)
        work = partial(self._work.select, int(pool), keep, score, balance, replace, chosen_by, guidance)
        return self._replay.call("select", args, work, reads_learner=True)

    def train(self, images: int, new_weight: float = 1.0) -> float:
        """Train on the present set, within the stable phase.

        Args:
            images: How many draws, about: whole iterations.
            new_weight: How many times as often an image of the newest addition is drawn as an older one.

        Returns:
            Accuracy on monitor, in [0, 1].

        Raises:
            Problem: Nothing is left of the stable phase, or the training set is empty.
        """
        batch = self.budget.batch
        n = min(-(-int(images) // batch) * batch, self.budget.stable - self.seen)
        if n <= 0 or not self.size:
            raise Problem(
                f"train: asked for {images} images with {self.budget.stable - self.seen} left of the stable phase "
                f"and {self.size} in the training set"
            )
        args: Args = {"n": n, "new_weight": new_weight}
        return self._replay.call("train", args, partial(self._work.train, **args))

    def cooldown(self) -> float:
        """Train to the end of the budget with a falling learning rate; returns accuracy on monitor, in [0, 1].

        Raises:
            Problem: Nothing is left of the budget, or the training set is empty.
        """
        if self.seen >= self.budget.seen or not self.size:
            raise Problem(
                f"cooldown: {self.budget.seen - self.seen} images are left of the budget, {self.size} are in the "
                "training set"
            )
        args: Args = {"n": self.budget.seen - self.seen}
        return self._replay.call("cooldown", args, partial(self._work.train, **args))

    def real(self, n: int, balance: str = "global") -> int:
        """Add ``n`` of the teacher's own real training images, at most all of them; returns how many.

        Args:
            n: How many, at most ``room``.
            balance: ``global``: by lot; ``class``: the same number from each class, as far as there are.

        Raises:
            Problem: No room for so many, the stable phase is over, or there is no such balance.
        """
        if balance not in ("class", "global"):
            raise Problem(f"real: balance={balance}: class or global")
        n = min(self._whole("real", n), self.real_images)
        drawn = {} if balance == "global" else {"balance": balance}  # as it was written down before there was a choice
        return self._replay.call("real", {"n": n, **drawn}, partial(self._work.real, n=n, drawn=drawn))

    def restart(self) -> None:
        """A fresh learner, with the seed's own initial weights and the whole budget before it.

        What the last one saw stays paid for.
        """
        return self._replay.call("restart", {}, self._work.restart)

    def freeze(self) -> None:
        """Keep a copy of the learner as it is now, for ``Guidance(frozen=True)``."""
        return self._replay.call("freeze", {}, self._work.freeze)

    def errors(self) -> list[float]:
        """The learner's error on monitor, class by class, in [0, 1]; paid for as an evaluation."""
        return self._replay.call("errors", {}, self._work.errors)

    def anchors(self, n: int, which: str = "wrong") -> list[int]:
        """At most ``n`` rows of the teacher's real training images, for ``generate(start=)``.

        Args:
            n: How many.
            which: ``wrong`` or ``right``: by the learner's answer; ``slow``: whose answers of the class have the higher
                loss; ``random``.

        Raises:
            Problem: There is no such choice.
        """
        args: Args = {"n": int(n), "which": which}
        return self._replay.call("anchors", args, partial(self._work.anchors, **args))

    # ------------------------------------------------------------------ before a call

    def _whole(self, call: str, n: int, replaced: int = 0) -> int:
        room = self.room + replaced
        if not self.learning:
            raise Problem(f"{call}: the stable phase is over, and nothing is added in the cool-down")
        if not 0 < n <= room:
            raise Problem(f"{call}: asked for {n} images with room for {room}")
        return int(n)

    def _have_reference(self, *scores: str | None) -> None:
        """Where one of these scores needs a classifier of the real images that is not there yet, a call trains it."""
        asked = "reference" in needs_of(*(score for score in scores if score))
        if (
            asked
            and not self._replay.state.reference
            and reference_is_trained(self._run.spec, self._run.models.teacher)
        ):
            self._replay.call("reference", {}, self._work.reference)


def refuse_superseded(guidance: object, superseded: dict[str, Any]) -> None:
    """Raise Problem where ``generate`` is called as it was before guidance was one value."""
    unknown = [name for name in superseded if name not in SUPERSEDED]
    if unknown:
        raise TypeError(f"Lab.generate() got an unexpected keyword argument {unknown[0]!r}")
    if superseded or not (guidance is None or isinstance(guidance, Guidance)):
        given = ", ".join(f"{name}=" for name in superseded) or f"guidance={guidance!r}"
        raise Problem(
            f"lab.generate(n, {given}): guidance is one value now, from dp_common.diffusion.guidance: "
            "lab.generate(n, guidance=Guidance(score, omega, rule, through, every, frozen))"
        )
