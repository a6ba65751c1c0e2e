"""Carries out one call on a machine of a cluster, as a program: standard input names the folder that says what is called.

``asked`` holds the environment that is heard, the folder for temporary files, and the function with its arguments; ``answer`` is
written whole when it is done. When the file ``ended`` appears beside the folder the run is over: so is this process.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

ENDED = "ended"
#: Seconds between two looks whether the run is over.
_PAUSE = 0.25


def main() -> None:
    """Read the call, carry it out, write the answer."""
    place = Path(sys.stdin.buffer.read().decode())
    over = place.parent / ENDED
    if over.exists() or not place.is_dir():
        sys.exit("the run is over")
    # What was heard of a worker's own settings could change what is made here.
    environment, temporary, content = pickle.loads((place / "asked").read_bytes())  # noqa: S301 - written by our own run
    os.environ.update(environment, TMPDIR=temporary)
    tempfile.tempdir = None
    from cgbm1_report.system.collector import collect_rarely
    from cgbm1_report.system.handed import answer_call
    from cgbm1_report.system.importing import leave_current_folder_out, leave_grammar_out

    collect_rarely()
    leave_current_folder_out()
    leave_grammar_out()
    threading.Thread(target=_watch, args=(over,), daemon=True).start()
    answer = answer_call(content)
    made = place / f"answer-{os.uname().nodename}-{os.getpid()}"
    made.write_bytes(answer)
    made.replace(place / "answer")


def _watch(over: Path) -> None:
    """End this process, and with it all it started, when the run is over or its folder is gone."""
    while over.parent.is_dir() and not over.exists():
        time.sleep(_PAUSE)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
