"""The paper's theory, drawn beside simulation: when does training on the hardest part of a pool pay?

    python -m benchmarks.theory                       everything, one to two minutes; into results/runs/theory
    python -m benchmarks.theory repeats=100 seed=1    smaller error bars, other draws
    python -m benchmarks.theory d=512 n=512,1k lam=1e-4,0 rho=0.8 root=results/runs out=paper/theory

The model: x ~ N(0, I_d), labels y = sign(w_0·x), a pool of n; kept is what a pruner of direction w_s finds hard
(small |w_s·x|), easy (large), or a random part; a ridge classifier is trained on it, λ normalised by the pool. The
test error has an exact limit for large d and n (``dp_common.theory.asymptotics``, which names two misprints of the
paper). Lines are that limit; points are classifiers really trained (``dp_common.theory.simulation``), with 95 %
t-intervals over ``repeats``. Nothing is fitted: points off the line are theory failing. A thin line is the limit with
the noise along the pruner at this d added, which the limit forgets; mostly the two coincide.

What you see:

    error-keep           error against the share p kept, a panel per pool and λ. Grey: p = φ = d/n, where as many are
                         kept as there are dimensions; with tiny λ the error peaks there (at any finite d below the
                         limit's 1/2)
    accuracy-kept        accuracy against the number kept, for the hardest 10, 50, 80, 90 and 100 %; pools of
                         kept/p. Above, a pruner of cosine ``rho`` with the truth, below a perfect one
    accuracy-oversample  accuracy against pool/kept at equal numbers kept: the inverted U. On the right λ is normalised
                         by the kept part instead, so that it does not grow with the pool
    imperfect            error where labels are not the truth's: of a generator of another direction, with a pruner that
                         shares its mistakes or does not, and flipped at random; hard, soft (the paper's eq. 27), mixed,
                         easy, random
    loop                 the linear toy of the whole loop over 2d images a round: candidates chosen by nobody, by the
                         learner of the first round (frozen), by the learner now (adaptive); same candidates for all.
                         Below, differences of pairs
    agreement            all simulated points of the study against the limit, and their deviations in standard
                         errors. Judged are those where the limit is expected to hold at this d; a point that
                         chance would hardly explain is simulated again, ten times as often, and that is judged

The ledger is <root>/theory/theory.jsonl, append-only, a line per point with its settings; a repeated command computes
only what is not there. Written are figures (SVG, PNG, CSV), agreement.csv and loop-differences.csv.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cli
from benchmarks.theory_ledger import Journal, bring_up
from benchmarks.theory_plan import Study
from dp_common.config.options import option
from dp_common.config.specification import Runtime


@dataclass
class Options(Study):
    """Keys of this application: a study's, and where it is kept."""

    root: str = option(Runtime.root, "folder of runs, under which theory/ is", positional=True, place=True)
    out: str = option("", "folder to write to", place=True, shown="<root>/theory")


def main(argv: list[str]) -> int:
    """Compute what is missing, draw, and print what came out; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    cli.creatable_folder("out", options.out or Path(options.root) / "theory")
    folder = cli.writable_folder("root", Path(options.root) / "theory", options.root)
    out = cli.writable_folder("out", options.out or folder)
    from threadpoolctl import threadpool_limits

    with Journal(folder / "theory.jsonl", options) as journal, threadpool_limits(1):  # sums keep their order
        bring_up(journal, options, argv)
        records = journal.records
    from results.analysis import theory as numbers
    from results.figures.theory import draw

    written = [figure.name for figure in draw(records, options.study, out)]
    print(numbers.summary_text(records, options.study))
    print(f"\nwritten to {out}: {', '.join(sorted([*written, 'loop-differences']))}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    cli.guarded(main)
