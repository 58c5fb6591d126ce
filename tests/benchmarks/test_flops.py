"""Operations counted on meta tensors: of layers in closed form, and the ratios of guidance at full size (slow)."""

import csv
import io

import pytest
import torch

from benchmarks import flops, random_teachers
from benchmarks.estimates import meta, operations
from dp_common.diffusion.guidance import Guidance
from dp_common.errors import BadInput

RATIOS = {  # of the review of 2026-11: decode, path: every 1, every 5
    ("full", "denoiser"): (5.22, 1.844),
    ("full", "decoder"): (4.05, 1.610),
    ("reduced", "denoiser"): (2.95, 1.390),
    ("reduced", "decoder"): (1.78, 1.156),
    ("tiny", "denoiser"): (2.38, 1.276),
    ("tiny", "decoder"): (1.21, 1.042),
}


def test_a_linear_layer_costs_two_operations_a_weight_each_way():
    with meta.META:
        layer = torch.nn.Linear(3, 5)
    found = meta.cost_of(layer, torch.zeros(2, 3, device=meta.META), trained=layer)
    # to the weights alone: forward, and the gradient of the weights; that of the input is not asked for
    assert [round(value * 1e12) for value in found[:3]] == [30, 30, 60] and found.parameters == 20


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_is_counted_as_devices_do_it(dtype):
    """Two products forward; backward four, and one that is done again."""
    query = torch.zeros(1, 2, 16, 8, device=meta.META, dtype=dtype)
    found = meta.cost_of(lambda x: torch.nn.functional.scaled_dot_product_attention(x, x, x), query)
    product = 2 * 2 * 16 * 16 * 8
    assert found.forward * 1e12 == pytest.approx(2 * product) and found.backward * 1e12 == pytest.approx(5 * product)


@pytest.fixture(scope="module")
def small():
    shape = (3, 16, 16)
    teacher = random_teachers.stable_diffusion(
        meta.META, random_teachers.SMALL_UNET, random_teachers.SMALL_VAE, random_teachers.SMALL_TINY, shape
    )
    with meta.META:
        learner = random_teachers.frozen(
            torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(768, 10)), torch.float32
        )
    return meta.setting(learner, teacher)


@pytest.mark.parametrize("through", ["denoiser", "decoder"])
def test_a_guided_step_costs_its_parts(small, through, monkeypatch):
    """What the sampler does is what estimates add up: two rows, a decode and a look, and their gradients."""
    monkeypatch.setattr(small.teacher, "tiny", None)  # which would decode for guidance
    denoise = meta.sd_denoise_cost(random_teachers.SMALL_UNET)
    decode = meta.sd_decode_cost(8, random_teachers.SMALL_VAE)
    look = 2 * 768 * 10 * 2 / 1e12
    plain, guided = meta.step_cost(small), meta.step_cost(small, Guidance("entropy", 0.1, through=through))
    assert plain == pytest.approx(2 * denoise.forward)
    back = 2 * denoise.backward if through == "denoiser" else 0.0
    assert guided == pytest.approx(plain + decode.forward + decode.backward + look + back, rel=1e-6)


def test_ratios_rise_with_the_frequency_and_with_what_is_decoded(small):
    found = {
        (decode, every): meta.guided_to_plain(small, "denoiser", decode, every)
        for decode in flops.DECODES
        for every in (1, 5)
    }
    for decode in flops.DECODES:
        assert found[decode, 1] - 1 == pytest.approx(5 * (found[decode, 5] - 1))
    assert found["full", 5] > found["reduced", 5] > 1


def test_out_needs_units():
    with pytest.raises(BadInput, match="out=x.csv: only with units=yes"):
        flops.main(["out=x.csv"])


@pytest.mark.parametrize("network", ["vit-digits", "mlp-plane"])
def test_the_table_holds_what_is_counted(network):
    shape, classes = flops.LEARNERS[network]
    known = operations.table()[operations.Network("learner", network, operations.shape_text(shape))]
    assert known == pytest.approx(meta.learner_cost(network, {}, shape, classes), rel=1e-5)


@pytest.mark.slow
def test_the_ratios_of_the_review_come_out_of_the_command(capsys, tmp_path):
    out = tmp_path / "operations.csv"
    assert flops.main(["units=yes", f"out={out}", "every=1,5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = {tuple(line.split()[:2]): tuple(map(float, line.split()[2:])) for line in lines[-6:]}
    for key, (every, fifth) in RATIOS.items():
        assert found[key] == (pytest.approx(every, abs=0.006), pytest.approx(fifth, abs=0.001)), key
    rows = {tuple(row.values())[:3]: row for row in csv.DictReader(io.StringIO(out.read_text()))}
    for network, cost in operations.table().items():
        counted = [float(rows[tuple(network)][name]) for name in cost._fields]
        assert counted == pytest.approx(cost, rel=1e-4), network
