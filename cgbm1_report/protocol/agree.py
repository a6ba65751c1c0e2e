"""What a check of trial.yaml as a whole says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import TypeVar

#: What is wrong: its place in the file, what is said there, and what mends it.
Contradiction = tuple[str, str, str]

Value = TypeVar("Value", bound=Hashable)


def twice(values: Iterable[Value]) -> list[Value]:
    """Values that stand more than once, in order."""
    return [value for value, number in Counter(values).items() if number > 1]
