"""What a run would take: counts as they come out, hours by operations and by measured costs, what is not known."""

import re

import pytest

from benchmarks import estimates, run, sweep
from benchmarks.estimates import PRICED, operations, prices
from benchmarks.estimates.operations import Network
from benchmarks.estimates.work import work_of
from dp_common.config.registry import plugins
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput
from dp_common.lab import runner
from dp_common.persistence import ledger

HEAD = "item,unit,seconds_per_unit,threads,device\n"


OWN = """from dp_common.contracts import TeacherDefaults


class Own(TeacherDefaults):
    '''mine'''

    def prepare(self, task, device):
        pass

    def denoise(self, x, t, labels):
        return x

    def decode(self, x0):
        return x0

    def fingerprint(self, task):
        return ""
"""


H100_HOURS = {  # of the review of 2026-11: plain, guided, training, monitor, at 40 % of 989 TFLOP/s, monitor at 40
    "imagenet1k-640k": (11.4, 21.0, 30.5, 12.3),
    "imagenet1k-13080k": (23.3, 815.8, 30.5, 6.1),
    "imagenet1k-static-13000k": (462.8, 0, 30.5, 0.5),
    "imagenet100-128k": (1.1, 6.3, 7.6, 3.0),
    "imagenet100-prune-x18": (87.9, 0, 7.6, 0.8),
    "table1-imagenet1k-9100k": (46.3, 512.1, 60.9, 6.1),
}


LOOKING = [
    ["strategy=dp", "dp.schedule=even", "dp.score=bald", "heads.count=2"],
    ["strategy=dp", "dp.schedule=even", "dp.score=variance", "heads.source=epistemic"],
    ["strategy=dp", "dp.schedule=even", "dp.score=chamfer"],
    ["strategy=actgen", "actgen.schedule=even", "actgen.every=1", "task=digits-1797"],
    ["strategy=refresh", "refresh.schedule=even"],
    ["strategy=prune", "prune.schedule=even", "prune.oversample=2", "prune.rule=kcentre"],
    [
        "strategy=prune",
        "prune.schedule=even",
        "prune.oversample=2",
        "prune.rule=covariance",
        "prune.rule_args.real_per_class=3",
    ],
]


@pytest.mark.parametrize(
    "words",
    [
        ["strategy=static"],
        ["strategy=dp", "dp.schedule=even", "dp.every=2"],
        ["strategy=prune", "prune.schedule=even", "prune.interval=200", "prune.oversample=2"],
        ["strategy=prune", "prune.initial=0", "prune.interval=200", "prune.oversample=2", "prune.rule=moderate"],
        ["strategy=lgd", "lgd.schedule=even", "lgd.every=2", "reference.source=classifier"],
        *(pytest.param(words, marks=pytest.mark.slow) for words in LOOKING),
    ],
)
def test_what_is_planned_is_what_is_done(small, words):
    resolved = small(*words, "data.limit=100")
    work = work_of(resolved)
    summary = runner.execute(resolved, quiet=True)
    counts = {}
    for record in ledger.read(runner.folder_of(resolved)):
        for unit, n in record["spent"].get("counts", {}).items():
            counts[unit] = counts.get(unit, 0) + n
    made = counts["network_evaluations"] / resolved.spec.sampler.steps  # those that are made again among them
    looks, gradients = work.looks, counts.get("gradients", 0)
    assert work.plain + work.guided * work.share == pytest.approx(made, rel=0.02)
    assert work.seen + looks.reference == counts["images_trained"] and work.monitored == counts["monitor_evaluations"]
    looked = work.scored * (1 + looks.forwards) + looks.images
    assert looked == counts.get("classifier_evaluations", 0) - gradients
    steps = work.guided * work.gradients * work.share
    assert steps * (1 + looks.gradients) == pytest.approx(gradients, rel=0.3)
    assert work.kept == summary["scale"]


@pytest.mark.parametrize("name", H100_HOURS)
def test_presets_take_what_the_review_reckoned(no_gpu, name, monkeypatch):
    """Within rounding; guided images somewhat more, whose classifier is priced in fp32. The presets were so then."""
    monkeypatch.setattr(prices, "SHARES", {"half": 0.4, "tf32": 0.4, "fp32": 0.6})
    then = ["guide_precision=fp32"]
    if initial := resolve([f"preset=paper/{name}"]).values.get("dp.initial"):
        then.append(f"dp.interval={initial}")
    hours = estimates.estimate(resolve([f"preset=paper/{name}", *then])).hours
    plain, guided, training, monitor = H100_HOURS[name]
    assert hours["generate"] == pytest.approx(plain, rel=0.02, abs=0.05)
    assert guided <= hours["guided"] <= 1.05 * guided + 0.05
    assert hours["train"] == pytest.approx(training, rel=0.01) and hours["monitor"] == pytest.approx(monitor, rel=0.06)


