"""What happened inside one run as numbers over time, the way a tracker of experiments wants it: a step, a time, named
scalars.

The step is the number of images that training has seen, of all learners together. Only surviving work is told; hours
are those of all attempts so far, so that the last ``hours_spent/total`` is the run's ``gpu_hours_spent``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dp_common.config.specification import canonical
from dp_common.files import digest
from dp_common.persistence import ledger
from dp_common.persistence.meter import PRICED
from results.reading.history import ADDING

TRAINING = ("train", "cooldown")
SETS = {
    "test": "test/accuracy",
    "monitor": "monitor/accuracy_at_evaluation",
    "population": "population/accuracy",
}  # others are shifted/<set>


class Event(NamedTuple):
    """``place`` in the run, such as ``call 12``; ``what``: digest of what was done and measured there, the same if it
    was done again with the same outcome; ``step``: images seen; ``time``: Unix seconds; ``values``: {name: number}.
    """

    place: str
    what: str
    step: int
    time: float
    values: dict[str, float]


def events(records: Sequence[Any]) -> list[Event]:
    """Records of a ledger, or of any prefix of it -> [Event] in the order in which things happened."""
    spent, alive = hours_by_line(records), {record["n"] for record in ledger.surviving(records)}
    found, steps, additions = [], {0: 0}, 0
    for record in records:
        if record["n"] not in alive:
            continue
        if record["kind"] == "call":
            steps[record["call"]] = record["state"]["seen_total"]
            additions += record["name"] in ADDING
            values = of_call(record, additions)
        elif record["kind"] == "evaluate":
            values = {
                SETS.get(name, f"shifted/{name}"): share["accuracy"]
                for name, share in record.items()
                if isinstance(share, dict) and "accuracy" in share
            }
        else:
            continue
        if values:
            what = digest(canonical([record.get("digest"), values]))  # type: ignore[arg-type]
            found.append(
                Event(
                    f"{record['kind']} {record['call']}",
                    what,
                    steps.get(record["call"], 0),
                    record["t"],
                    values | spent[record["n"]],
                )
            )
    return found


def of_call(record: Mapping[str, Any], additions: int) -> dict[str, float]:
    """The numbers of one call of the strategy; {} of one that neither trains nor adds."""
    size = {"set/size": record["state"]["size"], "set/generated": record["state"]["generated"]}
    measured = record["measured"]
    if record["name"] in TRAINING:
        return {"train/loss": measured["loss"], "monitor/accuracy": measured["monitor"], **size}
    if record["name"] in ADDING:
        return {
            "additions/number": additions,
            "additions/images": record["answer"],
            **size,
            **{f"additions/{name}": value for name, value in measured.items() if value is not None},
        }
    return {}


def hours_by_line(records: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """[{"hours_spent/<phase>": device hours of all lines up to this one, "hours_spent/total": of the phases that have
    a price}], by line; work lost when an attempt was killed is in the total only, as in
    ``dp_common.persistence.summary.hours``.
    """
    seconds: dict[str, float] = {}
    lost, found = 0.0, []
    for record in records:
        spent = record.get("spent", {})
        for phase, more in spent.get("phases", {}).items():
            seconds[phase] = seconds.get(phase, 0.0) + more - spent.get("pooled", {}).get(phase, 0.0)
        lost += record["lost"] * record["devices"] if record["kind"] == "open" else 0.0
        total = sum(seconds.get(phase, 0.0) for phase in PRICED) + lost
        found.append(
            {
                **{f"hours_spent/{phase}": amount / 3600 for phase, amount in seconds.items()},
                "hours_spent/total": total / 3600,
            }
        )
    return found
