"""Hours as they would have been elsewhere: what a run did, times what each of it costs by a file of
``benchmarks.speed``.

    generate   plain images, those pruned away included     x  <teacher>.plain
    guided     guided images                                x  <teacher>.<rule>.<path>.every<n>
    score      images scored                                x  <teacher>.learner.forward
    train      images seen in training                      x  <teacher>.learner.train
    monitor    monitor images evaluated                     x  <teacher>.learner.forward

An image costs what one cost there, with the sampler of that file. The digits suite calls its teacher, the mixture,
``sample``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd

from dp_common.config.specification import Sampler
from dp_common.errors import BadInput
from dp_common.persistence.meter import PRICED
from results.analysis.arms import parameters

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
        "seen in training, "
        f"monitored) times unit costs measured apart ({device.removeprefix(f'{MARK}: ')}). "
    )


def hours_of(row: Mapping[Any, Any], prices: Prices) -> dict[str, Any]:
    """{hours_repriced.<phase>: device hours} of one finished run, or why not."""
    uncounted = [name for name in COUNTED if row.get(name) is None or row[name] != row[name]]
    if uncounted:
        return {"repriced_why": f"its summary does not count {', '.join(uncounted)}"}
    teacher = teacher_of(row, prices)
    item = items_of(teacher, prices.seconds)
    guided = sum(
        addition["images"] for addition in row["additions"] if addition["call"] == "generate" and addition["omega"]
    )
    plain, scored = row["images_generated"] - guided, row["classifier_evaluations"] - row["gradients"]
    key, guided_seconds = guided_cost(row, guided, teacher, prices) if guided else (None, 0.0)
    if guided_seconds is None:
        return {"repriced_why": f"{prices.name} has no item {key}"}
    # one file for all sampler settings: that of the mixture was measured with the default ones, whose work per
    # image is known
    default = row["teacher"] == teacher == "mixture" and row["images_generated"]
    work = row["network_evaluations"] / row["images_generated"] / Sampler().steps if default else 1.0
    cost = {part: prices.seconds[name] for part, name in item.items() if part != "guided"}
    seconds = {
        "generate": plain * cost["plain"] * work,
        "guided": guided * guided_seconds * work,
        "score": scored * cost["forward"],
        "train": row["images_seen"] * cost["train"],
        "monitor": row["monitor_evaluations"] * cost["forward"],
    }
    return {f"hours_repriced.{phase}": amount / 3600 for phase, amount in seconds.items()}


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


def guided_cost(row: Mapping[str, Any], guided: int, teacher: str, prices: Prices) -> tuple[str, float | None]:
    """(item, seconds of a guided image), by the run's rule, path and share of guided steps; None where the file does
    not know it.

    A share that was not measured is read between a plain image and one guided at every step: the cost is linear in it.
    """
    values = row["values"]
    share = row["gradients"] / guided / values["sampler.steps"]
    path = "denoiser" if row["network_gradients"] else "decoder"
    stem = f"{items_of(teacher, prices.seconds)['guided']}{parameters(values).get('rule', 'relative')}.{path}"
    decode = values.get("stable_diffusion.guide_decode", "full")
    costs = {
        ending: prices.seconds[name]
        for ending in (f"every{round(1 / share)}", "every1")
        if share
        for name in (f"{stem}.{ending}", f"{stem}.{ending}.{decode}")
        if name in prices.seconds
    }
    every = f"every{round(1 / share)}" if share else "every1"
    if every in costs and abs(1 / round(1 / share) - share) < 0.01:
        return f"{stem}.{every}", costs[every]
    if "every1" not in costs:
        return f"{stem}.{every}", None
    plain = prices.seconds[items_of(teacher, prices.seconds)["plain"]]
    return f"{stem}.every1", plain + share * (costs["every1"] - plain)
