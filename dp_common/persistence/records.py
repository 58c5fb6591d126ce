"""What a line of the ledger holds, by kind, and what ``summary.json`` holds: the types of everything a run writes down.

``ledger.read`` returns these. ``record["kind"]`` tells them apart, for readers and for a type checker alike::

    calls = [record for record in ledger.read(folder) if record["kind"] == "call"]      # list[Call]

Two kinds have keys that depend on the run: ``evaluate`` one for each set of real images (``accuracies`` reads them),
``probe`` the columns of its table.
"""

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, cast


class Spent(TypedDict):
    """What the meter measured since the line before."""

    phases: dict[str, float]  # device seconds by phase (meter.PHASES), of all ranks
    counts: dict[str, int]  # units of work (summary.UNITS and a few more)
    beside: NotRequired[dict[str, float]]  # seconds of work within phases or beside them (meter.BESIDE); in no sum
    pooled: NotRequired[dict[str, float]]  # of ``phases``, what was not spent here: images came from the pool


class Line(TypedDict):
    """What every line holds beside its ``kind``.

    ``crc`` stands in the file only: reading checks it and takes it away.
    """

    n: int  # number of the line, from 0
    t: float  # Unix time
    attempt: int  # from 1
    spent: Spent
    crc: NotRequired[str]  # CRC-32 of the line without it, 8 hex digits


class Choice(TypedDict):
    """One key that somebody chose."""

    value: Any
    source: str  # command line, preset, a configuration file


class Commit(TypedDict):
    """The commit this code is of; None outside of a checkout."""

    commit: str | None
    dirty: bool | None


class Provenance(TypedDict):
    """Where and with what an attempt is made."""

    device: str  # the device's name, cpu, or mixed
    devices: int
    cpu: str
    cores: int | None
    host: str
    pid: int
    argv: list[str]
    git: Commit
    versions: dict[str, str | None]


class Open(Line, Provenance):
    """An attempt starts."""

    kind: Literal["open"]
    run_id: str
    lost: float  # seconds between the last line of a killed attempt and its last sign of life
    values: dict[str, Any]  # every key that decides the result, resolved
    chosen: NotRequired[dict[str, Choice]]  # those of them that somebody chose; absent in old ledgers
    fingerprints: dict[str, Any]
    words: list[str]  # the overrides as they were typed
    places: dict[str, Any]  # where data and weights are
    pool: NotRequired[str]  # key of the pool that plain images are shared in; absent with pool=no


class Resume(Line):
    """Which call the attempt goes on from; lines of later calls before this one are lost work."""

    kind: Literal["resume"]
    call: int
    position: int  # images seen if that was in the middle of a training, else 0


class Shard(Line):
    """Images were stored."""

    kind: Literal["shard"]
    call: int
    key: str  # of what made them, the learner's digest included, and the index of the first
    file: str
    digest: str
    rows: int
    measured: dict[str, float]  # means over its images, of what was measured when they were new


class Partial(Line):
    """What a selection's scan on one rank has found since it was saved last."""

    kind: Literal["partial"]
    call: int
    key: str
    file: str
    digest: str
    rows: int
    spans: list[list[int]]  # [start, stop) of the candidates seen, since the state before it
    replaces: list[str]  # files this one takes the place of: of older ledgers, whose states were whole
    present: bool  # is the present training set among the candidates seen?
    present_rows: NotRequired[int]  # how many of its images are; absent in old ledgers


class State(TypedDict):
    """Where a strategy is after a call. All but the flag count images, iterations or additions."""

    size: int  # images in the training set
    seen: int  # images the present learner has seen
    since: int  # images it had seen when the training set became what it is
    seen_total: int  # images seen in training by this run, restarts included
    iterations: int
    generated: int  # images made, candidates included: the next index
    rounds: int  # additions, the initial set included
    frozen: bool  # is a copy of the learner kept?
    reference: NotRequired[bool]  # is a classifier of the real images kept? These three are absent in old ledgers
    information: NotRequired[int]  # 0 to 3: the class of what of the real world was seen (docs/definitions.md)
    consulted: NotRequired[int]  # real images seen of it


class Call(Line):
    """A call of the strategy was answered."""

    kind: Literal["call"]
    call: int
    name: str
    args: dict[str, Any]
    digest: str  # of name and arguments
    answer: Any
    state: State
    added: list[dict[str, Any]]  # {"file", "digest", "rows"} of a shard, {"real": n[, "balance"]} of real ones
    replaced: bool  # did they take the place of those before?
    used: list[str]  # files
    measured: dict[str, float]


