"""From ``key=value`` words to a checked, fully resolved specification, with the source of every value.

Layers, later ones win: dataclass defaults < the teacher's recipe < the task's recipe < ``preset=`` < command line. OmegaConf does the typing.
"""

import math
import re
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dp_common.config import registry
from dp_common.config.specification import PAIRS, RECIPE, ROW_GROUP, Budget, Runtime, Spec, run_id
from dp_common.errors import BadInput, did_you_mean

PRESETS = Path(__file__).parents[2] / "benchmarks" / "presets"
PLUGINS = ("task", "teacher", "strategy")


@dataclass
class Resolved:
    """A run ready to start. ``values``/``sources`` are flat, in the order of the dataclasses; ``values`` is what run_id hashes."""

    spec: Spec
    runtime: Runtime
    task: object
    teacher: object
    strategy: object
    budget: Budget
    values: dict
    places: dict  # where data and weights are: not hashed, their fingerprints are
    sources: dict
    run_id: str
    fingerprints: dict  # hashed too: recipe version, data, teacher, sources of plugins that are not this package's own
    words: list
    plugins: dict
    scores: list  # (key, name, does it guide) of each key that names a score
    notes: list = field(default_factory=list)


def resolve(words, presets=PRESETS):
    """``["strategy=dp", "scale=4k", ...]`` -> Resolved. Raises BadInput; imports no torch unless a plugin does."""
    given = parse(words)
    preset = read_preset(given.pop("preset"), presets) if "preset" in given else {}
    pick = lambda kind, recipe={}: registry.find(kind, str((defaults_of(Spec) | recipe | preset | given)[kind]))
    task = pick("task")
    recipe = dict(getattr(task.load(), "recipe", {}))
    chosen = {kind: task if kind == "task" else pick(kind, recipe) for kind in PLUGINS}
    classes = {kind: plugin.load() for kind, plugin in chosen.items()}
    shape = {"": Spec} | {chosen[kind].section: classes[kind] for kind in PLUGINS if is_dataclass(classes[kind])}
    known = known_keys(shape)
    conf, sources = {part: OmegaConf.structured(cls) for part, cls in (shape | {"runtime": Runtime}).items()}, {}
    taught = getattr(classes["teacher"], "recipe", {})
    for layer, source in (
        (taught, "teacher " + chosen["teacher"].name),
        (recipe, "task " + chosen["task"].name),
        (preset, "preset"),
        (given, "command line"),
    ):
        for key, value in layer.items():
            if key not in known and (source != "command line" and belongs_elsewhere(key, chosen)):
                continue
            put(conf, known, key, value, chosen)
            sources[key] = source
    spec, runtime = OmegaConf.to_object(conf[""]), OmegaConf.to_object(conf["runtime"])
    parts = {
        kind: OmegaConf.to_object(conf[chosen[kind].section]) if chosen[kind].section in conf else classes[kind]()
        for kind in PLUGINS
    }
    for kind in PLUGINS:
        setattr(spec, kind, chosen[kind].name)
    parts["task"].data = spec.data
    notes = raise_budget(spec, sources)
    if spec.learner not in registry.learners() and not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", spec.learner):
        raise BadInput("learner", spec.learner, f"one of {', '.join(registry.learners())}, or a timm model name")
    if runtime.shard % spec.sampler.block:
        raise BadInput("shard", runtime.shard, f"a multiple of sampler.block, {spec.sampler.block}")
    if spec.train.order == "block" and runtime.shard % ROW_GROUP:
        raise BadInput(
            "shard",
            runtime.shard,
            f"a multiple of {ROW_GROUP} with train.order=block, which shuffles groups of so many images",
        )
    check_micro(spec.train)
    budget = Budget(spec.scale, spec.train.seen, spec.train.batch, len(parts["task"].classes))
    settle(parts["strategy"], chosen["strategy"].section, budget, sources)
    values = flatten(spec)
    for kind in PLUGINS:
        if is_dataclass(parts[kind]):
            values |= {f"{chosen[kind].section}.{key}": value for key, value in flatten(parts[kind]).items()}
    for key, (_, _, f) in known.items():
        bound = f.metadata.get("at_most")
        if bound and values[key] > values[bound]:
            raise BadInput(key, values[key], f"at most {bound}, {values[bound]}")
    scores = score_keys(values, known)
    for key, name, _ in scores:
        registry.find("score", name, key)
    for key, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise BadInput(key, value, "a finite number")
    places = {key: values.pop(key) for key, (_, _, f) in known.items() if f.metadata.get("place") and key in values}
    fingerprints = {
        "recipe_version": RECIPE,
        "data_fingerprint": parts["task"].fingerprint(),
        "teacher_fingerprint": parts["teacher"].fingerprint(parts["task"]),
    }
    fingerprints |= {f"{kind}_source": digest for kind, digest in digests(chosen, scores).items() if digest}
    told = {key: sources.get(key, "default") for key in values | places}
    return Resolved(
        spec,
        runtime,
        **parts,
        budget=budget,
        values=values,
        places=places,
        sources=told,
        run_id=run_id(values | fingerprints),
        fingerprints=fingerprints,
        words=list(words),
        plugins=chosen,
        scores=scores,
        notes=notes,
    )