def test_all_presets_of_the_paper_have_hours(no_gpu):
    found = [estimates.estimate(resolve([f"preset={name}"])) for name in plugins("preset") if name.startswith("paper/")]
    assert len(found) == 57 and {one.device for one in found} == {"H100"}
    assert 9_300 < sum(one.total for one in found) < 9_900
    assert all(one.image_bytes > 1e9 or not one.work.kept or one.work.plain == 0 for one in found)


def test_all_presets_of_the_rivals_have_hours_and_pay_for_their_reference(no_gpu):
    for name in (name for name in plugins("preset") if name.startswith("rivals/")):
        found = estimates.estimate(resolve([f"preset={name}"]))
        assert found.total > 0, name
    dp, rival = (
        estimates.estimate(resolve([f"preset={name}"]))
        for name in ("paper/imagenet100-128k", "rivals/imagenet100-learnability")
    )
    assert rival.hours["train"] == pytest.approx(1.25 * dp.hours["train"])
    assert rival.hours["guided"] > dp.hours["guided"]


DP = ["strategy=dp", "scale=400", "dp.initial=100", "dp.per_round=100"]  # three additions, of 100, 200 and 300 images


def test_images_that_start_from_others_pass_a_share_of_the_steps(no_gpu):
    words = ["strategy=actgen", "scale=400", "actgen.initial=100", "actgen.per_round=100", "actgen.fade=0.5"]
    half, whole = (estimates.estimate(resolve([*words, f"actgen.strength={s}"])) for s in (0.5, 1))
    assert half.hours["guided"] == pytest.approx(whole.hours["guided"] / 2) and half.work.guided == 300
    plain = estimates.estimate(resolve([*words, "actgen.omega=0", "actgen.strength=0.6"])).hours
    passed = 100 + 100 * 0.6 * (1 + 0.5 + 0.25)
    assert plain["generate"] / passed == pytest.approx(whole.hours["generate"] / 100)


def test_more_passes_take_longer_by_measured_costs_too(no_gpu):
    plain, bald = (estimates.estimate(resolve([*DP, f"dp.score={score}"])) for score in ("entropy", "bald"))
    assert plain.prices.measured and bald.hours["guided"] > plain.hours["guided"]
    assert bald.hours["train"] == plain.hours["train"]


def test_ratios_of_guidance_follow_from_the_table():
    """1.84 by the exact path and the full VAE, 1.04 by the decoder's and a tiny one, one step in five."""
    denoise = operations.part("denoiser", "sd-1.5", 64)
    look = prices.both(operations.table()[Network("learner", "vit_base_patch16_224", "3x224x224")])
    plain = 60 * denoise.forward + operations.part("vae", "sd", 64).forward
    exact = 6 * (prices.both(operations.part("vae", "sd", 64)) + look + 2 * denoise.backward)
    cheap = 6 * (prices.both(operations.part("tiny-vae", "sd", 64)) + look)
    assert 1 + exact / plain == pytest.approx(1.844, abs=0.001) and 1 + cheap / plain == pytest.approx(1.042, abs=0.001)


@pytest.mark.parametrize(
    "words, source",
    [
        (["strategy=dp"], "unit costs of digits.csv"),
        (["strategy=dp", "task=digits-1797"], "unit costs of cpu.csv"),
        (["strategy=dp", "task=digits-1797", "teacher=unet"], "unit costs of digits-unet.csv"),
        (["strategy=dp", "task=digits-1797", "teacher=unet", "device=cuda"], "counted operations at 25 %"),
        (["task=plane"], "rates that the digits recipes had on a CPU"),
        (["preset=paper/imagenet1k-640k", "device=cpu"], "rates that the digits recipes had on a CPU"),
        (["preset=paper/imagenet1k-640k"], "a reckoning"),
    ],
)
def test_it_says_what_it_goes_by(no_gpu, words, source):
    lines = estimates.lines(resolve(words))
    assert any(source in line for line in lines), lines
    assert not any("not known" in line for line in lines)


def test_a_gpu_preset_says_its_phases_the_share_of_monitoring_and_what_a_cpu_would_take(no_gpu):
    text = "\n".join(estimates.lines(resolve(["preset=paper/imagenet1k-640k"])))
    assert "320,000 plain, 320,000 guided at 6 of 30 steps; 409,600,000 seen in training; monitor 511 x 50,000" in text
    assert re.search(r"about 10\d H100-hours: generate 18\.2, guided 3\d\.\d, train 48\.\d, monitor 1 \(1 %", text)
    assert re.search(r"without a GPU, [\d,]+ days of one thread", text) and "of images (30.7 kB an image)" in text


def test_what_is_kept_decoded_is_on_the_disk_once_for_all_runs(no_gpu):
    def said(*words):
        return estimates.lines(resolve(["preset=paper/imagenet1k-640k", *words]))[-1]

    assert said().endswith("checkpoints; once for all runs 7.5 GB of real images, decoded")
    assert said("evaluate=curve").endswith("; once for all runs 15.1 GB of real images, decoded")
    assert all("decoded" not in said(word) for word in ("decoded=no", "data.limit=1000"))


