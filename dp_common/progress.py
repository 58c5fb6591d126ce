"""What a person sees of a run: bars with rate and ETA on a terminal, a line per tenth of the budget elsewhere.

And never silence: while a ``pulse`` is on, every ``EVERY`` seconds without a line one says what is being ``doing``,
since when, and how far it is; the first of each kind of work after ``FIRST`` seconds, so that a rate is known early.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

EVERY = 30.0  # seconds of silence at most
FIRST = 5.0  # seconds after which a kind of work is reported for the first time


class Work:
    """Something that is being done, and how far it is.

    Args:
        name: what, as people read it: "generate", "loading the data".
        total: of images; None: they are not counted.
    """

    def __init__(self, name: str, total: int | None = None) -> None:
        self.name, self.total, self.done, self.since = name, total, 0, time.monotonic()
        self.before = 0
        self.more: Callable[[Work], str] = lambda work: ""

    def start_at(self, done: int) -> None:
        """So many were done before: they are in no rate."""
        self.done, self.before = done, done

    def rate(self) -> float:
        """Images a second."""
        return (self.done - self.before) / max(time.monotonic() - self.since, 1e-9)

    def advance(self, n: int) -> None:
        """So many more images."""
        self.done += n

    def line(self) -> str:
        """What is to be said of it."""
        elapsed = time.monotonic() - self.since
        if not self.total or self.done <= self.before:
            counted = f" {self.total:,} images" if self.total else ""
            return f"{self.name}{counted}: {duration_text(elapsed)} so far"
        rate = self.rate()
        to_go = f", about {duration_text((self.total - self.done) / rate)} to go" if self.done < self.total else ""
        counts = f"{self.done:,} of {self.total:,} images"
        return f"{self.name} {counts} in {duration_text(elapsed)} ({rate_text(rate)}/s){to_go}{self.more(self)}"


class Pulse:
    """The thread that breaks a silence, and what it has to say: the innermost of what is being done."""

    def __init__(self) -> None:
        self.works: list[Work] = []
        self.told: set[str] = set()  # kinds of work that have been reported
        self.last_line = time.monotonic()
        self.stream: TextIO | None = None  # None: nobody listens
        self.over = threading.Event()

    def beat(self) -> None:
        """Say what is being done, if it is time to."""
        works, now = list(self.works), time.monotonic()
        if not works or not self.stream:
            return
        early = works[-1].name not in self.told and now - works[-1].since >= FIRST
        if early or now - self.last_line >= EVERY:
            self.told.add(works[-1].name)
            write_line(works[-1].line(), self.stream)

    def run(self, over: threading.Event) -> None:
        """Beat until it is over."""
        while not over.wait(min(1.0, EVERY / 10, FIRST / 5)):
            try:
                self.beat()
            except (OSError, ValueError):
                return  # nobody reads any more


_pulse = Pulse()


@contextmanager
def pulse(quiet: bool = False, stream: TextIO | None = None) -> Iterator[None]:
    """While it is open no silence lasts longer than ``EVERY`` seconds. One inside of another changes nothing."""
    if quiet or _pulse.stream:
        yield
        return
    _pulse.stream, _pulse.last_line, over = stream or sys.stderr, time.monotonic(), threading.Event()
    thread = threading.Thread(target=_pulse.run, args=(over,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        _pulse.stream = None


@contextmanager
def doing(name: str, total: int | None = None) -> Iterator[Work]:
    """What is done inside is called so; ``advance(n)`` of what is yielded counts."""
    work = Work(name, total)
    _pulse.works.append(work)
    try:
        yield work
    finally:
        _pulse.works.remove(work)


def write_line(text: str, stream: TextIO) -> None:
    """One line, above the bars where there are any."""
    _pulse.last_line = time.monotonic()
    if stream.isatty():
        from tqdm import tqdm

        tqdm.write(text, file=stream)
    else:
        print(text, file=stream, flush=True)


class HasBudget(Protocol):
    """Of a run's Budget what is shown."""

    @property
    def scale(self) -> int:
        """Images in the final training set."""

    @property
    def seen(self) -> int:
        """Images seen in training, in all."""


