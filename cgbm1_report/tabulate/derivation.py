"""What pages say of how values came about: as this program derives them, or, of data that were supplied, that they came so.

Whoever supplied analysis data derived them, by rules of their own: a page that told ours would say what nobody did.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cgbm1_report.tabulate.view import View


class Derived(str):
    """A note on how this program derives what a page shows. ``supplied`` is what the page says of data that were supplied."""

    __slots__ = ("supplied",)
    supplied: str

    def __new__(cls, text: str, supplied: str) -> Derived:
        made = super().__new__(cls, text)
        made.supplied = supplied
        return made


def derived(what: str, how: str, *variables: str, further: str = "") -> Derived:
    """A note in two parts: what it explains, and how that is derived; of supplied data the variables that say it.

    ``further`` is what is true of either.
    """
    after = f" {further}" if further else ""
    return Derived(f"{what}: {how}.{after}", f"{what}: as the supplied data say it ({', '.join(variables)}).{after}")


def say_notes(notes: Iterable[str], view: View) -> tuple[str, ...]:
    """Notes as the page prints them, each once: where the data were supplied, nothing of how this program derives them."""
    supplied = view.stamp.supplied
    return tuple(dict.fromkeys(one.supplied if supplied and isinstance(one, Derived) else str(one) for one in notes))
