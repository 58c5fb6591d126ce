"""What tables of many runs cost in CPU time; run with -m slow -s to see it. Prints ratios, since machines differ."""

from time import process_time

import pytest

from results import load
from results.tables import across_comparisons, of_comparisons
from tests.results import fabricate

ARMS = ("static", "dp", "dp dp.omega=0", "prune", "prune prune.score=random")
SCALES = (250, 500, 1000, 2000, 4000, 8000, 16000)


def timed(work):
    start = process_time()
    found = work()
    return process_time() - start, found


@pytest.mark.slow
def test_tables_of_2000_runs(tmp_path):
    for number, arm in enumerate(ARMS):
        for step, scale in enumerate(SCALES):
            for seed in range(57):
                accuracy = 0.7 + 0.03 * step + 0.005 * number + 0.002 * (seed * 7 % 11)
                words = f"strategy={arm} scale={scale}"
                fabricate.run(tmp_path, words, accuracy, seed=seed, shifted={"blur": 0.7, "noise": 0.6})
    reading, study = timed(lambda: load(tmp_path))
    grouping, comparisons = timed(lambda: study.comparisons)
    tables, found = timed(lambda: [across_comparisons(study), of_comparisons(study)])
    again, _ = timed(lambda: [across_comparisons(study), of_comparisons(study)])
    print(f"\n{len(study.runs):,} runs: reading {reading:.1f} CPU s; of that, grouping {grouping / reading:.0%},")
    print(f"all tables {tables / reading:.0%}, and once correctness was read {again / reading:.0%}")
    assert len(study.single().runs) == len(ARMS) * len(SCALES) * 57 and len(comparisons) == 1 and found[1][0][1]