class Progress:
    """On a terminal one bar for the budget and, while images are made, one for them; elsewhere a line at each tenth
    of the budget and each addition.

    Args:
        budget: Of the run; None where there is none, and nothing is reported of training.
        stream: Where to; None: standard error.
        quiet: Show nothing.
    """

    def __init__(self, budget: HasBudget | None, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.budget: Any = budget
        self.stream, self.quiet = stream or sys.stderr, quiet
        self.terminal = not quiet and self.stream.isatty()
        self.started, self.tenths = time.monotonic(), 0
        self.first_report: Any = None  # (images seen, seconds since the start)
        self.budget_bar: Any = None
        self.planned: float = 0  # images the whole run generates, if that is known

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Callable[[int], Any]]:
        """Work of ``total`` images, of which ``done`` are done already; yields ``advance(n)``."""
        with doing(name, total) as work:
            work.start_at(done)
            if name == "train" and self.budget:
                work.more = self._of_budget
            elif self.planned > total:
                work.more = self._of_plan
            if not self.terminal:
                yield work.advance
            elif name == "train":
                self.budget_bar = self.budget_bar or self._bar(self.budget.seen, "seen", leave=True)
                yield both(work.advance, self.budget_bar.update)
            else:
                with self._bar(total, name) as bar:
                    bar.update(done)
                    yield both(work.advance, bar.update)
        took = time.monotonic() - work.since
        if name != "train":
            were_there = f", {done:,} of them there already" if done else ""
            rate = rate_text((total - done) / max(took, 1e-9))
            self.say(f"{name} {total:,} images in {duration_text(took)} ({rate}/s{were_there})")

    def _bar(self, total: int, name: str, leave: bool = False) -> Any:
        from tqdm import tqdm

        return tqdm(
            total=total,
            desc=f"{name:>8}",
            unit=" images",
            unit_scale=True,
            leave=leave,
            file=self.stream,
            dynamic_ncols=True,
        )

    def report(self, seen: int, size: int, accuracy: float) -> None:
        """After each evaluation on monitor: images seen, images in the training set, accuracy in [0, 1]."""
        if self.terminal:
            self.budget_bar.n = seen  # an earlier attempt's, or a fresh learner's, is not what this bar counted
            self.budget_bar.set_postfix_str(f"set {size:,} of {self.budget.scale:,}, monitor {100 * accuracy:.1f} %")
            if seen >= self.budget.seen:
                self.budget_bar.close()
            return
        tenths, elapsed = int(10 * seen / self.budget.seen), time.monotonic() - self.started
        # What came before the first report took no training, or was an earlier attempt's.
        self.first_report = self.first_report or (seen, elapsed)
        if self.quiet or (tenths <= self.tenths and seen < self.budget.seen):
            return
        self.tenths = tenths
        self.say(
            f"{100 * seen / self.budget.seen:3.0f} %  seen {seen:,} of {self.budget.seen:,}   "
            f"set {size:,} of {self.budget.scale:,}   monitor {100 * accuracy:.1f} %   "
            f"{duration_text(elapsed)} gone{self._remaining(seen, elapsed)}"
        )

    def _of_budget(self, work: Work) -> str:
        """'; all training is 128,000 images, about 12:15', by the rate of the stretch in work."""
        took = duration_text(self.budget.seen / work.rate())
        return f"; all training is {self.budget.seen:,} images, about {took}"

    def _of_plan(self, work: Work) -> str:
        """'; the run generates 40,000 in all, about 12:15', by the rate of the work."""
        took = duration_text(self.planned / work.rate())
        return f"; the run generates about {self.planned:,.0f} in all, {took}"

    def expect(self, rate: float, planned: float) -> None:
        """Say how long training takes at ``rate`` images a second; ``planned``: images the whole run generates."""
        self.planned = planned
        took = duration_text(self.budget.seen / max(rate, 1e-9))
        trained = f"about {took} of training, {self.budget.seen:,} images seen at about {rate_text(rate)}/s"
        self.say(f"{trained}; and {planned:,.0f} images to generate")

    def _remaining(self, seen: int, elapsed: float) -> str:
        """', about 1:15 to go', or '' before there is a rate to tell it by."""
        first_seen, first_elapsed = self.first_report
        if seen <= first_seen:
            return ""
        left = (elapsed - first_elapsed) / (seen - first_seen) * (self.budget.seen - seen)
        return f", about {duration_text(left)} to go"

    def say(self, text: str) -> None:
        """One line, above the bars where there are any."""
        if not self.quiet:
            write_line(text, self.stream)


def both(*functions: Callable[[int], Any]) -> Callable[[int], None]:
    """A function that calls all of these."""

    def call(n: int) -> None:
        for function in functions:
            function(n)

    return call


def rate_text(rate: float) -> str:
    """0.25, 3.1, 22,241."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def amount_text(value: float) -> str:
    """Three digits, or all before the point, and no powers of ten: 1,234, 12.3, 0.012; under 0.001; 0."""
    if 0 < value < 0.001:
        return "under 0.001"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def hours_text(hours: float) -> str:
    """Hours of a cluster and of a test alike: 1234.50, 0.0123; under 0.0001."""
    if 0 < hours < 0.0001:
        return "under 0.0001"
    return f"{hours:.2f}" if hours >= 1 or not hours else f"{hours:.4f}"


def duration_text(seconds: float) -> str:
    """75 -> 1:15; 3700 -> 1:01:40."""
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02d}:{s:02d}" if hours else f"{m}:{s:02d}"


def note(text: str) -> None:
    """A line for people, on standard error."""
    write_line(f"note: {text}", sys.stderr)
