"""What travels between a run and the processes that it calls, whole or not at all, whatever ends one of them on the way.

The queues of `concurrent.futures` are pipes that both sides hold open. A process that is ended while it writes a long answer, or
before it has read a long call, leaves the other side waiting for ever for the rest: the run never ends. So nothing long goes
through them: what is too long for one write, which a system carries out whole, lies in a file that they name.
"""

from __future__ import annotations

import os
import pickle
import tempfile
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

#: Bytes of a message that a pipe takes in one piece, with what the queue puts around it: POSIX has at least 512 (PIPE_BUF),
#: Linux 4096.
_SHORT = 256
_RAISED, _MADE = "raised", "made"


def hand_over(content: bytes, folder: str) -> bytes | str:
    """The content as it may go through a pipe: itself, or the name of a new file in a folder that holds it."""
    if len(content) <= _SHORT:
        return content
    handle, name = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return name


def _take(handed: bytes | str) -> bytes:
    if isinstance(handed, bytes):
        return handed
    file = Path(handed)
    content = file.read_bytes()
    file.unlink()
    return content


def pack_call(function: Callable[..., Any], arguments: tuple[object, ...], named: Mapping[str, object], folder: str) -> bytes | str:
    """A call as it may go through a pipe, for `carry_out`."""
    return hand_over(pickle.dumps((function, arguments, dict(named))), folder)


def carry_out(handed: bytes | str, folder: str) -> bytes | str:
    """Carry out a call in another process; what it gave or raised, as it may go through a pipe."""
    return hand_over(answer_call(_take(handed)), folder)


def answer_call(content: bytes) -> bytes:
    """What a packed function gave or raised, packed to be sent back: for `give`."""
    try:
        function, arguments, named = pickle.loads(content)  # noqa: S301 - written by our own run
        return pickle.dumps((_MADE, function(*arguments, **named)))
    except Exception as error:
        return _pack_error(error)


def _pack_error(error: Exception) -> bytes:
    """An error with where it was raised, which `--debug` prints."""
    told = "".join(traceback.format_exception(error))
    error.add_note(told)
    try:
        content = pickle.dumps((_RAISED, error))
        # One that is made of other things than it was raised with cannot be made again there.
        pickle.loads(content)  # noqa: S301 - just written
    except Exception:
        return pickle.dumps((_RAISED, RuntimeError(told)))
    return content


def pass_on(done: Future[bytes | str], answered: Future[Any]) -> None:
    """Give what a call gave, or raised, to who waits for it; of a process that died what the pool says of it."""
    if done.cancelled():
        answered.cancel()
        return
    try:
        answer = _take(done.result())
    except BaseException as error:  # whatever it is, somebody waits
        answered.set_exception(error)
        return
    give(answer, answered)


def give(answer: bytes, answered: Future[Any]) -> None:
    """Give what `answer_call` packed to who waits for it, or raise it there."""
    try:
        kind, content = pickle.loads(answer)  # noqa: S301 - written by our own call
    except BaseException as error:  # whatever it is, somebody waits
        answered.set_exception(error)
        return
    if kind == _RAISED:
        answered.set_exception(content)
    else:
        answered.set_result(content)
