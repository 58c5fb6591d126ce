"""From ``key=value`` words to a checked, fully resolved specification, with the source of every value.

Layers, later ones win: dataclass defaults < the teacher's recipe < the task's recipe < ``preset=`` < command line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from dp_common import files
from dp_common.config import registry
from dp_common.config.draft import PARTS, Draft, by_section, choose_parts, parse
from dp_common.config.durations import seconds
from dp_common.config.identity import identity, run_id
from dp_common.config.presets import read_preset
from dp_common.config.registry import Plugin
from dp_common.config.specification import PAIRS, RECIPE, ROW_GROUP, Budget, Runtime, Spec, Train
from dp_common.config.typed import TypedConfig, default_of, flatten
from dp_common.contracts import Strategy, Task, Teacher
from dp_common.errors import BadInput


@dataclass
class Resolved:
    """A run ready to start.

    Attributes:
        values: {key: value} of all that decides the result, in the order of the dataclasses.
        places: {key: value} of what changes no number and is not hashed: where data and weights are (their
            fingerprints are hashed), and knobs of memory that round nothing otherwise.
        sources: {key: where its value is from}.
        chosen: {key: {"value", "source"}} of the keys in ``values`` that would be otherwise had nobody said anything:
            a value that is the default, what a recipe says, or what the strategy derives by itself is not chosen.
            ``value`` as it was given, also where the strategy derives another of it.
        fingerprints: hashed too: recipe version, data, teacher, sources of plugins that are not this package's own.
        plugins: {"task", "teacher", "strategy", "learner" or another key that names a plugin, such as dp.score:
            Plugin}.
        scores: (key, name, does its gradient guide) of each key that names a score.
        notes: for people, one line each.
    """

    spec: Spec
    runtime: Runtime
    task: Task
    teacher: Teacher
    strategy: Strategy
    budget: Budget
    values: dict[str, Any]
    places: dict[str, Any]
    sources: dict[str, str]
    chosen: dict[str, dict[str, Any]]
    run_id: str
    fingerprints: dict[str, Any]
    words: list[str]
    plugins: dict[str, Plugin]
    scores: list[tuple[str, str, bool]]
    notes: list[str] = field(default_factory=list)


def resolve(words: Sequence[str], plugin_paths: Mapping[str, str] | None = None) -> Resolved:
    """``["strategy=dp", "scale=4k", ...]`` -> Resolved; imports no torch unless a plugin does.

    Args:
        words: overrides, ``key=value`` each.
        plugin_paths: copies to read in place of the plugin files in ``words``, {as typed: path of the copy}.

    Raises:
        BadInput: naming key, value and what is allowed.
    """
    given = parse(words)
    preset_name = given.pop("preset", None)
    preset = read_preset(preset_name) if preset_name else {}
    parts = choose_parts(preset | given, plugin_paths)
    classes = {kind: plugin.load() for kind, plugin in parts.items()}
    layers = [
        (f"teacher {parts['teacher'].name}", classes["teacher"].recipe),
        (f"task {parts['task'].name}", classes["task"].recipe_of(preset | given)),
        (f"preset {preset_name}", preset),
        ("command line", by_section(given, parts)),
    ]
    shape = {"": Spec, "runtime": Runtime}
    shape |= {parts[kind].section: classes[kind] for kind in PARTS if is_dataclass(classes[kind])}
    draft = Draft(TypedConfig(shape), parts, classes)
    for source, layer in layers:
        draft.set_all(source, layer)
    draft.name_plugins(plugin_paths)
    draft.refuse_keys_without_effect(given)
    return assemble(draft, list(words))


def assemble(draft: Draft, words: list[str]) -> Resolved:
    """The resolved run of typed values. Raises BadInput."""
    config, plugins, sources = draft.config, draft.plugins, dict(draft.sources)
    spec, runtime = config.build(""), config.build("runtime")
    if not runtime.root:
        raise BadInput("root", None, "a folder for the runs, such as root=results/runs")
    parts = {kind: draft.instance(kind) for kind in PARTS}
    parts["task"].data = spec.data
    notes = raise_budget(spec, sources)
    seconds("limit", runtime.limit)
    check_shards(spec, runtime)
    if runtime.pool_candidates == "keep" and not runtime.pool:
        raise BadInput("pool.candidates", "keep", "only with pool=yes")
    check_micro(spec.train)
    check_temperature(spec, parts["teacher"])
    check_population(spec, parts["teacher"])
    check_sampler(spec, parts["teacher"])
    check_format(spec, getattr(parts["task"], "shape", None))
    budget = Budget(spec.scale, spec.train.seen, spec.train.batch, len(parts["task"].classes))
    derive(parts["strategy"], plugins["strategy"].section, budget, sources)
    values = flatten(spec)
    for kind in PARTS:
        if is_dataclass(parts[kind]):
            values |= {f"{plugins[kind].section}.{key}": value for key, value in flatten(parts[kind]).items()}
    check_bounds(config, values)
    places = {key: values.pop(key) for key, known in config.known.items() if known.unhashed and key in values}
    fingerprints = {
        "recipe_version": RECIPE,
        "data_fingerprint": parts["task"].fingerprint(),
        "teacher_fingerprint": parts["teacher"].fingerprint(parts["task"]),
    } | {f"{key}_source": plugin.source_digest() for key, plugin in plugins.items() if not plugin.built_in}
    if checkpoint := spec.train.model_args.get("checkpoint_path"):
        fingerprints["learner_weights"] = weights_digest(str(checkpoint))
    defaults = {key: default_of(known.field) for key, known in config.known.items()}
    foreign = [plugins[kind].section for kind in PARTS if not plugins[kind].built_in]
    return Resolved(
        spec=spec,
        runtime=runtime,
        budget=budget,
        values=values,
        places=places,
        sources={key: sources.get(key, "default") for key in values | places},
        chosen=chosen(draft, values, budget),
        run_id=run_id(values, identity(values, defaults, foreign) | fingerprints),
        fingerprints=fingerprints,
        words=words,
        plugins=plugins,
        scores=[
            (key, values[key], known.field.metadata.get("guides", False))
            for key, known in config.known.items()
            if known.field.metadata.get("plugin") == "score" and values.get(key)
        ],
        notes=notes,
        **parts,
    )


def weights_digest(path: str) -> str:
    """Of the weights a learner starts from; "" where they are not there, which is refused later."""
    return files.digest(Path(path).read_bytes()) if Path(path).is_file() else ""


def chosen(draft: Draft, values: Mapping[str, Any], budget: Budget) -> dict[str, dict[str, Any]]:
    """What was chosen; see ``Resolved.chosen``. A parameter of the strategy is if the strategy would not come to the
    same value by itself, with all its others as they are.
    """
    config, usual, section = draft.config, draft.usual, draft.parts["strategy"].section
    plain = usual.build("")
    plain.scale, plain.train.batch = budget.scale, budget.batch
    raise_budget(plain, {})
    expected = flatten(plain) | {"train.batch": usual.get("train.batch"), "scale": usual.get("scale")}
    expected |= {key: usual.get(key) for key, known in usual.known.items() if known.part}
    found = {}
    for key, value in values.items():
        source = draft.said.get(key) or draft.said.get(config.mapping_of(key) or key)
        if source is None:
            continue
        whole = key if key in config.known else config.mapping_of(key)
        if whole and config.known[whole].part == section:
            other = config.copy(section)
            other.put(whole, usual.get(whole))
            trial = draft.instance("strategy", other)
            try:
                trial.resolve_defaults(budget)
                same = flatten(trial).get(key.removeprefix(f"{section}.")) == value
            except BadInput:
                same = False
            value = config.get(key) if key in config.known else value
        else:
            same = key in expected and expected[key] == value
        if not same:
            found[key] = {"value": value, "source": source}
    return found


def sections(words: Sequence[str] = ()) -> list[tuple[str, Any]]:
    """(title, dataclass) of everything that has keys, for --help; plugins that do not load have none.

    Args:
        words: overrides; of the plugins that they give by path, too, before the others of their kind. Those are
            loaded or refused: somebody asks for them.
    """
    rows: list[tuple[str, Any]] = [("specification", Spec), ("runtime", Runtime)]
    given = {key: value for key, equals, value in (word.partition("=") for word in words) if equals}
    for kind in PARTS:
        asked = registry.find(kind, given[kind]) if kind in given else None
        if asked and asked.spelling:
            cls = asked.load()
            rows += [(asked.section, cls)] if is_dataclass(cls) and fields(cls) else []
        for plugin in registry.plugins(kind).values():
            try:
                cls = plugin.load()
            except BadInput:
                continue  # --list --check says what is wrong with it
            rows += [(plugin.section, cls)] if is_dataclass(cls) and fields(cls) else []
    return rows


def check_bounds(config: TypedConfig, values: Mapping[str, Any]) -> None:
    """Refuse a value above that of the key which bounds it, and one that is not finite."""
    for key, known in config.known.items():
        bound = known.field.metadata.get("at_most")
        if bound and values[key] > values[bound]:
            raise BadInput(key, values[key], f"at most {bound}, {values[bound]}")
    for key, value in values.items():
        if isinstance(value, float) and value - value != 0:
            raise BadInput(key, value, "a finite number")


def check_shards(spec: Spec, runtime: Runtime) -> None:
    """Refuse shards that no whole number of blocks fills."""
    if runtime.shard % spec.sampler.block:
        raise BadInput("shard", runtime.shard, f"a multiple of sampler.block, {spec.sampler.block}")
    if spec.train.order == "block" and runtime.shard % ROW_GROUP:
        groups = f"a multiple of {ROW_GROUP} with train.order=block, which shuffles groups of so many images"
        raise BadInput("shard", runtime.shard, groups)


def check_micro(train: Train) -> None:
    """Refuse parts of a batch that do not make it up, or that would cut the blocks in which images are mixed."""
    if train.micro and train.batch % train.micro:
        raise BadInput("train.micro", train.micro, f"a divisor of train.batch, {train.batch}")
    if (train.mixup or train.cutmix) and (train.micro or train.batch) % PAIRS:
        key = "train.micro" if train.micro else "train.batch"
        mixing = f"a multiple of {PAIRS} with train.mixup or train.cutmix, which pair images in blocks of {PAIRS}"
        raise BadInput(key, train.micro or train.batch, mixing)


def check_population(spec: Spec, teacher: Teacher) -> None:
    """Raises BadInput for held-out images of a teacher that deals out all it holds."""
    if spec.population.images > 0 and teacher.holds_images:
        said = f"0 with teacher={spec.teacher}, which deals out all images that it holds"
        raise BadInput("population.images", spec.population.images, said)


def check_temperature(spec: Spec, teacher: Teacher) -> None:
    """Refuse a temperature where it is not known how wide the teacher's modes are."""
    sampler = spec.sampler
    if sampler.temperature != 1 and teacher.holds_images:
        raise BadInput("sampler.temperature", sampler.temperature, f"1 with teacher={spec.teacher}, which samples none")
    if sampler.temperature != 1 and not (teacher.tempers or sampler.mode_variance):
        known = f"1 with teacher={spec.teacher}, which has no exact temperature, unless sampler.mode_variance is given"
        raise BadInput("sampler.temperature", sampler.temperature, known)
    if sampler.mode_variance and sampler.temperature == 1:
        raise BadInput("sampler.mode_variance", sampler.mode_variance, "0 at sampler.temperature=1, which needs none")


