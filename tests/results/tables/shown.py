"""What a table shows, and seeds of an arm, for the tests of tables."""


def texts(table):
    """{name of a row: {column: text}}, without the marks of code."""
    return {
        name.text.replace("`", ""): dict(zip(table.columns[1:], (cell.text for cell in cells)))
        for name, *cells in table.rows
    }


def lines(table):
    """[{column: text}] of each row."""
    return [dict(zip(table.columns, (cell.text for cell in row))) for row in table.rows]


def seeds(make, words, accuracies, monitors=None, **changes):
    """A run per accuracy, of seed 0, 1, ..."""
    for seed, accuracy in enumerate(accuracies):
        make(f"{words} seed={seed}", accuracy=accuracy, monitor=monitors[seed] if monitors else None, **changes)
