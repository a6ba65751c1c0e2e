"""The sheet a report is printed on, and what of it is left for text."""

from __future__ import annotations

from dataclasses import dataclass

from cgbm1_report.errors import PlanError, suggest

TWIPS_PER_INCH, TWIPS_PER_POINT = 1440, 20
#: Margins in twips: 2 cm at the sides and below, 2.3 cm above, where a binder takes 3/4 inch of a
#: landscape page; header and footer begin 1.1 cm from the edge.
SIDE, TOP, BOTTOM, EDGE = 1134, 1304, 1134, 624
#: Inches of a figure's page that its title, its notes and the air around them take.
_FIGURE_WORDS = 1.575


@dataclass(frozen=True)
class Paper:
    """A sheet: its name, typst's name for it, and its sides in twips (twentieths of a point)."""

    name: str
    typst: str
    short: int
    long: int

    @property
    def css(self) -> str:
        """The rule by which a browser prints on this sheet, lying down."""
        return f"@page {{ size: {self.css_name} landscape; margin: {TOP / TWIPS_PER_POINT}pt {SIDE / TWIPS_PER_POINT}pt }}"

    @property
    def css_name(self) -> str:
        """Name of the sheet in style sheets."""
        return {"a4": "A4"}.get(self.name, self.name)

    @property
    def text_twips(self) -> int:
        """Width of the text on a landscape page."""
        return self.long - 2 * SIDE

    @property
    def portrait_twips(self) -> int:
        """Width of the text on a portrait page."""
        return self.short - 2 * SIDE

    @property
    def text_points(self) -> float:
        """Width of the text on a landscape page, in points."""
        return self.text_twips / TWIPS_PER_POINT

    @property
    def text_height_points(self) -> float:
        """Height of the text on a landscape page, in points."""
        return (self.short - TOP - BOTTOM) / TWIPS_PER_POINT

    @property
    def picture_inches(self) -> tuple[float, float]:
        """Room for a picture on a landscape page that also holds its title and notes."""
        high = (self.short - TOP - BOTTOM) / TWIPS_PER_INCH - _FIGURE_WORDS
        return round(self.text_twips / TWIPS_PER_INCH, 2), round(high, 2)


PAPERS = {paper.name: paper for paper in (Paper("a4", "a4", 11906, 16838), Paper("letter", "us-letter", 12240, 15840))}


def find_paper(name: str) -> Paper:
    """The sheet of this name, in letters of either case.

    Raises
    ------
    ReportError
        No such sheet is known.
    """
    if name.casefold() not in PAPERS:
        raise PlanError(f"paper {name!r} is unknown", rule="paper sizes", remedy=suggest(name, PAPERS))
    return PAPERS[name.casefold()]
