"""What a writer is told of a document that was refreshed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Refreshed:
    """Numbers of the outputs that were replaced, of those among them that changed, and of those the build lacks.

    ``told`` is what else a writer must know; ``backup`` the document as it was, where it was itself replaced; ``unmarked`` how many
    tables are in no bookmark of an output.
    """

    replaced: tuple[str, ...]
    changed: tuple[str, ...]
    absent: tuple[str, ...]
    told: tuple[str, ...] = ()
    backup: Path | None = None
    unmarked: int = 0

    def tell(self, document: Path) -> Iterator[str]:
        """The lines that tell a writer of it."""
        yield from (f"{number}  {'changed' if number in self.changed else 'the same as before'}" for number in self.replaced)
        yield from (f"{name}  is not in this build: its output of an earlier one is left as it was" for name in self.absent)
        yield from self.told
        if self.unmarked:
            many = "table of the document carries" if self.unmarked == 1 else "tables of the document carry"
            left = "was left as it is" if self.unmarked == 1 else "were left as they are"
            yield f"{self.unmarked} {many} no mark of an output and {left}"
        if self.backup:
            yield f"{self.backup}: the document as it was"
        yield f"{document}: {len(self.replaced)} outputs replaced, {len(self.changed)} changed, {len(self.absent)} left"


def tell_squeezed(numbers: Iterable[str]) -> list[str]:
    """One line of the outputs that were made for a landscape page and stand as they were made on an upright one."""
    named = list(dict.fromkeys(numbers))
    if not named:
        return []
    stands, it, its = ("stands", "it was", "its") if len(named) == 1 else ("stand", "they were", "their")
    narrow = f"{', '.join(named)}: {stands} on a page narrower than {it} made for, and words or numbers go over more lines"
    return [f"{narrow}: --fit sizes {its} columns, a landscape section keeps them as they are"]
