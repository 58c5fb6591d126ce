"""A run in the making: which plugins it has, its typed values layer by layer, and what they would be had nobody said
anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

from dp_common.config import registry
from dp_common.config.grid import unquote
from dp_common.config.registry import Plugin
from dp_common.config.specification import Spec
from dp_common.config.typed import Key, TypedConfig, known_keys
from dp_common.errors import BadInput, did_you_mean

HELD = ("sampler.block", "sampler.temperature")  # the unit of work with any teacher; what has an error of its own
PARTS = ("task", "teacher", "strategy")  # kinds of plugins that have keys of their own


def parse(words: Sequence[str]) -> dict[str, str]:
    """["a.b=c"] -> {"a.b": "c"}; values stay text until the type of their key is known. Raises BadInput."""
    given: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise BadInput(word, None, "expected key=value, such as strategy=dp scale=4k")
        key = key.removeprefix("runtime.")
        if key in given:
            raise BadInput(key, value, f"given twice, first as {given[key]}")
        given[key] = unquote(value)
    return given


def choose_parts(said: Mapping[str, Any], paths: Mapping[str, str] | None) -> dict[str, Plugin]:
    """Task, teacher and strategy of a run; where nobody says which, the task's recipe does. Raises BadInput."""
    plain = {kind: getattr(Spec, kind) for kind in PARTS}
    task = registry.find("task", str(said.get("task", plain["task"])), paths=paths)
    recipe = task.load().recipe_of(said)
    wanted = plain | {key: value for key, value in recipe.items() if key in PARTS} | dict(said)
    parts = {"task": task} | {kind: registry.find(kind, str(wanted[kind]), paths=paths) for kind in PARTS[1:]}
    for kind, plugin in parts.items():
        twin = next((k for k in PARTS if k != kind and parts[k].section == plugin.section), None)
        if twin:
            raise BadInput(
                kind, wanted[kind], f"is called {plugin.name}, and so is its {twin}: rename one of the files"
            )
    return parts


def by_section(given: Mapping[str, str], parts: Mapping[str, Plugin]) -> dict[str, str]:
    """Keys by their full section, where they were given by the file of a plugin alone: dp_Mine.omega for dp.omega of
    ./dp.py:Mine.
    """
    sections = {plugin.section for plugin in parts.values()}
    full = {p.short_section: p.section for p in parts.values() if p.short_section not in sections}
    found: dict[str, str] = {}
    for key, value in given.items():
        section, dot, name = key.partition(".")
        key = f"{full[section]}.{name}" if dot and section in full else key
        if key in found:
            raise BadInput(key, value, f"given twice, first as {found[key]}")
        found[key] = value
    return found


def section_owner(key: str, parts: Mapping[str, Plugin]) -> Plugin | None:
    """The plugin that is there but was not chosen, and whose parameter this is."""
    section, _, name = key.partition(".")
    taken = {plugin.section for plugin in parts.values()}
    if "." not in key or section in taken:
        return None
    listings = (of(kind) for of in (registry.built_in, registry.plugins) for kind in PARTS)
    every = (plugin for listing in listings for plugin in listing.values())
    own = [plugin for plugin in every if plugin.section == section]
    if section in registry.GROUPS_OF_KEYS:  # the group of a plugin's keys has others too: images.path, images.format
        own = [plugin for plugin in own if name in getattr(plugin.load(), "__dataclass_fields__", {})]
    return next(iter(own), None)


def refuse_keys_of_other_tasks(task: Plugin, known: Mapping[str, Key], given: Mapping[str, str]) -> None:
    """Raise BadInput for a key that only other built-in tasks than ``task`` read.

    Args:
        task: of the run.
        known: {key: Key} of all there are.
        given: {key: text} of the command line.
    """
    for key, text in given.items():
        readers = known[key].field.metadata.get("tasks") if key in known else None
        if readers and text and task.built_in and task.name not in readers:
            raise BadInput(key, text, f"a key of task={', '.join(readers)}; this run has task={task.name}")


