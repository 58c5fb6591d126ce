"""What a person sees of a run: bars with rate and ETA on a terminal, one line per mark elsewhere."""

import sys
import time
from contextlib import contextmanager


class Progress:
    """On a terminal one bar for the budget and, while images are made, one for them; elsewhere a line at each tenth of the budget
    and each addition. ``quiet`` shows nothing.
    """

    def __init__(self, budget, stream=None, quiet=False):
        self.budget, self.stream, self.quiet = budget, stream or sys.stderr, quiet
        self.terminal = not quiet and self.stream.isatty()
        self.started, self.mark, self.begun, self.whole = time.monotonic(), 0, None, None

    @contextmanager
    def task(self, name, total):
        """Work of ``total`` images; yields ``advance(n)``."""
        since = time.monotonic()
        if not self.terminal:
            yield lambda n: None
        elif name == "train":
            self.whole = self.whole or self.bar(self.budget.seen, "seen", leave=True)
            yield self.whole.update
        else:
            with self.bar(total, name) as bar:
                yield bar.update
        took = time.monotonic() - since
        if name != "train":
            self.say(f"{name} {total:,} images in {duration_text(took)} ({total / max(took, 1e-9):,.0f}/s)")

    def bar(self, total, name, leave=False):
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

    def report(self, seen, size, accuracy):
        """After each evaluation on monitor."""
        if self.terminal:
            self.whole.n = seen  # an earlier attempt's, or a fresh learner's, is not what this bar counted
            self.whole.set_postfix_str(f"set {size:,} of {self.budget.scale:,}, monitor {100 * accuracy:.1f} %")
            if seen >= self.budget.seen:
                self.whole.close()
            return
        mark, elapsed = int(10 * seen / self.budget.seen), time.monotonic() - self.started
        self.begun = self.begun or (seen, elapsed)  # what came before took no training, or was an earlier attempt's
        if self.quiet or (mark <= self.mark and seen < self.budget.seen):
            return
        self.mark = mark
        since, then = self.begun
        left = (
            f", about {duration_text((elapsed - then) / (seen - since) * (self.budget.seen - seen))} to go"
            if seen > since
            else ""
        )
        self.say(
            f"{100 * seen / self.budget.seen:3.0f} %  seen {seen:,} of {self.budget.seen:,}   set {size:,} of {self.budget.scale:,}   "
            f"monitor {100 * accuracy:.1f} %   {duration_text(elapsed)} gone{left}"
        )

    def say(self, text):
        if self.quiet:
            return
        if self.terminal:
            from tqdm import tqdm

            tqdm.write(text, file=self.stream)
        else:
            print(text, file=self.stream, flush=True)


def duration_text(seconds):
    """75 -> 1:15; 3700 -> 1:01:40."""
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02d}:{s:02d}" if hours else f"{m}:{s:02d}"


def note(text):
    print(f"note: {text}", file=sys.stderr, flush=True)
