"""What a league says, in sentences: the best of each class of information, what ties with it, where ``dp`` stands."""

from collections.abc import Sequence

from dp_common.config.specification import short
from results.analysis.comparisons import Comparison
from results.analysis.league import League, Standing, league
from results.tables.in_words import FIRST, factor_text, set_text, shown

CLASSES = {
    0: "nothing of the real world but accuracy on monitor",
    1: "a model of the real images",
    2: "a few real images a class",
    3: "real images to start from or to train on",
}  # what was seen, by class
NAMED = 4  # methods that tie which a sentence names


def sentences(comparison: Comparison) -> list[str]:
    """A sentence or two per world, the real one first; [] where there are too few methods for a league."""
    found = league(comparison)
    return [] if found is None else [text for world in found.worlds if (text := of_world(found, world))]


def of_world(found: League, world: str) -> str:
    """What came out in one world; "" where no method is ranked in it."""
    ranked = {number: [one for one in of if world in one.ranks] for number, of in found.standings.items()}
    ranked = {number: of for number, of in ranked.items() if of}
    if not ranked:
        return ""
    several = len(ranked) > 1
    where = f"{capital(set_text(world, found.comparison))}, of {sum(map(len, ranked.values()))} methods"
    where += f" ({scales_named(found.scales)}), " + "the fewest errors by what they saw of the real world: " * several
    told = where + "; ".join(class_text(found, number, world, several) for number in ranked)
    return f"{told}. {lead_text(found, world)}".strip()


def class_text(found: League, information: int, world: str, several: bool) -> str:
    """The best of one class, and what is not told apart from it. ``several``: are there several classes?"""
    best, *others = found.first(information, world)
    seen, verdict = f"I{information} ({CLASSES[information]}) " * several, best.verdicts[world]
    ties = f" (not told apart: {listed([one.arm for one in others])})" if others else ""
    if verdict != "above":
        none = "none has decidedly fewer than" if verdict == "undecided" else "all have more than"
        return f"{seen}{none} `static`, the best being `{best.arm}`, {factor(best, world)}{ties}"
    fewest = " " if several else " has the fewest errors, "
    return f"{seen}`{best.arm}`{fewest}{factor(best, world)} of `static`'s{ties}"


def lead_text(found: League, world: str) -> str:
    """Where ``dp`` stands in its class; "" where it is the best of it, which was said, or is not there."""
    lead = lead_of(found)
    if lead is None or world not in lead.ranks or lead is found.first(lead.information, world)[0]:
        return ""
    of = sum(world in one.ranks for one in found.standings[lead.information])
    rank = f"rank {rank_text(lead, world)} of {of} in its class (I{lead.information})"
    return f"`{lead.arm}`: {factor(lead, world)}, {rank}."


def lead_of(found: League) -> Standing | None:
    """The standing of ``dp``, else of ``prune``."""
    by_arm = {one.arm: one for one in found.methods}
    return next((by_arm[arm] for arm in FIRST if arm in by_arm), None)


def factor(one: Standing, world: str) -> str:
    """``×0.64 [0.60, 0.68]``."""
    return factor_text(shown(one.contrasts[world]))


def rank_text(one: Standing, world: str) -> str:
    """``3``, or ``1=`` where it is shared; a dash where there is none."""
    if world not in one.ranks:
        return "—"
    return f"{one.ranks[world]}{'=' if world in one.shared else ''}"


def listed(arms: Sequence[str]) -> str:
    """The names, the first NAMED of them."""
    names = [f"`{arm}`" for arm in (arms[:NAMED] if len(arms) > NAMED + 1 else arms)]
    more = len(arms) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def scales_named(scales: Sequence[int]) -> str:
    """``at 1k``, ``over 1k and 4k``."""
    words = [short(scale) for scale in scales]
    return f"at {words[0]}" if len(words) == 1 else f"over {', '.join(words[:-1])} and {words[-1]}"


def capital(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]