class Checkpoint(Line):
    """A file was written that may be resumed from, after call ``call``."""

    kind: Literal["checkpoint"]
    call: int
    file: str
    digest: str


class Midway(Line):
    """The same in the middle of a training, which is call ``call``."""

    kind: Literal["midway"]
    call: int
    file: str
    digest: str
    position: int  # images seen
    loss: float  # sum of the iterations' losses so far
    of: str  # digest of the training's name and arguments


class Snapshot(Line):
    """The guiding weights at an addition or a freeze were kept, in half precision."""

    kind: Literal["snapshot"]
    call: int
    file: str
    digest: str


class Probe(Line):
    """What the snapshots say of each addition; beside these keys a table, in columns (probes/)."""

    kind: Literal["probe"]
    call: int
    additions: list[int]  # the calls that made them


class Accuracy(TypedDict):
    """Accuracy on a set of real images."""

    accuracy: float
    n: int
    interval: list[float]  # 95 % Wilson, [low, high]


class Evaluate(Line):
    """Accuracy on sets of images after call ``call``; each shifted set beside these under its own name."""

    kind: Literal["evaluate"]
    call: int
    test: Accuracy
    monitor: Accuracy
    population: NotRequired[Accuracy]  # held-out images of the teacher's own distribution


class Close(Line):
    """The attempt ended."""

    kind: Literal["close"]
    state: Literal["done", "interrupted", "failed"]
    why: NotRequired[str]  # unless done
    wall: float  # seconds
    peaks_gib: NotRequired[dict[str, float]]  # the first rank's memory at most: host, and device where it counts


Record: TypeAlias = Open | Resume | Shard | Partial | Call | Checkpoint | Midway | Snapshot | Probe | Evaluate | Close
KINDS: dict[str, type] = {
    "open": Open,
    "resume": Resume,
    "shard": Shard,
    "partial": Partial,
    "call": Call,
    "checkpoint": Checkpoint,
    "midway": Midway,
    "snapshot": Snapshot,
    "probe": Probe,
    "evaluate": Evaluate,
    "close": Close,
}


def accuracies(record: Evaluate) -> dict[str, Accuracy]:
    """The accuracy on each set of an ``evaluate`` line, by name: test, monitor, population, and the shifted sets."""
    known = {*Line.__annotations__, "kind", "call"}
    return {name: cast(Accuracy, value) for name, value in record.items() if name not in known}


class Addition(TypedDict):
    """One addition of images to the training set, with means of what was measured of them when they were new."""

    call: Literal["generate", "select", "real"]
    images: int
    size: int  # of the training set with them
    seen: int  # images the learner had seen when they came
    omega: float
    score_at_birth: NotRequired[float]  # mean of the guiding or selecting score
    true_label: NotRequired[float]  # rate at which the label is the most probable class, where the density is known
    log_density: NotRequired[float]  # nats, given the label; both before clamping and encoding


class Summary(TypedDict):
    """``summary.json`` of a run that is done: a function of its ledger and its specification.

    GPU hours are device hours.
    """

    run_id: str
    state: Literal["done"]
    strategy: str
    task: str
    teacher: str
    learner: str
    scale: int
    scale_reached: bool
    seed: int
    accuracy: float  # on test
    accuracy_interval: list[float]
    monitor_accuracy: float
    shifted: dict[str, float]  # accuracy on each shifted set
    population: float | None  # accuracy on held-out images of the teacher's own distribution; None: there are none
    population_images: int  # how many they are
    images_generated: int
    images_kept: int
    images_seen: int
    iterations: int
    rounds: int
    network_evaluations: int
    decoder_evaluations: int
    preview_evaluations: int
    classifier_evaluations: int
    gradients: int
    network_gradients: int
    not_moved: int
    monitor_evaluations: int
    device: str
    devices: int
    threads: int
    gpu_hours: dict[str, float | None]  # by phase, of surviving work; ``total`` is None where devices were mixed
    gpu_hours_spent: float  # in all attempts, lost work included; without images that came from the pool
    additions: list[Addition]
    monitor: str
    information_class: NotRequired[str]  # I0 to I3: what of the real world was seen; absent in old summaries
    real_images_consulted: NotRequired[int]  # of the teacher's own
    attempts: int
    probe_hours: float
    store_digest: str  # of the final training set: pixels, labels, indices
    values: dict[str, Any]
    chosen: NotRequired[dict[str, Choice]]  # absent in old summaries
    fingerprints: dict[str, Any]
    versions: dict[str, str | None]
    git: Commit
