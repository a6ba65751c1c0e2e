"""Numbers made by others: R, hand arithmetic and published tables. Never by our own code."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "oracles"


def read_oracle(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def is_close(found: float, expected: float | None, tolerance: float = 1e-8) -> bool:
    """Equal within a tolerance relative to max(1, |expected|), never finer than half a unit of the last digit stored."""
    if expected is None:
        return found is None or math.isnan(found)
    return abs(found - expected) <= _allowed(expected, tolerance)


def _allowed(expected: float, tolerance: float) -> float:
    text = repr(float(expected))
    digits = len(text.split("e")[0].partition(".")[2])
    stored = 0.0 if float(expected).is_integer() else 0.5 * 10.0**-digits
    return max(tolerance * max(1.0, abs(expected)), stored)


def assert_close(found: float, expected: float | None, tolerance: float = 1e-8, what: str = "") -> None:
    """As `is_close` says, or a message."""
    assert is_close(found, expected, tolerance), f"{what}: expected {expected}, found {found}"
