"""Memory that a process has let go of, handed back to the system: allocators keep it for when it is wanted again."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress


def give_back() -> None:
    """Hand back what is free, where large tables were and others now need the room."""
    gc.collect()
    if "pyarrow" in sys.modules:
        import pyarrow

        pyarrow.default_memory_pool().release_unused()
    # Of the C library of most Linux systems; others have no such call, and do without.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
