"""What a process has let go of is the system's again."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.system.memory import give_back
from cgbm1_report.system.workers import Workers


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _measure() -> tuple[int, int]:
    """The room of a process after a large table was let go of, before and after it is handed back."""
    table = pd.DataFrame({"text": [f"{number:060d}" for number in range(400_000)]})
    del table
    kept = _resident()
    give_back()
    return kept, _resident()


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="this system says nothing of it, or has no call",
)
def test_room_of_a_table_that_is_gone_is_handed_back():
    with Workers(2) as hands:
        kept, left = hands.call(_measure).result()
    assert kept - left > 10_000_000
