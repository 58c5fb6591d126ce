"""What a person sees of a run: bars with rate and ETA on a terminal, one line per mark elsewhere."""

import sys
import time
from contextlib import contextmanager


class Progress:
    """Marks are tenths of the budget and each addition. ``quiet`` shows nothing."""

    def __init__(self, budget, stream=None, quiet=False):
        self.budget, self.stream, self.quiet = budget, stream or sys.stderr, quiet
        self.terminal = not quiet and self.stream.isatty()
        self.started, self.mark, self.first_seen = time.monotonic(), 0, None

    @contextmanager
    def task(self, name, total):
        """Work of ``total`` images; yields ``advance(n)``."""
        if self.terminal:
            from tqdm import tqdm

            with tqdm(total=total, desc=f"{name:>8}", unit=" images", unit_scale=True, leave=False, file=self.stream) as bar:
                yield bar.update
            return
        since = time.monotonic()
        yield lambda n: None
        took = time.monotonic() - since
        if name != "train" and not self.quiet:
            self.say(f"{name} {total:,} images in {clock(took)} ({total / max(took, 1e-9):,.0f}/s)")

    def report(self, seen, size, accuracy):
        """After each evaluation on monitor."""
        mark, elapsed = int(10 * seen / self.budget.seen), time.monotonic() - self.started
        self.first_seen = seen - 1 if self.first_seen is None else self.first_seen  # what an earlier attempt saw took no time now
        if self.quiet or (mark <= self.mark and seen < self.budget.seen):
            return
        self.mark = mark
        left = elapsed / (seen - self.first_seen) * (self.budget.seen - seen) if seen > self.first_seen else 0
        self.say(f"{100 * seen / self.budget.seen:3.0f} %  seen {seen:,} of {self.budget.seen:,}   set {size:,} of {self.budget.scale:,}   "
                 f"monitor {100 * accuracy:.1f} %   {clock(elapsed)} gone, about {clock(left)} to go")

    def say(self, text):
        if self.quiet:
            return
        if self.terminal:
            from tqdm import tqdm

            tqdm.write(text, file=self.stream)
        else:
            print(text, file=self.stream, flush=True)


def clock(seconds):
    """75 -> 1:15; 3700 -> 1:01:40."""
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02d}:{s:02d}" if hours else f"{m}:{s:02d}"
