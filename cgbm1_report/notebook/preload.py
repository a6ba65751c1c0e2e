"""What a notebook's process holds before its first cell: one thread, all libraries, nothing computed.

Only the process that notebooks are forked from imports this module: it changes the environment.
"""

import importlib
import os
import signal

from cgbm1_report.system.importing import leave_current_folder_out, leave_grammar_out, matplotlib_settings

# Ctrl-C at a terminal reaches this process too; the run that it ends ends this one, and says so once.
_interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)

# Before numpy: a thread pool that exists when a process is forked hangs the child.
for _pool in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[_pool] = "1"
# Arrow's allocator would start a thread of its own as soon as it is loaded.
os.environ["JE_ARROW_MALLOC_CONF"] = "background_thread:false"
# As a kernel does: a pyplot figure left open at the end of a cell is displayed under it.
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"

# Nothing is imported out of the folder the run was started in, nor heard as settings: matplotlib looks there first.
leave_current_folder_out()
leave_grammar_out()
os.environ.update(matplotlib_settings())
os.chdir(os.path.dirname(os.path.abspath(__file__)))

#: What runs notebooks and what notebooks import.
LIBRARIES = (
    "papermill",
    "nbclient",
    "cgbm1_report.notebook.cells",
    "pandas",
    "pyarrow.parquet",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    # What estimates and intervals are made with takes most of a second to load, in almost every notebook.
    "scipy.stats",
    "cgbm1_report.outputs.catalogue",
    "cgbm1_report.notebook.session",
)

for _library in LIBRARIES:
    try:
        importlib.import_module(_library)
    except Exception:  # noqa: S112 - the notebook that needs it says so, by name
        continue

try:
    # The files that declare outputs are found by looking, not named above.
    from cgbm1_report.outputs import find_outputs

    find_outputs()
except Exception:  # noqa: S110 - as above
    pass

# What is forked from here hears it again.
signal.signal(signal.SIGINT, _interrupted)
