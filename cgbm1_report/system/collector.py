"""Python's collector of cyclic garbage, in processes that make tables and end."""

from __future__ import annotations

import gc

#: New objects between two looks at the young ones; Python's own 700 look through all results some two thousand times.
_NEW = 20_000


def collect_rarely() -> None:
    """Look for cyclic garbage seldom, and never among what is there already: modules, which live as long as the process.

    Tables, results and parsed documents are millions of small objects of which hardly one is garbage: to look through
    them again and again takes a tenth of the time that it takes to make them.
    """
    gc.freeze()
    gc.set_threshold(_NEW, 10, 10)
