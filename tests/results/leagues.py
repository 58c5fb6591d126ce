"""A study with a league: six arms and a variant at one scale or two, of three classes of information."""

from tests.results import fabricate

SEEDS = 4
ERRORS = {"1k": 0.2, "2k": 0.1}  # of static
NOISE = (0.0, 0.01, -0.005, 0.004)  # of a seed, in log error; the same for all arms
ARMS = {
    "static": (1.0, 0.0, None),
    "dp": (0.5, 0.01, "I0"),
    "dp dp.score=margin": (0.5, 0.04, "I0"),
    "dp dp.omega=0": (1.0, 0.02, "I0"),
    "prune": (0.7, 0.01, "I0"),
    "dp dp.score=learnability": (0.6, 0.01, "I1"),
}  # factor on static's errors, spread of that over seeds, class of information (None: an old summary)


def write(root, seeds=SEEDS, scales=tuple(ERRORS)):
    """The runs of ARMS; ``dp score=margin`` and the variant at the first scale alone, ``actgen`` with two seeds."""
    for words, (factor, spread, information) in ARMS.items():
        for scale in scales[:1] if "margin" in words else scales:
            for seed in range(seeds):
                run(root, f"strategy={words}", scale, seed, factor * (1 + spread * (-1) ** seed), information)
    for seed in range(seeds):
        run(root, "strategy=static sampler.temperature=1.5", scales[0], seed, 0.9 + 0.01 * (seed % 2), "I0")
    for seed in range(2):
        run(root, "strategy=actgen", scales[0], seed, 0.4 + 0.05 * seed, "I3")


def run(root, words, scale, seed, factor, information):
    """One run with so many times the errors of static."""
    wrong = factor * ERRORS[scale] * (1 + NOISE[seed % len(NOISE)])
    summary = {"population": 1 - wrong, "population_images": 20000}
    if information:
        summary |= {"information_class": information, "real_images_consulted": 450 * (information != "I0")}
    fabricate.run(root, f"{words} scale={scale}", 1 - wrong, seed=seed, summary=summary)
