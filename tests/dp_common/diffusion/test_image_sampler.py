"""From indices to images, with every evaluation counted; guidance moves a real classifier's entropy where ω says;
an image depends on its own index only; a streaming selection keeps what sorting everything would keep."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dp_common.config.registry import find
from dp_common.contracts import TeacherDefaults
from dp_common.diffusion.guidance import GuidanceError
from dp_common.diffusion.image_sampler import ImageSampler, quantise
from dp_common.errors import LeaseLost, Problem
from dp_common.lab import runner
from dp_common.lab.top_k import TopK
from dp_common.persistence import ledger
from dp_common.persistence.lease import Lease
from dp_common.seeds import label_of
from dp_common.training_data import shards as store

RULES, PATHS = ("score", "relative", "predecessor"), ("denoiser", "decoder")
OMEGAS = {"score": 2.0, "relative": 0.03, "predecessor": 0.01}


def images_of(studio, start, stop, guide=None):
    indices = np.arange(start, stop)
    return studio.sample(indices, label_of(indices, 10), guide)


def guide_of(studio, learner, omega, rule="relative", through="denoiser", every=1, score="entropy"):
    return studio.guide(score, learner, None, omega=omega, rule=rule, through=through, every=every)


def mean_score(name, learner, images, labels):
    return float(find("score", name).load().score(learner.logits(images), torch.from_numpy(labels)).mean())


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("through", PATHS)
@pytest.mark.parametrize("every", [1, 5])
def test_omega_orders_the_entropy_of_a_real_classifier(studio_of, learner, rule, through, every):
    studio = studio_of(steps=20)
    entropies = []
    for omega in (-OMEGAS[rule], 0.0, OMEGAS[rule]):
        images = images_of(studio, 0, 64, guide_of(studio, learner, omega, rule, through, every))
        entropies.append(mean_score("entropy", learner, images.clamp(-1, 1), label_of(np.arange(64), 10)))
    assert entropies[0] + 0.005 < entropies[1] < entropies[2] - 0.005


@pytest.mark.parametrize("score", ["loss", "margin"])
def test_other_scores_guide_too(studio_of, learner, score):
    studio, values = studio_of(steps=20), []
    for omega in (-0.03, 0.0, 0.03):
        images = images_of(studio, 0, 64, guide_of(studio, learner, omega, score=score))
        values.append(mean_score(score, learner, images.clamp(-1, 1), label_of(np.arange(64), 10)))
    assert values[0] < values[1] - 0.005 and values[1] < values[2] - 0.005


@pytest.mark.parametrize(
    "sampler", [dict(steps=10), dict(steps=10, eta=1.0, cfg_scale=2.0, clip="keep_eps", spacing="leading")]
)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("through", PATHS)
def test_zero_omega_is_bitwise_the_plain_sampler_for_the_same_evaluations(studio_of, learner, sampler, rule, through):
    plain, zero = studio_of(**sampler), studio_of(**sampler)
    expected = images_of(plain, 0, 12)
    assert torch.equal(images_of(zero, 0, 12, guide_of(zero, learner, 0.0, rule, through)), expected)
    assert plain.meter.counts["network_evaluations"] == 12 * 10 * (2 if "cfg_scale" in sampler else 1)
    assert {unit: n for unit, n in zero.meter.counts.items() if n} == plain.meter.counts


@pytest.mark.parametrize("through", PATHS)
def test_what_a_guided_image_costs(studio_of, learner, through):
    """20 steps, one in five guided: 4 gradients, 4 classifier evaluations, and the network is asked as often as without."""
    studio = studio_of(steps=20)
    images_of(studio, 0, 8, guide_of(studio, learner, 0.03, through=through, every=5))
    images_of(studio, 8, 16)
    assert studio.meter.counts == {
        "network_evaluations": 16 * 20,
        "decoder_evaluations": 8 * 4 + 16,
        "classifier_evaluations": 8 * 4,
        "gradients": 8 * 4,
        "network_gradients": 8 * 4 if through == "denoiser" else 0,
        "not_moved": 0,
    }


@pytest.mark.parametrize("guided", [None, *RULES])
@pytest.mark.parametrize("sampler", [dict(steps=10), dict(steps=10, eta=1.0, cfg_scale=3.0)])
def test_four_index_ranges_equal_one(studio_of, learner, guided, sampler):
    """An image is a function of its own index: of batch size only by float rounding. Uneven cuts, one of a single image."""
    studio = studio_of(**sampler)
    guide = guided and guide_of(studio, learner, OMEGAS[guided], guided)
    whole = images_of(studio, 3, 40, guide)
    parts = torch.cat([images_of(studio, a, b, guide) for a, b in ((3, 4), (4, 13), (13, 29), (29, 40))])
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-3)
    assert (whole[0] - whole[10]).abs().max() > 0.1


def test_the_same_indices_give_the_same_bits_in_any_order_of_blocks(studio_of, learner):
    studio = studio_of(steps=10, eta=0.5)
    guide = guide_of(studio, learner, 0.03)
    first = [images_of(studio, a, a + 8, guide) for a in (0, 8, 16)]
    again = {a: images_of(studio, a, a + 8, guide) for a in (16, 0, 8)}
    assert all(torch.equal(block, again[a]) for a, block in zip((0, 8, 16), first))


def test_the_seed_and_the_label_matter(studio_of):
    indices, labels = np.arange(10), np.arange(10)
    images = studio_of(seed=0).sample(indices, labels)
    assert (images - studio_of(seed=1).sample(indices, labels)).abs().max() > 0.1
    assert (images - studio_of(seed=0).sample(indices, (labels + 1) % 10)).abs().max() > 0.1


class Broken:
    """Logits that are not a number for one image: row 2 at a late step."""

    def __init__(self, learner):
        self.learner, self.calls = learner, 0

    def logits(self, images, model=None):
        self.calls += 1
        spoiled = torch.ones(len(images), 1)
        spoiled[2] = float("nan") if self.calls == 7 else 1.0
        return self.learner.logits(images) * spoiled


@pytest.mark.parametrize("through", PATHS)
def test_a_nan_gradient_is_reported_and_nothing_is_returned(studio_of, learner, through):
    studio, result = studio_of(steps=10), None
    with pytest.raises(GuidanceError) as caught:
        result = images_of(studio, 0, 5, guide_of(studio, Broken(learner), 0.03, through=through))
    assert result is None and caught.value.rows == [2]


def test_an_image_that_is_not_finite_is_a_problem_that_names_its_index(studio_of, mixture):
    class Bad:
        def __getattr__(self, name):
            return getattr(mixture, name)

        def decode(self, x0):
            return torch.where(torch.arange(len(x0)).view(-1, 1, 1, 1) == 1, float("inf"), x0)

    with pytest.raises(Problem, match=r"1 image\(s\) are not finite, first index 101;"):
        images_of(studio_of(teacher=Bad(), steps=3), 100, 104)


def test_cfg_needs_a_teacher_with_an_unconditional_mode(studio_of, mixture):
    class Conditional(TeacherDefaults):
        null_label, alphas_cumprod = None, mixture.alphas_cumprod

    with pytest.raises(Problem, match="sampler.cfg_scale=2"):
        studio_of(teacher=Conditional(), cfg_scale=2)
    studio_of(teacher=Conditional(), cfg_scale=1.0)


def test_cfg_sharpens_the_class(studio_of, mixture):
    labels = torch.from_numpy(label_of(np.arange(100), 10))
    truths = [
        mixture.log_density(images_of(studio_of(cfg_scale=scale), 0, 100)).softmax(1)[torch.arange(100), labels].mean()
        for scale in (0.0, 0.5, 1.0)
    ]
    assert truths[0] < 0.3 and truths[0] + 0.2 < truths[1] < truths[2] and truths[2] > 0.95


def test_quantise_rounds_to_the_nearest_of_256_and_clamps():
    values = torch.tensor([-3.0, -1.0, -1 + 0.6 / 127.5, -1 + 0.4 / 127.5, 0.0, 1.0, 7.0])
    assert quantise(values).tolist() == [0, 0, 1, 0, 128, 255, 255]
    levels = torch.arange(256) / 127.5 - 1
    assert quantise(levels).tolist() == list(range(256)) and quantise(levels).dtype == np.uint8


# ---------------------------------------------------------------- the streaming selection


def stream(n, classes, seed, first=0, levels=12):
    """Candidates with many ties: scores of few levels, indices in order, labels in blocks as the lab deals them."""
    indices = np.arange(first, first + n)
    scores = np.random.default_rng(seed).integers(0, levels, n).astype(np.float32)
    return scores, indices, label_of(indices, classes)


def offered(best, scores, indices, labels, cuts=()):
    """Offer in blocks; the encoded image of a row tells its index."""
    edges = [0, *sorted(cuts), len(scores)]
    for a, b in zip(edges, edges[1:]):
        best.offer(scores[a:b], indices[a:b], labels[a:b], lambda row, a=a: b"%d" % indices[a + row])
    return best


def brute_force(scores, indices, labels, keep, balance):
    """Sort everything: the highest scores, ties to the lower index. By class: the best of each, then the second of each, ..."""
    ranked = sorted(zip(-scores, indices, labels))
    if balance == "class":
        place = {index: [i for _, i, other in ranked if other == label].index(index) for _, index, label in ranked}
        ranked.sort(key=lambda candidate: place[candidate[1]])
    return sorted(index for _, index, _ in ranked[:keep])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000), keep=st.integers(1, 40), balance=st.sampled_from(["class", "global"]), data=st.data()
)
def test_topk_is_sorting_everything_however_it_is_cut(seed, keep, balance, data):
    scores, indices, labels = stream(120, 5, seed, first=seed % 7)
    cuts = data.draw(st.lists(st.integers(0, 120), max_size=8))
    encoded, kept, kept_labels, kept_scores = offered(TopK(keep, 5, balance), scores, indices, labels, cuts).by_index()
    assert kept.tolist() == brute_force(scores, indices, labels, keep, balance)
    rows = kept - indices[0]
    assert np.array_equal(kept_labels, labels[rows]) and np.array_equal(kept_scores, scores[rows])
    assert encoded == [b"%d" % index for index in kept]


def test_ties_go_to_the_lower_index_even_if_it_comes_later():
    best = TopK(2, 1, "global")
    for index in (9, 5, 7):
        best.offer(np.float32([1.0]), np.array([index]), np.array([0]), lambda row: b"")
    assert best.by_index()[1].tolist() == [5, 7]


@pytest.mark.parametrize("balance", ["class", "global"])
@pytest.mark.parametrize("first", [0, 3, 125])
@pytest.mark.parametrize("pool", [25, 28, 60])
def test_as_many_are_kept_as_were_asked_for(balance, first, pool):
    """``keep`` of at least ``keep`` candidates, from whatever index on: the lab counts on it for the set's size. Where a
    class has too few for its share (oversample near 1, and the indices start within a block), others fill up."""
    best = offered(TopK(25, 10, balance), *stream(pool, 10, 1, first), cuts=(9, 17))
    assert len(best.encoded) == len(best.indices) == 25
    counts = np.bincount(best.labels, minlength=10)
    assert balance == "global" or counts.max() - counts.min() <= 1


def test_only_the_best_so_far_are_held_and_encoded():
    calls, (scores, indices, labels) = [], stream(1000, 10, 0, levels=1000)
    best = TopK(20, 10, "class")
    for a in range(0, 1000, 50):
        best.offer(
            scores[a : a + 50], indices[a : a + 50], labels[a : a + 50], lambda row, a=a: calls.append(a + row) or b"x"
        )
        assert len(best.encoded) <= 20 and len(best.indices) == len(best.encoded)
    assert len(calls) == len(set(calls)) < 400


@pytest.mark.parametrize("keep", [20, 23])
def test_classes_get_equal_shares(keep):
    """Even of candidates that are good in one class only."""
    scores, indices, labels = stream(200, 10, 0)
    best = offered(TopK(keep, 10, "class"), scores + 100 * (labels == 3), indices, labels, cuts=(50, 120))
    counts = np.bincount(best.labels, minlength=10)
    assert counts.sum() == keep and counts.max() - counts.min() <= 1 and counts[3] == counts.max()


@pytest.mark.parametrize("balance", ["class", "global"])
def test_a_restored_selection_goes_on(balance, tmp_path):
    """Through a shard of more than one row group."""
    n, keep = 400, 150
    scores, indices, labels = stream(n, 10, 5, levels=40)
    pictures = np.random.default_rng(0).integers(0, 256, (n, 1, 4, 4), dtype=np.uint8)
    encode = lambda start: lambda row: store.encode(pictures[start + row])
    whole, before, after = (TopK(keep, 10, balance) for _ in range(3))
    for a, b in ((0, 230), (230, n)):
        whole.offer(scores[a:b], indices[a:b], labels[a:b], encode(a))
    before.offer(scores[:230], indices[:230], labels[:230], encode(0))
    mark = store.write(
        tmp_path / "partial.parquet", range(10), *before.by_index(), seed=0, round=1, strategy="prune", omega=0.0
    )
    table = store.read_checked(tmp_path / "partial.parquet", mark)
    after.offer(
        *(table[name].to_numpy() for name in ("score_at_birth", "index", "label")), store.encoded_of(table).__getitem__
    )
    after.offer(scores[230:], indices[230:], labels[230:], encode(230))
    for expected, found in zip(whole.by_index(), after.by_index()):
        assert list(expected) == list(found)


# ---------------------------------------------------------------- the selection in a run

SCAN = (
    "strategy=prune",
    "prune.interval=128",
    "prune.patience=1",
    "prune.rounds=1",
    "prune.oversample=4",
    "sampler.block=64",
)


class Killed(BaseException):
    pass


def run_of(resolved):
    """(summary, surviving unit counts) of a run."""
    summary = runner.execute(resolved, quiet=True)
    alive = ledger.surviving(ledger.read(runner.folder_of(resolved)))
    return summary, ledger.totals([r for r in alive if r["kind"] in ledger.WORK])[1]


def test_a_scan_that_keeps_its_state_costs_what_one_that_does_not_costs(small, tmp_path):
    plain, without = run_of(small(*SCAN, f"root={tmp_path}/plain"))
    kept, counts = run_of(small(*SCAN, "checkpoint_every=0", f"root={tmp_path}/kept"))
    assert kept["store_digest"] == plain["store_digest"] and counts == without


@pytest.mark.parametrize("victim", [1, 3])
def test_a_scan_killed_between_its_state_and_the_line_that_names_it_goes_on(small, tmp_path, monkeypatch, victim):
    expected, _ = run_of(small(*SCAN, f"root={tmp_path}/whole"))
    write, states = store.write, []

    def killing(path, *args, **kwargs):
        mark = write(path, *args, **kwargs)
        states.extend([path] if path.name.startswith("partial") else [])
        if len(states) == victim and path == states[-1]:
            raise Killed
        return mark

    again = small(*SCAN, "checkpoint_every=0", f"root={tmp_path}/killed")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(store, "write", killing)
        runner.execute(again, quiet=True)
    summary, _ = run_of(again)
    assert (summary["store_digest"], summary["accuracy"]) == (expected["store_digest"], expected["accuracy"])


def test_a_scan_killed_before_its_call_is_told_costs_one_scan(small, tmp_path, monkeypatch):
    """What was scanned again is spent, and no part of what the result cost."""
    _, expected = run_of(small(*SCAN, f"root={tmp_path}/whole"))
    append = ledger.Ledger.append

    def killing(self, kind, **content):
        if kind == "call" and content["name"] == "select":
            raise Killed
        return append(self, kind, **content)

    again = small(*SCAN, f"root={tmp_path}/killed")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(ledger.Ledger, "append", killing)
        runner.execute(again, quiet=True)
    summary, counts = run_of(again)
    assert counts == expected
    assert summary["gpu_hours_spent"] > summary["gpu_hours"]["total"]


def test_who_lost_the_lease_while_sampling_writes_no_shard(small, monkeypatch):
    """Its file would replace that of the new holder, which on another device has other bits and another digest."""
    lost, sample, check = [], ImageSampler.sample, Lease.check

    def checked(self):
        check(self)
        if lost:
            raise LeaseLost("taken over")

    monkeypatch.setattr(ImageSampler, "sample", lambda self, *args: lost.append(True) or sample(self, *args))
    monkeypatch.setattr(Lease, "check", checked)
    resolved = small("strategy=static")
    with pytest.raises(LeaseLost):
        runner.execute(resolved, quiet=True)
    assert lost and list(runner.folder_of(resolved).glob("*.parquet")) == []