def check_sampler(spec: Spec, teacher: Teacher) -> None:
    """Refuse an interval without the guidance that it limits, and exact draws where there are none."""
    sampler = spec.sampler
    for key, value in (("cfg_low", sampler.cfg_low), ("cfg_high", sampler.cfg_high)):
        if value and sampler.cfg_scale == 1:
            raise BadInput(f"sampler.{key}", value, "0 at sampler.cfg_scale=1, which guides at no noise level")
    if sampler.cfg_high and sampler.cfg_high <= sampler.cfg_low:
        raise BadInput("sampler.cfg_high", sampler.cfg_high, f"above sampler.cfg_low, {sampler.cfg_low}, or 0")
    if sampler.exact and not teacher.knows_density:
        raise BadInput("sampler.exact", "yes", f"no with teacher={spec.teacher}, whose density is not known")
    if sampler.exact and sampler.temperature != 1:
        raise BadInput("sampler.exact", "yes", "no at a sampler.temperature other than 1")
    if sampler.exact and sampler.cfg_scale != 1:
        raise BadInput(
            "sampler.exact", "yes", "no at a sampler.cfg_scale other than 1: a draw is of its class's density"
        )


def check_format(spec: Spec, shape: Sequence[int] | None) -> None:
    """Refuse WebP for grey images, which it gives back in colour. ``shape``: [C, H, W]; None: not known yet."""
    if shape is not None and shape[0] == 1 and spec.images.format == "webp":
        raise BadInput("images.format", "webp", f"png or jpeg with task={spec.task}, whose images are grey")


def raise_budget(spec: Spec, sources: dict[str, str]) -> list[str]:
    """The budget is at least the scale (every image is seen once on average) and whole iterations; returns notes."""
    train, asked = spec.train, spec.train.seen
    train.seen = -(-max(asked, spec.scale) // train.batch) * train.batch
    if train.seen == asked:
        return []
    sources["train.seen"] = "raised to scale" if spec.scale > asked else "whole iterations"
    return [f"train.seen={asked} {sources['train.seen']}: {train.seen}"]


def derive(strategy: Strategy, section: str, budget: Budget, sources: dict[str, str]) -> None:
    """Let the strategy fill in the values it derives from the budget and refuse what cannot work."""
    before: dict[str, Any] = flatten(strategy) if is_dataclass(strategy) else {}
    strategy.resolve_defaults(budget)
    after = flatten(strategy) if before else {}
    sources |= {f"{section}.{key}": "derived" for key, value in after.items() if value != before.get(key)}