def test_hours_by_measured_costs_follow_counts_steps_and_frequency(no_gpu):
    def hours(*words):
        return estimates.estimate(resolve(["strategy=dp", *words])).hours

    usual = hours()
    assert hours("train.seen=1M")["train"] == pytest.approx(hours("train.seen=250k")["train"] * 4, rel=0.01)
    assert hours("sampler.steps=40")["generate"] == pytest.approx(2 * usual["generate"])
    assert hours("sampler.steps=40")["guided"] == pytest.approx(2 * usual["guided"])
    assert hours("dp.every=1")["guided"] == pytest.approx(5 * usual["guided"], rel=0.15)
    assert hours("dp.every=10")["guided"] < usual["guided"] < hours("dp.every=2")["guided"]
    assert hours("mixture.components=24")["generate"] > usual["generate"]


@pytest.mark.parametrize(
    "device, asked, other",
    [("cuda", "digits", True), ("cpu", "h100", True), ("cpu", "digits", False), ("auto", "h100", False)],
)
def test_prices_of_another_device_than_the_one_that_is_named_are_said_to_be(no_gpu, device, asked, other):
    lines = estimates.lines(resolve(["strategy=dp", f"device={device}"]), asked)
    assert (f"          of another kind of device than device={device}; prices= takes others" in lines) == other


def test_prices_of_ones_own(no_gpu, tmp_path):
    file = tmp_path / "mine.csv"
    items = {"plain": 2.0, "relative.denoiser.every5": 3.0, "learner.train": 0.1, "learner.forward": 0.01}
    file.write_text(HEAD + "".join(f"unet.{name},images,{cost},8,Other GPU\n" for name, cost in items.items()))
    found = estimates.estimate(resolve(["strategy=dp", "task=digits-1797", "teacher=unet"]), str(file))
    assert found.device == "Other GPU" and found.hours["generate"] == pytest.approx(1000 * 2 / 3600)
    assert found.hours["guided"] == pytest.approx(3000 * 3 / 3600)
    assert found.hours["train"] == pytest.approx(128_000 * 0.1 / 3600)
    with pytest.raises(BadInput, match="prices=.*says nothing of mixture.plain"):
        estimates.estimate(resolve(["strategy=static"]), str(file))
    for bad in ("item,seconds\n", HEAD, HEAD + "unet.plain,images,soon,1,cpu\n"):
        file.write_text(bad)
        with pytest.raises(BadInput, match="not a file of benchmarks.speed"):
            estimates.estimate(resolve(["strategy=static"]), str(file))
    with pytest.raises(BadInput, match="no such file"):
        estimates.estimate(resolve(["strategy=static"]), str(tmp_path / "none.csv"))


def test_kinds_of_gpus(no_gpu):
    preset = resolve(["preset=paper/imagenet100-static-130k"])
    h100, a100 = (estimates.estimate(preset, gpu) for gpu in ("h100", "a100"))
    assert (h100.device, a100.device) == ("H100", "A100")
    assert a100.hours["train"] == pytest.approx(h100.hours["train"] * 989 / 312)


def test_a_teacher_that_nobody_knows_is_said_so_and_how_to_time_it(no_gpu, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    lines = estimates.lines(resolve(["strategy=static", f"teacher={tmp_path}/own.py"]))
    assert any("not known: what an image of teacher=" in line and "prices=here" in line for line in lines)
    with pytest.raises(BadInput, match="prices=h100"):
        estimates.estimate(resolve(["strategy=static", f"teacher={tmp_path}/own.py"]), "h100")


def test_costs_can_be_measured_here_and_now(no_gpu):
    words = ["strategy=dp", "mixture.components=2", "sampler.steps=5", "train.batch=64", "sampler.block=64"]
    found = estimates.estimate(resolve(words), "here")
    assert found.prices.measured and found.device == "thread" and all(found.hours[p] > 0 for p in ("guided", "train"))


def test_prices_are_for_dry_runs(tmp_path):
    for application in (run, sweep):
        with pytest.raises(BadInput, match="prices=cpu: only with dry_run=yes"):
            application.main(["strategy=static", "prices=cpu", f"root={tmp_path / 'runs'}"])
    assert not (tmp_path / "runs").exists()


def test_phases_of_an_estimate_are_those_that_are_priced():
    from dp_common.persistence.meter import PRICED as metered

    assert PRICED == metered


@pytest.mark.parametrize("typed", ["H100", "A100", "Here"])
def test_prices_that_are_no_file_are_known_in_capitals_too(no_gpu, typed):
    with pytest.raises(BadInput, match=f"^prices={typed}: no such file. Did you mean {typed.lower()}\\?$"):
        estimates.estimate(resolve(["strategy=static"]), typed)
