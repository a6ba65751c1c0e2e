"""Outputs as an analyst gets them: those of the report, which may be written as a workbook besides."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from cgbm1_report.errors import WritingError
from cgbm1_report.system.file_names import require_ending
from cgbm1_report.tabulate.table import Figure, Output, Table

_RULE = "to_excel"


class _Written:
    """What can be written as a file of its own."""

    def to_excel(self, file: str | Path) -> Path:
        """Write it as a workbook, in the place of one that is there; where it went. Of a figure the numbers it shows.

        Raises
        ------
        ReportError
            The file's name does not end in ``.xlsx``, or it cannot be written.
        """
        from cgbm1_report.emit.xlsx import emit_xlsx
        from cgbm1_report.system.whole import write_whole

        require_ending(Path(file), ".xlsx", _RULE)
        place = Path(file).resolve()
        content = emit_xlsx(self)  # type: ignore[arg-type]  # it is a Table or a Figure besides
        try:
            write_whole(place, content)
        except OSError as error:
            raise WritingError(
                f"cannot be written: {error.strerror}", file=place, rule=_RULE, remedy="name another file"
            ) from error
        return place


class OpenTable(_Written, Table):
    """A `Table` of a study."""


class OpenFigure(_Written, Figure):
    """A `Figure` of a study."""


def open_output(made: Output) -> OpenTable | OpenFigure:
    """The same output, as one of a study."""
    kind = OpenTable if isinstance(made, Table) else OpenFigure
    return kind(**{one.name: getattr(made, one.name) for one in fields(made)})
