"""A study that several tables are made of."""

import pytest

from results import load


@pytest.fixture
def study(make):
    """static and dp over three scales and four seeds: dp at a scale is what static is at the next."""
    for seed in range(4):
        for scale, accuracy in (("1k", 0.80), ("2k", 0.85), ("4k", 0.90)):
            make(
                f"strategy=static scale={scale} seed={seed}",
                accuracy=accuracy + 0.01 * (seed % 2),
                hours={"generate": float(scale[0])},
            )
            make(
                f"strategy=dp scale={scale} seed={seed}",
                accuracy=min(accuracy + 0.05, 0.93) + 0.01 * (seed % 2),
                hours={"generate": float(scale[0])},
            )
    make("strategy=dp dp.omega=0.2 scale=1k", accuracy=0.5)
    return load(make.root).single()
