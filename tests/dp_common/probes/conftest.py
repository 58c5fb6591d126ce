"""A run with ``probe=truth`` on the plane, seen from outside, for all tests of the probes."""

from types import SimpleNamespace

import pytest

from dp_common.probes import hardness
from tests.dp_common.probes.probed import probe_line, run


@pytest.fixture(scope="session")
def watched(tmp_path_factory):
    """What a run with probe=truth left, and the weights at each addition and at the end as they were then."""
    seen = SimpleNamespace(weights={})
    keep, measure = hardness.keep, hardness.measure

    def keeping(io, learner, call):
        seen.weights[call] = learner.frozen_copy()
        return keep(io, learner, call)

    def measuring(io, teacher, learner, call):
        seen.io, seen.teacher, seen.learner = io, teacher, learner
        return measure(io, teacher, learner, call)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hardness, "keep", keeping)
        patch.setattr(hardness, "measure", measuring)
        seen.summary, seen.records, seen.folder = run(tmp_path_factory.mktemp("watched"), "probe=truth")
    seen.calls = {r["call"]: r for r in seen.records if r["kind"] == "call"}
    seen.line = probe_line(seen.records)
    return seen
