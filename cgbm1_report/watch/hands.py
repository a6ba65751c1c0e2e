"""What a watch has others do: build a cut, list the findings of one that is wrong, compare two builds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cgbm1_report.watch.asked import Asked
from cgbm1_report.watch.builder import Builder, Check, make_builder, make_check
from cgbm1_report.watch.changes import Compare, make_compare


@dataclass(frozen=True)
class Hands:
    """Each does its work in a process of its own."""

    build: Builder
    check: Check
    compare: Compare


def make_hands(asked: Asked, hear: Callable[[str], None]) -> Hands:
    """Those of this program, as a watch is asked for; ``hear`` is told of each step of a build."""
    return Hands(make_builder(asked, hear), make_check(asked), make_compare(asked))
