"""How large a picture is printed: its page also holds its title and its notes."""

from __future__ import annotations

from cgbm1_report.emit.layout import points_above_notes
from cgbm1_report.tabulate.table import Figure

#: A picture is made smaller down to this share, so that its notes stay on its page.
_LEAST_SHARE = 0.75


def largest_inches(figure: Figure) -> tuple[float, float]:
    """Printed width and height, made smaller where the page would not hold it."""
    wide, high = figure.stamp.sheet.picture_inches
    scale = min(1.0, wide / figure.width_in, high / figure.height_in)
    return figure.width_in * scale, figure.height_in * scale


def picture_inches(figure: Figure) -> tuple[float, float]:
    """The same where the notes are paragraphs below: so that they stay on its page, but for those that leave it no room."""
    width, height = largest_inches(figure)
    share = points_above_notes(figure) / (72 * height)
    scale = share if _LEAST_SHARE <= share < 1.0 else 1.0
    return width * scale, height * scale
