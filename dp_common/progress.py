"""What a person sees of a run: bars with rate and ETA on a terminal, a line per tenth of the budget elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

LINE_EVERY = 300.0  # seconds between lines about images that are being made, where there is no terminal


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

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Callable[[int], Any]]:
        """Work of ``total`` images, of which ``done`` are there already; yields ``advance(n)``."""
        since = self.told = time.monotonic()
        made = 0

        def advance(n: int) -> None:
            nonlocal made
            made += n
            if bar is not None:
                bar.update(n)
            elif not self.terminal and name != "train" and time.monotonic() - self.told >= LINE_EVERY:
                self.told = time.monotonic()
                rate = made / (self.told - since)
                left = duration_text((total - done - made) / max(rate, 1e-9))
                self.say(f"{name} {done + made:,} of {total:,} images ({rate:,.1f}/s), about {left} to go")

        bar: Any = None
        if self.terminal and name == "train":
            bar = self.budget_bar = self.budget_bar or self._bar(self.budget.seen, "seen", leave=True)
            yield advance
        elif self.terminal:
            with self._bar(total, name) as bar:
                bar.update(done)
                yield advance
        else:
            yield advance
        took = time.monotonic() - since
        if name != "train":
            n = made or total - done
            rate = f"{n:,} images in {duration_text(took)} ({n / max(took, 1e-9):,.0f}/s)" if n else "nothing to do"
            self.say(f"{name} {rate}{f', {done:,} images were there' if done else ''}")

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

    def _remaining(self, seen: int, elapsed: float) -> str:
        """', about 1:15 to go', or '' before there is a rate to tell it by."""
        first_seen, first_elapsed = self.first_report
        if seen <= first_seen:
            return ""
        left = (elapsed - first_elapsed) / (seen - first_seen) * (self.budget.seen - seen)
        return f", about {duration_text(left)} to go"

    def say(self, text: str) -> None:
        """One line, above the bars where there are any."""
        if self.quiet:
            return
        if self.terminal:
            from tqdm import tqdm

            tqdm.write(text, file=self.stream)
        else:
            print(text, file=self.stream, flush=True)


def duration_text(seconds: float) -> str:
    """75 -> 1:15; 3700 -> 1:01:40."""
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02d}:{s:02d}" if hours else f"{m}:{s:02d}"


def note(text: str) -> None:
    """A line for people, on standard error."""
    print(f"note: {text}", file=sys.stderr, flush=True)
