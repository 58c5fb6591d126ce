"""A figure as part of the page: its SVG with names of its own, or its PNG as a data URI where the SVG is heavy."""

import base64
import re
from html import escape

HEAVY = 600_000  # bytes of SVG from which on the PNG is taken: grids of photographs, clouds of very many dots
COLOUR = re.compile(r"(fill|stroke): (#[0-9a-f]{6})")
THEMED = {
    "#000000": "currentColor",
    "#262626": "currentColor",
    "#404040": "currentColor",
    "#595959": "var(--soft)",
    "#cccccc": "var(--rule)",
    "#ffffff": "var(--card)",
    **{
        colour: f"var(--c{number}, {colour})"
        for number, colour in enumerate(
            "#0173b2 #de8f05 #029e73 #d55e00 #cc78bc #ca9161 #fbafe4 #949494 #ece133 #56b4e9".split()
        )
    },
}  # what a drawing was drawn in -> what follows the page, in the dark too: ink, paper, and the colours of arms
REFERENCE = re.compile(r"""(?:url\(['"]?|href=["'])#([^'")]+)""")


def inline(svg: bytes | None, png: bytes | None, prefix: str, alt: str) -> str:
    """HTML of one image.

    ``svg``, ``png``: its bytes, either may be None; ``prefix`` tells its ids from those of every other image.
    """
    if svg is not None and (len(svg) <= HEAVY or png is None):
        return embed(svg.decode(), prefix, alt)
    data = base64.b64encode(png or b"").decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}">'


def embed(text: str, prefix: str, alt: str) -> str:
    """An SVG document -> an <svg> element for a page that holds others: no prolog and no metadata, only ids that
    something refers to, each with ``prefix``, style rules that reach no further than itself, a size and colours that
    follow the page, and a text for those who cannot see it.
    """
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    used = set(REFERENCE.findall(text))
    text = re.sub(r'\sid="([^"]*)"', lambda match: f' id="{prefix}-{match[1]}"' if match[1] in used else "", text)
    text = REFERENCE.sub(lambda match: match[0].removesuffix(match[1]) + f"{prefix}-{match[1]}", text)
    text = re.sub(
        r"(<style[^>]*>)(.*?)(</style>)",
        lambda match: match[1] + scoped(match[2], prefix) + match[3],
        text,
        flags=re.DOTALL,
    )
    text = COLOUR.sub(lambda match: f"{match[1]}: {THEMED.get(match[2], match[2])}", text)
    opening, rest = text.split(">", 1)
    opening = re.sub(r'\s(?:width|height|xmlns|xmlns:xlink|version)="[^"]*"', "", opening)
    return f'{opening} id="{prefix}" role="img" aria-label="{escape(alt)}">{squeezed(rest)}'


def scoped(rules: str, prefix: str) -> str:
    """Style rules -> the same, for what is inside the element ``prefix`` only."""
    return re.sub(
        r"([^{}]+)\{",
        lambda match: ", ".join(f"#{prefix} {part.strip()}" for part in match[1].split(",")) + " {",
        rules,
    )


def squeezed(text: str) -> str:
    """Without the line breaks and indentation between elements."""
    return re.sub(r">\s*\n\s*<", "><", text).strip()


def width_of(svg: bytes) -> float | None:
    """Its natural width in CSS pixels, None where it says none. ``svg``: bytes."""
    match = re.search(rb'<svg[^>]*\swidth="([\d.]+)(pt|px|)"', svg)
    return float(match[1]) * (4 / 3 if match[2] == b"pt" else 1) if match else None
