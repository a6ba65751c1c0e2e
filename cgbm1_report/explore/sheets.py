"""Outputs as an analyst gets them: those of the report, which may be written as a workbook besides."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import ClassVar

from cgbm1_report.build.target import refuse_within
from cgbm1_report.errors import ArgumentError, WritingError
from cgbm1_report.notebook.given import checked
from cgbm1_report.system.file_names import require_ending
from cgbm1_report.system.room import tell_unwritten
from cgbm1_report.tabulate.table import Figure, Output, Table

_RULE = "to_excel"


class NotOfferedError(ArgumentError, AttributeError):
    """What a table or a figure does not have: an AttributeError too, as of any object."""

    __str__ = Exception.__str__


class _Written:
    """What can be written as a file of its own."""

    _offers: ClassVar[str]

    def __getattr__(self, name: str) -> object:
        # What looks for a method of Python's own, or of a notebook's, asks an analyst nothing.
        if name.startswith("_"):
            raise AttributeError(name)
        told = f"{self!r} has no {name}"
        raise NotOfferedError(told, rule="outputs of a study", remedy=f"it has {self._offers}")

    @checked(called="output.to_excel")
    def to_excel(self, file: str | Path) -> Path:
        """Write it as a workbook; where it went. Of a figure the numbers it shows. It replaces only its like.

        Raises
        ------
        ReportError
            The file's name does not end in ``.xlsx``, its folder is not there or lies in a cut or a build, it cannot be written,
            or what is there we did not write or somebody saved since.
        """
        from cgbm1_report.emit.xlsx import emit_xlsx, is_as_saved
        from cgbm1_report.system.whole import write_whole

        require_ending(Path(file), ".xlsx", _RULE)
        place = Path(file).resolve()
        refuse_within(place)
        if not place.parent.is_dir():
            raise WritingError("is no folder", file=place.parent, rule=_RULE, remedy="make it first, or name another")
        if place.is_file() and not is_as_saved(place.read_bytes()):
            raise WritingError("exists: it is not overwritten", file=place, rule=_RULE, remedy="name another file")
        content = emit_xlsx(self)  # type: ignore[arg-type]  # it is a Table or a Figure besides
        try:
            write_whole(place, content)
        except OSError as error:
            raise tell_unwritten(error, place, rule=_RULE, remedy="name another file") from error
        return place


class OpenTable(_Written, Table):
    """A `Table` of a study."""

    _offers = "columns, rows, ard (the numbers behind it), as_gt() and to_excel(file)"


class OpenFigure(_Written, Figure):
    """A `Figure` of a study."""

    _offers = "svg and png (the drawing), alt (the drawing in words), ard (the numbers it shows) and to_excel(file)"


def open_output(made: Output) -> OpenTable | OpenFigure:
    """The same output, as one of a study."""
    kind = OpenTable if isinstance(made, Table) else OpenFigure
    return kind(**{one.name: getattr(made, one.name) for one in fields(made)})
