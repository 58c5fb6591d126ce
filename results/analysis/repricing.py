"""Hours as they would have been elsewhere: what a run did, times what each of it costs by a file of
``benchmarks.speed``.

    generate   plain images, those pruned away included     x  <teacher>.plain
    guided     guided images                                x  <teacher>.<rule>.<path>.every<n>
    score      images that the learner answers to           x  <teacher>.learner.forward
    train      images seen in training, by a reference too  x  <teacher>.learner.train
    monitor    monitor images evaluated                     x  <teacher>.learner.forward

An image costs what one cost there, with the sampler of that file; one that is made again is paid again, one that starts
from a real image costs its part of the way. The digits suite calls its teacher, the mixture, ``sample``. What a score
or a rule takes beside these, further classifiers, densities, features, is ``method_costs``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from dp_common.config.specification import Sampler
from dp_common.errors import BadInput
from dp_common.persistence.meter import PRICED
from results.analysis import method_costs
from results.analysis.arms import parameters
from results.analysis.method_costs import EXACT, RELATIVE, Missing, Units

MIXTURE = {"plain": "sample.plain", "guided": "sample.", "train": "learner.train", "forward": "learner.forward"}
COUNTED = (
    "additions",
    "images_generated",
    "images_seen",
    "network_evaluations",
    "classifier_evaluations",
    "gradients",
    "network_gradients",
    "monitor_evaluations",
)
MARK = "re-priced"
USUAL = "relative"  # the rule that files have at least


@dataclass(frozen=True)
class Prices:
    """``seconds`` {item:

    seconds per unit} of the file ``name``, measured on ``device``, of the ``teachers`` it prices whole.
    """

    name: str
    device: str
    seconds: dict[str, float]
    teachers: tuple[str, ...]

    @property
    def label(self) -> str:
        """What stands for the device of hours that were not measured."""
        return f"{MARK}: {self.device}, {self.name}"


def load(file: str | Path) -> Prices:
    """The prices in a CSV as ``python -m benchmarks.speed out=FILE.csv`` writes it. Raises BadInput."""
    path = Path(file)
    if not path.is_file():
        raise BadInput("prices", file, "no such file; python -m benchmarks.speed out=FILE.csv writes one")
    try:
        rows = pd.read_csv(path)
        seconds = dict(zip(rows["item"], rows["seconds_per_unit"].astype(float)))
        devices = sorted(set(rows["device"]))
    except (ValueError, KeyError) as error:
        raise BadInput(
            "prices", file, "not a file of benchmarks.speed, with columns item, seconds_per_unit, device"
        ) from error
    if len(devices) != 1:
        raise BadInput("prices", file, f"one device; it has {', '.join(map(str, devices)) or 'none'}")
    named = {item.removesuffix(".learner.train") for item in seconds if item.endswith(".learner.train")}
    teachers = [
        name
        for name in dict.fromkeys(["mixture", *sorted(named)])
        if {items_of(name, seconds)[part] for part in ("plain", "train", "forward")} <= set(seconds)
    ]
    if not teachers:
        raise BadInput(
            "prices",
            file,
            "costs of plain images and of the learner of one teacher at least, as suite=digits or suite=teacher of "
            "benchmarks.speed measures",
        )
    return Prices(path.name, devices[0], seconds, tuple(teachers))


def items_of(teacher: str, seconds: Mapping[str, float]) -> dict[str, str]:
    """{part of the work: its item} in a file of costs, guided images having a prefix: as suite=teacher names them, or,
    of the mixture, as suite=digits does.
    """
    if teacher == "mixture" and MIXTURE["plain"] in seconds:
        return MIXTURE
    return {
        "plain": f"{teacher}.plain",
        "guided": f"{teacher}.",
        "train": f"{teacher}.learner.train",
        "forward": f"{teacher}.learner.forward",
    }


def reprice(frame: pd.DataFrame, prices: Prices) -> pd.DataFrame:
    """The frame with ``hours_repriced`` (total of the priced phases), ``hours_repriced.<phase>``, in device hours on
    ``prices.device``, and ``repriced_why``, the reason where a finished run has none. Raises BadInput where the file
    prices several teachers, none of them a run's.
    """
    found = pd.DataFrame(
        [hours_of(row, prices) if row["state"] == "done" else {} for row in frame.to_dict("records")], index=frame.index
    )
    names = [f"hours_repriced.{phase}" for phase in PRICED]
    found = found.reindex(columns=[*names, "repriced_why"])
    found[names] = found[names].astype(float)
    return frame.assign(**found, hours_repriced=found[names].sum(axis=1, skipna=False))


def priced(frame: pd.DataFrame, prices: Prices) -> pd.DataFrame:
    """The frame with re-priced hours in the place of the measured ones: ``gpu_hours.<phase>``, their ``total``;
    ``device`` says whose they are, and there is nothing spent on attempts that were lost. All that reads hours then
    reads these.
    """
    new = reprice(frame, prices)
    done = new["state"] == "done"
    hours: dict[str, Any] = {f"gpu_hours.{phase}": new[f"hours_repriced.{phase}"] for phase in PRICED}
    hours |= {"gpu_hours.total": new["hours_repriced"], "gpu_hours_spent": nan}
    return new.assign(
        **hours,
        device=new["device"].where(~done, prices.label),
    )


def kind_of(device: str) -> str:
    """What hours are called, "CPU hours" or "GPU hours", by the name of a device, re-priced or measured."""
    return "CPU hours" if device.removeprefix(f"{MARK}: ").startswith("cpu") else "GPU hours"


def marking(device: str) -> str:
    """The sentence of a caption that says of hours on this device that they were not measured; "" where they were."""
    if not device.startswith(MARK):
        return ""
    return (
        "Hours are re-priced, not measured in these runs: counts of what was done (images plain, guided and scored, "
        "what scores and rules look at beside, images seen in training, "
        f"monitored) times unit costs measured apart ({device.removeprefix(f'{MARK}: ')}). "
    )


def hours_of(row: Mapping[Any, Any], prices: Prices) -> dict[str, Any]:
    """{hours_repriced.<phase>: device hours} of one finished run, or why not."""
    uncounted = [name for name in COUNTED if row.get(name) is None or row[name] != row[name]]
    if uncounted:
        return {"repriced_why": f"its summary does not count {', '.join(uncounted)}"}
    teacher = teacher_of(row, prices)
    item = items_of(teacher, prices.seconds)
    units = Units(prices.seconds, item["guided"] + RELATIVE)
    cost = {part: prices.seconds[name] for part, name in item.items() if part != "guided"}
    work = work_of(row)
    # one file for all sampler settings: that of the mixture was measured with the default ones, whose work per
    # image is known
    default = row["teacher"] == teacher == "mixture"
    each = row["values"]["sampler.steps"] * passes_of(row) / Sampler().steps if default else 1.0
    try:
        each_guided, more = guided_cost(row, work, teacher, prices, units) if work.steps else (0.0, 0.0)
        guided = work.guided * each_guided * each
        exact = work.exact * units.of(EXACT) if work.exact else 0.0
        seconds = {
            "generate": work.plain * cost["plain"] * each + exact,
            "guided": guided + work.steps * more + method_costs.of_guidance(row, work.steps, units),
            "score": (row["classifier_evaluations"] - row["gradients"]) * cost["forward"]
            + method_costs.of_scoring(row, units)
            + method_costs.of_sets(row, units, cost["forward"])
            + method_costs.of_rule(row, units),
            "train": row["images_seen"] * cost["train"],
            "monitor": row["monitor_evaluations"] * cost["forward"],
        }
    except Missing as missing:
        return {"repriced_why": f"{prices.name} has no item {missing}"}
    return {f"hours_repriced.{phase}": amount / 3600 for phase, amount in seconds.items()}


class Work(NamedTuple):
    """What a run sampled, in images that take the sampler's whole way: those that are made again count again, and of
    one that starts from an image its part of the way. ``steps``: of images that were guided.
    """

    plain: float
    guided: float
    exact: float
    steps: float


def work_of(row: Mapping[str, Any]) -> Work:
    """By the counts of a run; of a teacher that holds images each is one."""
    values, made = row["values"], row["images_generated"]
    plain = sum(one["images"] for one in row["additions"] if one["call"] == "generate" and not one["omega"])
    if values.get("sampler.exact"):
        return Work(0.0, 0.0, made, 0.0)
    whole = values["sampler.steps"] * passes_of(row)
    images = row["network_evaluations"] / whole if row["network_evaluations"] else made
    if not row["gradients"]:
        return Work(images, 0.0, 0.0, 0.0)
    if not any(one["omega"] for one in row["additions"] if one["call"] == "select"):  # what is selected was plain
        plain = made - sum(one["images"] for one in row["additions"] if one["call"] == "generate" and one["omega"])
    return Work(plain, images - plain, 0.0, guided_steps(row, images))


def guided_steps(row: Mapping[str, Any], images: float) -> float:
    """Steps of images that were guided: those with a gradient through the network, else those with one through the
    decoder alone, whose ``gradients`` may have further classifiers among them.
    """
    if row["network_gradients"]:
        return row["network_gradients"]
    decoded = sum(row.get(name) or 0 for name in ("decoder_evaluations", "preview_evaluations"))
    started = "strength" in parameters(row["values"])
    return row["gradients"] if started or decoded <= images else min(row["gradients"], decoded - images)


def passes_of(row: Mapping[str, Any]) -> float:
    """Of the network, for a step of an image: two with classifier-free guidance, or what they were on average."""
    values = row["values"]
    if values.get("sampler.cfg_low") or values.get("sampler.cfg_high"):
        return row["network_evaluations"] / (values["sampler.steps"] * row["images_generated"])
    return 2.0 if values.get("sampler.cfg_scale", 1) != 1 else 1.0


def teacher_of(row: Mapping[Any, Any], prices: Prices) -> str:
    """The teacher whose costs price a run: its own, else the only one there is."""
    if row["teacher"] in prices.teachers:
        return row["teacher"]
    if len(prices.teachers) > 1:
        raise BadInput(
            "prices",
            prices.name,
            f"prices {', '.join(prices.teachers)}; which of them is meant for teacher {row['teacher']}? "
            "Keep one in the file",
        )
    return prices.teachers[0]


def guided_cost(row: Mapping[str, Any], work: Work, teacher: str, prices: Prices, units: Units) -> tuple[float, float]:
    """(seconds of an image guided by entropy, by the run's rule, path and share of guided steps; what a step takes more
    where the rule was only measured beside ``relative``). Raises Missing.

    A share that was not measured is read between a plain image and one guided at every step: the cost is linear in it.
    """
    values, prefix = row["values"], items_of(teacher, prices.seconds)["guided"]
    share = work.steps / (work.guided * values["sampler.steps"])
    path, rule = "denoiser" if row["network_gradients"] else "decoder", parameters(values).get("rule", USUAL)
    every = f"every{round(1 / share)}"
    decode = values.get("stable_diffusion.guide_decode", "full")
    own, usual = (known_costs(f"{prefix}{one}.{path}", every, decode, prices.seconds) for one in (rule, USUAL))
    more = 0.0
    if not own and usual and f"ruled.{rule}" in prices.seconds:
        own, more = usual, units.step_more(f"ruled.{rule}")
    if every in own and abs(1 / round(1 / share) - share) < 0.01:
        return own[every], more
    if "every1" not in own:
        raise Missing(f"{prefix}{rule}.{path}.{every}")
    plain = prices.seconds[items_of(teacher, prices.seconds)["plain"]]
    return plain + share * (own["every1"] - plain), more


def known_costs(stem: str, every: str, decode: str, seconds: Mapping[str, float]) -> dict[str, float]:
    """{every<n>: seconds of a guided image} of one rule and path, at this share of steps and at all of them."""
    return {
        ending: seconds[name]
        for ending in (every, "every1")
        for name in (f"{stem}.{ending}", f"{stem}.{ending}.{decode}")
        if name in seconds
    }
