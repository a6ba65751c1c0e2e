"""Where a notebook's process begins: with all libraries, whatever the process it was forked from had loaded.

That one is shared: where something else of this run began it, it holds no libraries, and a notebook's process that
loaded them as it comes to them would have threads of numpy's and no figures under its cells.
Only light modules are imported here, as numpy must not come before what `preload` sets.
"""

import importlib
import os
import pickle
from multiprocessing.connection import Connection

#: What the processes of notebooks hold before the first cell.
PRELOAD = "cgbm1_report.notebook.preload"


def load_libraries() -> None:
    """Begin to load what notebooks need, in the process that theirs will be forked from, while this one prepares their data."""
    from cgbm1_report.system.cluster import current_cluster
    from cgbm1_report.system.workers import load_ahead

    if current_cluster() is None:
        load_ahead(PRELOAD)


def begin(sent: bytes, pipe: Connection) -> None:
    """Load what is not loaded, say so, and call the function that was sent, with what was sent for it and the pipe."""
    folder = os.getcwd()
    importlib.import_module(PRELOAD)
    os.chdir(folder)
    pipe.send(("loaded", None))
    function, arguments = pickle.loads(sent)  # noqa: S301 - it comes from the process that started this one
    function(*arguments, pipe)
