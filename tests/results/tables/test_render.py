"""The same cells in a terminal, in Markdown and in LaTeX."""

from results import load
from results.tables import render
from results.tables.accuracy import tables
from tests.results.tables.shown import seeds as some
from tests.results.tables.shown import texts


def test_latex_is_escaped():
    assert render.escape("50 % of a_b & {#1} ~ ^ $ \\") == (
        r"50 \% of a\_b \& \{\#1\} \textasciitilde{} \textasciicircum{} \$ \textbackslash{}"
    )
    assert render.escape("`dp per_round=3` —(2/5) × -0.10 [-1.00, +1.00] ↑ t-interval") == (
        r"\texttt{dp per\_round=3} ---(2/5) $\times$ $-$0.10 [$-$1.00, +1.00] $\uparrow$ t-interval"
    )


def test_renderings_have_the_same_cells(make):
    some(make, "strategy=dp scale=1k", [0.8, 0.9])
    (table,) = tables(load(make.root).single())
    cell = texts(table)["dp"]["1k"]
    assert f"dp   {cell}" in render.text(table) and f"| `dp` | {cell} |" in render.markdown(table)
    assert rf"\texttt{{dp}} & {cell} \\" in render.latex(table) and render.latex(table).count(r"\toprule") == 1
    assert "±" not in render.text(table) + render.markdown(table)