def parse(words):
    """["a.b=c"] -> {"a.b": "c"}; values stay text until the type of their key is known."""
    given = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise BadInput(word, None, "expected key=value, such as strategy=dp scale=4k")
        if key in given:
            raise BadInput(key, value, f"given twice, first as {given[key]}")
        given[key.removeprefix("runtime.")] = value
    return given


def read_preset(name, presets):
    """A YAML file under presets/ (``preset=paper/imagenet1k-640k``), or at a path, flattened. ``base:`` names another to stand on."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else presets / f"{name}.yaml"
    if not path.is_file():
        known = preset_names(presets) if presets.is_dir() else []
        raise BadInput(
            "preset",
            name,
            f"one of {', '.join(known) or '(none installed)'}, or a path to a .yaml file.{did_you_mean(name, known)}",
        )
    own = flatten(yaml.safe_load(path.read_text()) or {})
    return (read_preset(own.pop("base"), presets) if "base" in own else {}) | own


def preset_names(presets=PRESETS):
    return sorted(
        str(path.relative_to(presets).with_suffix(""))
        for path in presets.rglob("*.yaml")
        if not path.stem.startswith("_")
    )


def presets_told(presets=PRESETS):
    """[(name, first line of its comment)]"""
    return [
        (name, (presets / f"{name}.yaml").read_text().partition("\n")[0].removeprefix("#").strip())
        for name in preset_names(presets)
    ]


def flatten(tree, prefix=""):
    """Nested dataclass or dict -> {"a.b": value}. An empty dict stays a value."""
    items = [(f.name, getattr(tree, f.name)) for f in fields(tree)] if is_dataclass(tree) else list(tree.items())
    flat = {}
    for key, value in items:
        nested = is_dataclass(value) or (isinstance(value, dict) and value)
        flat |= flatten(value, f"{prefix}{key}.") if nested else {prefix + str(key): value}
    return flat


def defaults_of(cls):
    return {f.name: f.default for f in fields(cls)}


def sections(words=()):
    """(title, dataclass) of everything that has keys, for --help."""
    rows = [("specification", Spec), ("runtime", Runtime)]
    for kind in PLUGINS:
        for plugin in registry.plugins(kind).values():
            try:
                cls = plugin.load()
            except BadInput:
                continue  # --list --check says what is wrong with it
            rows += [(plugin.section, cls)] if is_dataclass(cls) and fields(cls) else []
    return rows


def known_keys(shape, runtime=True):
    """{key: (part, key within it, dataclass field)} of every key one can set."""
    known = {}

    def walk(part, cls, prefix):
        for f in fields(cls):
            known_key = f"{part}.{prefix}{f.name}" if part not in ("", "runtime") else prefix + f.name
            if isinstance(f.type, type) and is_dataclass(f.type):
                walk(part, f.type, f"{prefix}{f.name}.")
            else:
                known[known_key] = (part, prefix + f.name, f)

    for part, cls in (shape | ({"runtime": Runtime} if runtime else {})).items():
        walk(part, cls, "")
    return known


def belongs_elsewhere(key, chosen):
    """Is this key a parameter of a plugin that was not chosen? Recipes and presets may set those."""
    section = key.partition(".")[0]
    return any(
        section == plugin.section
        for kind in PLUGINS
        for plugin in registry.plugins(kind).values()
        if plugin.section not in {p.section for p in chosen.values()}
    )


def put(conf, known, key, value, chosen):
    """Set one key in the typed configuration. Raises BadInput."""
    if key.startswith("train.model_args."):
        OmegaConf.update(conf[""], key, yaml.safe_load(str(value)), force_add=True)
        return
    if key not in known:
        if belongs_elsewhere(key, chosen):
            raise BadInput(
                key, value, f"this run has {', '.join(f'{kind}={plugin.name}' for kind, plugin in chosen.items())}"
            )
        raise BadInput(key, value, f"no such key.{did_you_mean(key, known) or ' --help lists them all.'}")
    part, name, f = known[key]
    if f.type is int:
        value = count(key, value)
    try:
        OmegaConf.update(conf[part], name, value)
    except OmegaConfBaseException as error:
        kind = getattr(f.type, "__name__", str(f.type))
        raise BadInput(key, value, f"expected {'a number' if kind == 'float' else kind}") from error
    check(key, OmegaConf.select(conf[part], name), f.metadata)


def count(key, value):
    """500, 4k, 1.3M -> int."""
    match = re.fullmatch(r"(-?\d+(?:\.\d+)?)([kM]?)", str(value))
    number = float(match[1]) * {"": 1, "k": 1_000, "M": 1_000_000}[match[2]] if match else math.nan
    if not math.isfinite(number) or round(number, 6) != round(number):
        raise BadInput(key, value, "a whole number, such as 500, 4k or 1.3M (k = 1,000, M = 1,000,000)")
    return round(number)


def check(key, value, rules):
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput(key, value, "a finite number")
    if rules.get("choices") and value not in rules["choices"]:
        raise BadInput(
            key, value, f"one of {', '.join(map(str, rules['choices']))}.{did_you_mean(value, rules['choices'])}"
        )
    for bound, broken, words in (
        ("low", lambda v, b: v < b, "at least"),
        ("high", lambda v, b: v > b, "at most"),
        ("above", lambda v, b: v <= b, "more than"),
    ):
        if rules.get(bound) is not None and broken(value, rules[bound]):
            raise BadInput(key, value, f"{words} {rules[bound]}")


def check_micro(train):
    """Refuse parts of a batch that do not make it up, or that would cut the blocks in which images are mixed."""
    if train.micro and train.batch % train.micro:
        raise BadInput("train.micro", train.micro, f"a divisor of train.batch, {train.batch}")
    if (train.mixup or train.cutmix) and (train.micro or train.batch) % PAIRS:
        raise BadInput(
            "train.micro" if train.micro else "train.batch",
            train.micro or train.batch,
            f"a multiple of {PAIRS} with train.mixup or train.cutmix, which pair images in blocks of {PAIRS}",
        )


def raise_budget(spec, sources):
    """The budget is at least the scale (every image is seen once on average) and whole iterations."""
    train, asked = spec.train, spec.train.seen
    train.seen = -(-max(asked, spec.scale) // train.batch) * train.batch
    if train.seen == asked:
        return []
    sources["train.seen"] = "raised to scale" if spec.scale > asked else "whole iterations"
    return [f"train.seen={asked} {sources['train.seen']}: {train.seen}"]


def settle(strategy, section, budget, sources):
    """Let the strategy fill in the values it derives from the budget and refuse what cannot work."""
    if not hasattr(strategy, "settle"):
        return
    before = flatten(strategy)
    strategy.settle(budget)
    for key, value in flatten(strategy).items():
        if value != before[key]:
            sources[f"{section}.{key}"] = "derived"


def score_keys(values, known):
    """(key, name, guides) of the keys that name a score."""
    rules = {key: known[key][2].metadata for key in values if key in known}
    return [
        (key, values[key], rule.get("guides", False)) for key, rule in rules.items() if rule.get("plugin") == "score"
    ]


def digests(chosen, scores):
    """Source digests of plugins that are not this package's own, by what they are."""
    outside = {kind: plugin.source_digest() for kind, plugin in chosen.items()}
    return outside | {key: registry.find("score", name).source_digest() for key, name, _ in scores}
