"""What a watch has others do: build a cut, list the findings of one that is wrong, compare two builds."""

from __future__ import annotations

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


def make_hands(asked: Asked) -> Hands:
    """Those of this program, as a watch is asked for."""
    return Hands(make_builder(asked), make_check(asked), make_compare(asked))
