"""What an H100 is said to take and to gain is what it was measured to: results/measured/gpu, as its README says."""

import csv
import json
from statistics import mean

import pytest

from benchmarks import unit_costs
from benchmarks.estimates import operations, prices
from benchmarks.estimates.operations import Network
from tests.processes import ROOT

GPU = ROOT / "results/measured/gpu"
STEPS, BLOCK, AT_ONCE = 30, 16, 2  # of a plain image there; rows of a step, for classifier-free guidance


def visit(name):
    """{item: what came} of a file of gpu_check."""
    return {row["item"]: row["got"] for row in map(json.loads, (GPU / name).read_text().splitlines())}


@pytest.fixture(scope="module")
def first():
    return visit("first.jsonl")


@pytest.fixture(scope="module")
def contiguous():
    return next(row for row in map(json.loads, (GPU / "layouts.jsonl").open()) if row.get("layout") == "nchw")


def test_unit_costs_of_an_h100_are_those_of_its_files(first, contiguous):
    plain = (STEPS * contiguous["step"] + contiguous["decode"]) / BLOCK
    expected = {
        "plain": plain,
        "plain.compiled": 1 / visit("second.jsonl")["compiled.images_per_second"],
        "relative.denoiser.every5.full": contiguous["guided_image"],
        "learner.train": 1 / first["training.eager.128.pinned"],
        "learner.train.compiled": 1 / first["compiled.training"],
        "learner.forward": 1 / first["looking.bf16"],
    }
    for through, decode in (("decoder", "full"), ("denoiser", "reduced"), ("decoder", "reduced"), ("denoiser", "tiny")):
        expected[f"relative.{through}.every5.{decode}"] = plain * first[f"guidance.{decode}.{through}.fp32.ratio"]
    expected["relative.decoder.every5.tiny"] = plain * first["guidance.tiny.decoder.bf16.ratio"]
    with open(unit_costs.path_of("prices", "h100-sd15"), newline="") as file:
        rows = {row["item"].removeprefix("stable-diffusion."): row for row in csv.DictReader(file)}
    assert {name: float(row["seconds_per_unit"]) for name, row in rows.items()} == pytest.approx(expected, rel=1e-3)
    for name, row in rows.items():
        assert float(row["units_per_second"]) == pytest.approx(1 / expected[name], rel=1e-3)
        beside = expected.get(row["compared_with"].removeprefix("stable-diffusion."))
        assert not beside or float(row["ratio"]) == pytest.approx(expected[name] / beside, rel=1e-3)


def test_shares_of_peak_are_those_that_were_reached(first, contiguous):
    table, peak = operations.table(), prices.PEAKS["h100"]
    unet, vae = table[Network("denoiser", "sd-1.5", "64")], table[Network("vae", "sd", "64")]
    vit = table[Network("learner", "vit_base_patch16_224", "3x224x224")]
    rate = {name: first[f"looking.{name}"] * vit.forward for name in ("bf16", "tf32", "fp32")}
    plain = (STEPS * AT_ONCE * unet.forward + vae.forward) / (
        (STEPS * contiguous["step"] + contiguous["decode"]) / BLOCK
    )
    half = [plain, first["training.eager.128.pinned"] * vit.training, rate["bf16"]]
    assert prices.SHARES["half"] == pytest.approx(mean(half) / peak["half"], abs=0.02)
    assert prices.SHARES["tf32"] == pytest.approx(rate["tf32"] / peak["tf32"], abs=0.02)
    assert prices.SHARES["fp32"] == pytest.approx(rate["fp32"] / peak["fp32"], abs=0.02)


@pytest.mark.parametrize(("item", "gain"), [("plain", "1.3"), ("learner.train", "1.1")])
def test_what_compiling_gains_is_what_it_was_measured_to(item, gain):
    seconds = prices.seconds_of("h100-sd15")
    assert f"{seconds[f'stable-diffusion.{item}'] / seconds[f'stable-diffusion.{item}.compiled']:.1f}" == gain
