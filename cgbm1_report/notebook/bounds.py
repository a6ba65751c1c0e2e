"""How much one cell may print and display: what is kept of it is bounded while it runs, in both engines alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cgbm1_report.errors import number_of
from cgbm1_report.notebook.receipts import KEY

#: Characters that are kept of what a cell writes to standard output, and to standard error.
MOST_TEXT = 1_000_000
#: Characters that a cell may display, outputs of the report apart.
MOST_DISPLAYED = 10_000_000

#: Characters that are kept of what an exception says, and of each line of its traceback.
MOST_SAID = 10_000
#: Name of the error by which a cell that displays more fails.
TOO_LARGE = "DisplayTooLarge"

_STREAMS = {"stdout": "standard output", "stderr": "standard error"}


@dataclass
class _Stream:
    """What a cell has written: characters kept, and characters and line ends that are not."""

    kept: int = 0
    left_out: int = 0
    lines: int = 0
    ended: bool = True
    kept_ended: bool = True


@dataclass
class Bounds:
    """The bounds of the running cell."""

    streams: dict[str, _Stream] = field(default_factory=lambda: {name: _Stream() for name in _STREAMS})
    displayed: int = 0

    def keep(self, name: str, text: str) -> str:
        """The part of a text that is kept; the rest is only counted."""
        stream = self.streams.setdefault(name, _Stream())
        kept = text[: MOST_TEXT - stream.kept] if stream.kept < MOST_TEXT else ""
        if kept:
            stream.kept += len(kept)
            stream.kept_ended = kept.endswith("\n")
        if len(kept) < len(text):
            stream.left_out += len(text) - len(kept)
            stream.lines += text.count("\n", len(kept))
            stream.ended = text.endswith("\n")
        return kept

    def closing_lines(self) -> list[tuple[str, str]]:
        """For each stream that was cut: its name, and the line that says what was left out."""
        return [
            (
                name,
                ("" if stream.kept_ended else "\n") + f"[{number_of(stream.lines + (not stream.ended), 'more line')},"
                f" {number_of(stream.left_out, 'character')} of {_STREAMS.get(name, name)}, are left out]\n",
            )
            for name, stream in self.streams.items()
            if stream.left_out
        ]

    def clear(self) -> None:
        """Begin anew: the cell's outputs were cleared."""
        self.streams = {name: _Stream() for name in _STREAMS}
        self.displayed = 0

    def refuse(self, data: Mapping[str, Any], metadata: Mapping[str, Any] | None) -> str:
        """Why a display is too large to be kept; empty where it is not. Outputs of the report are as large as they are."""
        if KEY in (metadata or {}):
            return ""
        self.displayed += sum(map(_size, data.values()))
        if self.displayed <= MOST_DISPLAYED:
            return ""
        return f"displays {self.displayed:,} characters; a cell may display {MOST_DISPLAYED:,}"


def clip_error(evalue: str, traceback: Sequence[str]) -> dict[str, Any]:
    """What an exception says and its traceback, within bounds; how much is left out is said."""
    return {"evalue": _clipped(evalue), "traceback": [_clipped(part) for part in traceback[:100]]}


def _clipped(text: str) -> str:
    return text if len(text) <= MOST_SAID else f"{text[:MOST_SAID]} [{number_of(len(text) - MOST_SAID, 'more character')}]"


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes) else len(json.dumps(value, default=str))
