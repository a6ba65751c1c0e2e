"""IPython's shell as a notebook's process has it: what a cell prints and displays becomes the cell's outputs."""

from __future__ import annotations

import io
from binascii import b2a_base64
from typing import Any

import nbformat
from ipykernel.jsonutil import json_clean
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode
from traitlets.config import Config

from cgbm1_report.notebook.bounds import TOO_LARGE, Bounds, clip_error


def new_output(kind: str, **content: Any) -> NotebookNode:
    output: NotebookNode = nbformat.v4.new_output(kind, **content)  # type: ignore[no-untyped-call]
    return output


def _bundle(data: dict[str, Any]) -> NotebookNode:
    """Make the MIME bundle a kernel would send: pictures in base64, JSON values only."""
    text = {
        mime: b2a_base64(value, newline=False).decode("ascii") if isinstance(value, bytes) else value
        for mime, value in data.items()
    }
    node: NotebookNode = nbformat.from_dict(json_clean(text))  # type: ignore[no-untyped-call]
    return node


class _Outputs:
    """The outputs of the running cell, in the order in which a kernel would have published them.

    The texts of a stream are gathered and joined once, when something else follows: a string that grows with
    every line costs time by the square of their number.
    """

    def __init__(self) -> None:
        self.cell: list[NotebookNode] = []
        self._shown: dict[str, list[NotebookNode]] = {}
        self._clear_first = False
        self._bounds = Bounds()
        self._stream: tuple[str, list[str]] = ("", [])

    def start(self, cell: NotebookNode) -> None:
        cell.outputs = []
        self.cell = cell.outputs
        self._clear_first = False
        self._bounds = Bounds()
        self._stream = ("", [])

    def finish(self) -> None:
        """The cell is over: say what was left out of what it printed."""
        for name, text in self._bounds.closing_lines():
            self._gather(name, text)
        self._settle()

    def add(self, output: NotebookNode, display_id: str | None = None) -> None:
        self._settle()
        self._clear_if_due()
        self.cell.append(output)
        if display_id:
            self._shown.setdefault(display_id, []).append(output)

    def show(self, kind: str, data: NotebookNode, metadata: dict[str, Any], display_id: str | None = None, **about: Any) -> None:
        """Add a display, or the error that it is too large."""
        self._settle()
        self._clear_if_due()
        refused = self._bounds.refuse(data, metadata)
        if refused:
            self.add(new_output("error", ename=TOO_LARGE, evalue=refused, traceback=[]))
        else:
            self.add(new_output(kind, data=data, metadata=metadata, **about), display_id)

    def update(self, display_id: str | None, data: NotebookNode, metadata: dict[str, Any]) -> None:
        refused = self._bounds.refuse(data, metadata)
        if refused:
            self.add(new_output("error", ename=TOO_LARGE, evalue=refused, traceback=[]))
            return
        for output in self._shown.get(display_id or "", []):
            output["data"] = data
            output["metadata"] = metadata

    def clear(self, wait: bool) -> None:
        self._clear_first = wait
        if not wait:
            self.cell.clear()
            self._stream = ("", [])
            self._bounds.clear()

    def _clear_if_due(self) -> None:
        if self._clear_first:
            self.clear(wait=False)

    def write(self, name: str, text: str) -> None:
        self._clear_if_due()
        kept = self._bounds.keep(name, text)
        if kept:
            self._gather(name, kept)

    def _gather(self, name: str, text: str) -> None:
        if self._stream[0] != name:
            self._settle()
            self._stream = (name, [])
        self._stream[1].append(text)

    def _settle(self) -> None:
        name, texts = self._stream
        if texts:
            self.cell.append(new_output("stream", name=name, text="".join(texts)))
        self._stream = ("", [])


class Stream(io.TextIOBase):
    """Standard output or standard error of a cell."""

    encoding = "utf-8"

    def __init__(self, outputs: _Outputs, name: str) -> None:
        super().__init__()
        self._outputs = outputs
        self._name = name

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._outputs.write(self._name, text)
        return len(text)


class _Publisher(DisplayPublisher):
    """Keeps what ``display()`` publishes."""

    def publish(  # type: ignore[override]
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **_: Any,
    ) -> None:
        outputs: _Outputs = self.shell.outputs
        bundle = _bundle(data)
        display_id = (transient or {}).get("display_id")
        if update:
            outputs.update(display_id, bundle, metadata or {})
        else:
            outputs.show("display_data", bundle, metadata or {}, display_id)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.outputs.clear(wait)


class _ResultHook(DisplayHook):
    """Keeps the value of a cell's last expression."""

    def start_displayhook(self) -> None:
        self._bundle: tuple[dict[str, Any], dict[str, Any]] = ({}, {})

    def write_output_prompt(self) -> None:
        """Do nothing: the number stands in the output itself."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        self._bundle = (_bundle(format_dict), md_dict or {})

    def finish_displayhook(self) -> None:
        data, metadata = self._bundle
        if data:
            shell: Any = self.shell
            shell.outputs.show("execute_result", data, metadata, execution_count=self.prompt_count)


class NotebookShell(InteractiveShell):  # type: ignore[misc]
    """IPython's shell, writing into the outputs of the running cell instead of a terminal."""

    display_pub_class = _Publisher
    displayhook_class = _ResultHook

    def __init__(self, **kwargs: Any) -> None:
        self.outputs = _Outputs()
        self.exit_asked = False
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]

    def ask_exit(self) -> None:
        """Remember that a cell called ``exit`` or ``quit``; as in a kernel it runs to its end."""
        self.exit_asked = True

    def enable_gui(self, gui: Any = None) -> None:
        """Do nothing: a report has no windows."""

    def _showtraceback(self, etype: type[BaseException], evalue: BaseException, stb: list[str]) -> None:
        error = new_output("error", ename=etype.__name__, **clip_error(str(evalue), stb))
        self.outputs.add(error)


def new_shell() -> NotebookShell:
    config = Config()
    # No history file, no thread that writes it, nothing of the user's own IPython set-up.
    config.HistoryManager.enabled = False
    NotebookShell.clear_instance()
    return NotebookShell.instance(config=config)
