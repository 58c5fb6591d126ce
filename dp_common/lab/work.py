"""The work behind the calls of a lab: each comes to an outcome, which replay.py journals."""

from functools import partial

import numpy as np

from dp_common.contracts import SelectionRule
from dp_common.diffusion.guidance import Guidance
from dp_common.diffusion.guidance_step import GuidanceStep
from dp_common.errors import Problem
from dp_common.lab.addition_writer import AdditionWriter
from dp_common.lab.anchors import anchors
from dp_common.lab.choices import Choices
from dp_common.lab.generate import GeneratedAddition
from dp_common.lab.reference import train_reference
from dp_common.lab.replay import Replay
from dp_common.lab.rule_sources import RuleSources
from dp_common.lab.score_sources import ScoreSources, informs, needs_of
from dp_common.lab.select import SelectedAddition
from dp_common.lab.state import AddedImages, LabState, Outcome, PendingCall
from dp_common.learner.training_loop import Stretch, train


class LabWork:
    """What the calls do, on the run and the state of a replay."""

    def __init__(self, replay: Replay) -> None:
        self.run, self.replay = replay.run, replay

    def _writer(self, call: PendingCall, omega: float = 0.0) -> AdditionWriter:
        return AdditionWriter(self.run, call, self.replay.state.rounds, omega, self.replay.break_off)

    def _steered(self, guidance: Guidance | None) -> tuple[GuidanceStep | None, ScoreSources]:
        """The step hook of a guidance, None for the plain sampler; and what scores look at."""
        models, replay = self.run.models, self.replay
        if guidance and guidance.frozen and not replay.state.frozen:
            raise Problem("generate: Guidance(frozen=True) needs a learner that lab.freeze() has kept")
        model = replay.kept.frozen if guidance and guidance.frozen else None
        sources = ScoreSources(self.run, replay.kept, model)
        if not guidance or not guidance.omega:
            return None, sources
        with self.run.io.meter.phase("guided"):
            scorer = sources.scorer(guidance.score) if needs_of(guidance.score) else None
        return models.sampler.guidance_step(guidance, models.learner, model, scorer), sources

    def _informed(self, state: LabState, *scores: str) -> LabState:
        """After scores were asked, some of which know real images."""
        needs, real = needs_of(*scores), len(self.run.data.real)
        state = state.consulting(1, real) if informs(needs) else state
        shown = self.run.spec.exemplars.per_class * self.run.budget.classes
        return state.consulting(2, shown) if "exemplars" in needs else state

    def generate(self, call: PendingCall, n: int, guidance: Guidance | None, chosen: Choices) -> Outcome:
        """Images by the plain sampler, or steered."""
        state, models, omega = self.replay.state, self.run.models, guidance.omega if guidance else 0.0
        step, sources = self._steered(guidance)
        said = guidance.score if guidance and state.seen else None
        scored_by = said if said and (omega or not needs_of(said)) else None
        scorer = sources.scorer(scored_by) if scored_by and needs_of(scored_by) else None
        addition = GeneratedAddition(
            self._writer(call, omega), models, step, scored_by, sources.model, scorer, chosen
        ).make(state.generated, n)
        after = state.with_images(self.replay.state.size + n, generated=n)
        after = self._informed(after, *([guidance.score] if guidance and omega else []))
        after = after.consulting(3, len(np.unique(chosen.rows))) if chosen.rows is not None else after
        return Outcome(n, after, addition)

    def select(
        self,
        pool: int,
        keep: int,
        score: str,
        balance: str,
        replace: bool,
        rule: SelectionRule,
        guidance: Guidance | None,
        call: PendingCall,
    ) -> Outcome:
        """Candidates, and those that a rule keeps."""
        state = self.replay.state
        step, sources = self._steered(guidance)
        scoring = sources if sources.model is None else ScoreSources(self.run, self.replay.kept)
        with self.run.io.meter.phase("score"):
            scorer = scoring.scorer(score) if needs_of(score) else None
        per_class = getattr(rule, "real_per_class", 0)
        selected = SelectedAddition(
            self._writer(call, guidance.omega if guidance else 0.0),
            score,
            balance,
            rule,
            replace and self.replay.state.size > 0,
            scorer,
            step,
            RuleSources(rule.NEEDS, per_class, scoring, call.number) if rule.NEEDS else None,
        )
        addition = selected.make(state.generated, pool, keep)
        after = state.with_images(keep if replace else self.replay.state.size + keep, generated=pool)
        asked = [score, *([guidance.score] if guidance and guidance.omega else [])]
        if "real" in rule.NEEDS:
            after = after.consulting(2, min(per_class * self.run.budget.classes, len(self.run.data.real)))
        return Outcome(keep, self._informed(after, *asked), addition, replaced=replace)

    def train(self, call: PendingCall, n: int, new_weight: float = 1.0) -> Outcome:
        """A stretch of training, then accuracy on monitor."""
        run, state, replay = self.run, self.replay.state, self.replay
        io, learner, end, iterations = (
            run.io,
            run.models.learner,
            self.replay.state.seen + n,
            n // self.run.budget.batch,
        )
        position, loss = replay.training_begun(self.replay.state.seen)
        stretch = Stretch(position, end, state.since, new_weight, loss)
        pause = partial(replay.in_training, digest=call.digest)
        with io.meter.phase("train"):
            mean_loss = train(io, learner, run.data.training_set, stretch, pause) / iterations
        replay.weights_changed()
        if run.snapshots:
            with io.meter.phase("score"):
                replay.kept.keep_snapshot(learner, run.snapshots)
        with io.meter.phase("monitor"):
            accuracy = float(learner.correct(run.data.monitor).mean())
            io.meter.count(monitor_evaluations=len(run.data.monitor))
        io.progress.report(seen=end, size=self.replay.state.size, accuracy=accuracy)
        measured = AddedImages([], measured={"loss": mean_loss, "monitor": accuracy})
        return Outcome(accuracy, state.trained(n, self.run.budget.batch), measured)

    def real(self, call: PendingCall, n: int, drawn: dict[str, str]) -> Outcome:
        """The teacher's own real images."""
        state = self.replay.state.with_images(self.replay.state.size + n).consulting(2 if drawn else 3, n)
        return Outcome(n, state, AddedImages([{"real": n, **drawn}]))

    def errors(self, call: PendingCall) -> Outcome:
        """Error on monitor, class by class."""
        run, labels = self.run, np.asarray(self.run.data.monitor.labels)
        with run.io.meter.phase("monitor"):
            wrong = ~run.models.learner.correct(run.data.monitor)
            run.io.meter.count(monitor_evaluations=len(labels))
        counts = np.bincount(labels, minlength=self.run.budget.classes)
        errors = np.bincount(labels, weights=wrong, minlength=self.run.budget.classes) / np.maximum(counts, 1)
        return Outcome(errors.tolist(), self.replay.state)

    def anchors(self, call: PendingCall, n: int, which: str) -> Outcome:
        """Rows of real images."""
        rows = anchors(self.run, n, which, call.number)
        seen = len(rows) if which == "random" else len(self.run.data.real)
        return Outcome(rows.tolist(), self.replay.state.consulting(3, seen))

    def reference(self, call: PendingCall) -> Outcome:
        """A classifier of the real images is trained."""
        run, replay = self.run, self.replay
        with run.io.meter.phase("train"):
            begun, unfinished = replay.training_begun(0), replay.kept.unfinished
            replay.kept.unfinished, pause = None, partial(replay.in_training, digest=call.digest)
            replay.kept.reference, seen, loss = train_reference(run, pause, begun, unfinished)
        replay.weights_changed()
        state = replay.state.trained_apart(seen, self.run.budget.batch).consulting(1, len(self.run.data.real))
        return Outcome(None, state, AddedImages([], measured={"reference_loss": loss}))

    def restart(self, call: PendingCall) -> Outcome:
        """The seed's own initial weights."""
        self.run.models.learner.reset()
        self.replay.kept.snapshots = []
        self.replay.weights_changed()
        return Outcome(None, self.replay.state.restarted())

    def freeze(self, call: PendingCall) -> Outcome:
        """A copy of the learner."""
        learner, replay = self.run.models.learner, self.replay
        replay.kept.frozen = learner.model_of(learner.frozen_copy())
        replay.weights_changed()
        return Outcome(None, replay.state.with_frozen_learner())
