"""The current folder is nobody's library: what lies there is data, and is never imported or heard as settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from cgbm1_report.system.search_path import leave_current_folder, without_current_folder


def leave_current_folder_out() -> None:
    """Take the current folder out of this process's search path and out of that of every process it starts."""
    leave_current_folder()
    os.environ.update(deaf_environment())
    for name in _UNHEARD:
        os.environ.pop(name, None)


def leave_grammar_out() -> None:
    """Let jsonschema go without the grammar of internationalised addresses that JupyterLab brings where it is installed.

    To import it is to compile it, for seconds, in every process that reads a notebook; no schema of notebooks asks for such
    addresses.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # so Python says that there is none


#: A file that Python and Jupyter kernels run before all else.
_UNHEARD = ("PYTHONSTARTUP",)
#: Where the system looks for programs and for their libraries.
_PROGRAMS = ("PATH", "LD_LIBRARY_PATH")


def deaf_environment() -> dict[str, str]:
    """Variables that keep a process from importing or running what lies in the folder it is started in."""
    changed = {"PYTHONSAFEPATH": "1"}
    for name in _PROGRAMS:
        if name in os.environ:
            # An empty or a relative entry leads to programs beside the data.
            changed[name] = os.pathsep.join(filter(os.path.isabs, os.environ[name].split(os.pathsep)))
    if "PYTHONPATH" in os.environ:
        # An empty entry, as behind a colon at the end, is the current folder; a relative one another in every folder.
        places = without_current_folder(os.environ["PYTHONPATH"].split(os.pathsep))
        changed["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, places))
    return changed


@contextmanager
def deaf_to_current_folder() -> Iterator[None]:
    """What is started meanwhile imports nothing of the current folder; this process stays as it is."""
    changed = deaf_environment()
    before = {name: os.environ.get(name) for name in (*changed, *_UNHEARD)}
    os.environ.update(changed)
    for name in _UNHEARD:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def matplotlib_settings() -> dict[str, str]:
    """The variable that gives matplotlib its own settings, before those of a user; only the current folder's come first."""
    spec = find_spec("matplotlib")
    file = Path(spec.origin).parent / "mpl-data" / "matplotlibrc" if spec and spec.origin else None
    return {"MATPLOTLIBRC": str(file)} if file and file.is_file() else {}