class Draft:
    """Typed values of a run, and where they are from.

    Args:
        config: values of the run, nothing set yet.
        parts: {kind: plugin} of task, teacher and strategy.
        classes: {kind: class} of these.
    """

    def __init__(self, config: TypedConfig, parts: dict[str, Plugin], classes: dict[str, Any]) -> None:
        self.config, self.parts, self.classes = config, parts, classes
        self.usual = config.copy()  # of classes and recipes alone
        self.sources: dict[str, str] = {}
        self.said: dict[str, str] = {}  # sources of what a preset or the command line says
        self.plugins = dict(parts)

    def set_all(self, source: str, layer: Mapping[str, Any]) -> None:
        """Set the keys of one layer; recipes and presets may name those of plugins that were not chosen. Raises
        BadInput.
        """
        by_hand = source == "command line"
        for key, value in layer.items():
            owner = None if self.config.holds(key) else section_owner(key, self.parts)
            if owner and by_hand:
                raise self.not_chosen(owner, key, value)
            if owner:
                continue
            self.config.set(key, value)
            self.sources[key] = source
            if by_hand or source.startswith("preset "):
                self.said[key] = source
            else:
                self.usual.set(key, value)

    def not_chosen(self, owner: Plugin, key: str, value: Any) -> BadInput:
        """What to say of a key in the section of a plugin that was not chosen; it may be no key of that either."""
        cls, has = owner.load(), f"this run has {owner.kind}={self.parts[owner.kind].name}"
        names = known_keys({owner.section: cls}) if isinstance(cls, type) and is_dataclass(cls) else {}
        if key in names or any(known.type is dict and key.startswith(f"{name}.") for name, known in names.items()):
            return BadInput(key, value, f"a key of {owner.kind}={owner.name}; {has}")
        close = did_you_mean(key, names) or f" Its keys: {', '.join(names) or 'none'}."
        return BadInput(key, value, f"no such key of {owner.kind}={owner.name}, and {has}.{close}")

    def name_plugins(self, paths: Mapping[str, str] | None) -> None:
        """Find the plugins that values name; the values become the plugins' names. Raises BadInput."""
        for kind in PARTS:
            self.config.put(kind, self.parts[kind].name)
        for key, known in self.config.known.items():
            rule = known.field.metadata.get("plugin")
            if rule and key not in PARTS and self.config.get(key):
                self.plugins[key] = registry.find(rule, self.config.get(key), key, paths)
                self.config.put(key, self.plugins[key].name)

    def refuse_keys_without_effect(self, given: Mapping[str, str]) -> None:
        """Refuse what somebody typed and this run would pass over in silence: ``data.train``, which task=folder reads,
        with another built-in task; the sampler with images that are made already; the quality of a format without loss.

        Args:
            given: {key: text} of the command line.

        Raises:
            BadInput: the first of them.
        """
        refuse_keys_of_other_tasks(self.parts["task"], self.config.known, given)
        for key in given:
            if key.startswith("sampler.") and key not in HELD and self.classes["teacher"].holds_images:
                said = f"no key of a run with teacher={self.parts['teacher'].name}, which samples nothing"
                raise BadInput(key, given[key], said)
        if "images.quality" in given and self.config.get("images.format") == "png":
            raise BadInput("images.quality", given["images.quality"], "only with images.format=jpeg or webp")

    def instance(self, kind: str, config: TypedConfig | None = None) -> Any:
        """The plugin of a kind with its keys. Raises BadInput where a field has no default."""
        config, plugin = config or self.config, self.parts[kind]
        try:
            return config.build(plugin.section) if plugin.section in config.shape else self.classes[kind]()
        except TypeError as error:
            raise BadInput(kind, plugin.name, f"every field of its class needs a default: {error}") from error
