"""Where this process imports from, without the current folder: before anything else is imported.

It may import only what Python itself has loaded when it starts. Not even ``from __future__``: that is a file, too.
"""

import os
import sys

#: The folder this package is imported from, which may be the current one in a checkout that is not installed.
_OWN = os.path.realpath(os.path.join(os.path.dirname(__file__), os.pardir, os.pardir))


def without_current_folder(places: "list[str]") -> "list[str]":
    """Entries of a search path that are not the current folder, by whatever name."""
    here = os.path.realpath(os.curdir)
    return [place for place in places if os.path.realpath(place or os.curdir) != here or here == _OWN]


def leave_current_folder() -> None:
    """Take the current folder out of this process's search path."""
    sys.path[:] = without_current_folder(sys.path)
