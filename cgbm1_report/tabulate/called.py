"""What is said of a table beside its cells: what its rows and columns are called, and the lines below it."""

from __future__ import annotations

from cgbm1_report.rows import tell_key
from cgbm1_report.tabulate.files import split_group
from cgbm1_report.tabulate.named import output_word
from cgbm1_report.tabulate.table import Column, Output, Row, Table


def name_rows(table: Table) -> list[tuple[str, ...]]:
    """What each row is called: its label behind those that it stands under, as a visit's and a parameter's.

    Of a table without labels, as a listing, the variables and levels that the row is told by.
    """
    if table.stub_label is None:
        return [(tell_key(row.key),) for row in table.rows]
    names, above = [], list[Row]()
    for row in table.rows:
        while above and above[-1].indent >= row.indent:
            above.pop()
        above.append(row)
        labels = [one.label.replace("\n", " ") or tell_key(one.key) for one in above]
        below = [*labels[1:], ""]
        names.append(tuple(label for label, next_one in zip(labels, below, strict=True) if not _repeats(next_one, label)))
    return names


def _repeats(label: str, above: str) -> bool:
    """Whether a label begins with what stands above it but for its unit: ``ALT, Day 3`` below ``ALT (U/L)``."""
    name = above.partition(" (")[0]
    return label.startswith(name) and not label[len(name) : len(name) + 1].isalnum()


def name_column(column: Column) -> str:
    """The first line of a column's head, as a note has room for it."""
    return column.label.partition("\n")[0]


def tell_head(column: Column) -> str:
    """A column's head in one line: what it shows or who is in it, without the dose that stands below a treatment group."""
    lines = column.label.split("\n")
    # A head that is written on several lines for want of room ends them by what joins them: "Age (years)/", "Sex".
    whole = [one for one in lines[1:] if column.N is None]
    return " ".join([lines[0], *whole])


def name_spanner(column: Column) -> str:
    """The head over a column and its neighbours, in one line; of none empty."""
    return (column.spanner or "").replace("\n", " ")


# Below an output ----------------------------------------------------------------------------------


def tell_abbreviations(output: Output) -> str:
    """The abbreviations an output uses with their words, or nothing."""
    told = "; ".join(f"{short}, {words}" for short, words in output.abbreviations.items())
    return f"Abbreviations: {told}." if told else ""


def tell_source(output: Output) -> str:
    """Data and program an output comes from."""
    program = output.program or output.stamp.program
    told = [("Source", output.source), ("Program", program)]
    return "; ".join(f"{name}: {text}" for name, text in told if text)


def tell_links(output: Output) -> list[tuple[str, str]]:
    """The outputs an output is linked with, as the pieces of a line: texts, and of those that name an output its number.

    The outputs of a kind stand together: ``Tables: 14.1.1, 14.1.2; Figure: 14.2.1``.
    """
    pieces: list[tuple[str, str]] = []
    kinds = {word: [one for one in output.links if output_word(one) == word] for word in map(output_word, output.links)}
    for word, named in kinds.items():
        pieces.append((f"{'; ' if pieces else ''}{word}{'s' if len(named) > 1 else ''}: ", ""))
        for at, number in enumerate(named):
            pieces += [(", ", "")] if at else []
            pieces.append((split_group(number)[0][1:], number))
    return pieces
