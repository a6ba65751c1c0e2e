"""The stock engine: a Jupyter kernel per notebook, as papermill runs it, under the bounds of the other engine."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import zmq
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir
from nbclient.client import CellExecutionComplete  # type: ignore[attr-defined]
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from traitlets import default

from cgbm1_report.notebook.bounds import TOO_LARGE, Bounds, clip_error

OnCell = Callable[[int, int, str], None]


class ThisInterpreter(AsyncKernelManager):
    """Starts this very interpreter, whatever kernels are registered on the machine, and talks to it by sockets in a folder.

    A port is chosen free and taken later: of kernels that start at the same time one may find its
    own taken, and dies. What cells print would pass by a port that any user of the machine may
    listen to; the folder is this user's alone.
    """

    @default("transport")
    def _by_sockets(self) -> str:
        return "ipc" if zmq.has("ipc") else "tcp"

    @default("ip")
    def _where(self) -> str:
        return str(Path(jupyter_runtime_dir()) / "k") if self.transport == "ipc" else "127.0.0.1"

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "--IPKernelApp.ignore_cwd=True", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class BoundedClient(PapermillNotebookClient):  # type: ignore[misc]
    """Papermill's client of a kernel; of what a cell prints and displays it keeps what the bounds allow, as it arrives."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._bounds = Bounds()
        self._bounded = -1

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        if cell_index != self._bounded:
            self._bounds, self._bounded = Bounds(), cell_index
        kind, content = msg["msg_type"], msg["content"]
        if self.clear_before_next_output and kind in ("stream", "display_data", "execute_result", "error"):
            self._bounds.clear()
        if kind == "stream":
            content["text"] = self._bounds.keep(content["name"], content["text"])
            if not content["text"] and not self.clear_before_next_output:
                return None
        elif kind == "error":
            content |= clip_error(content["evalue"], content["traceback"])
        elif kind in ("display_data", "execute_result", "update_display_data"):
            refused = self._bounds.refuse(content["data"], content.get("metadata"))
            if refused:
                error = {"ename": TOO_LARGE, "evalue": refused, "traceback": []}
                msg = {**msg, "msg_type": "error", "header": {**msg["header"], "msg_type": "error"}, "content": error}
        try:
            made: NotebookNode | None = super().process_message(msg, cell, cell_index)
        except CellExecutionComplete:
            cell.outputs += [
                nbformat.v4.new_output("stream", name=name, text=text)  # type: ignore[no-untyped-call]
                for name, text in self._bounds.closing_lines()
            ]
            raise
        return made

    def clear_output(self, outs: list[NotebookNode], msg: dict[str, Any], cell_index: int) -> None:
        super().clear_output(outs, msg, cell_index)
        if not msg["content"].get("wait"):
            self._bounds.clear()


class StockEngine(Engine):  # type: ignore[misc]
    """Papermill engine that runs the cells in a Jupyter kernel."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, *, seconds: float, on_cell: OnCell, **_: Any
    ) -> None:
        """Run cell after cell up to the first that fails; the outputs are in ``nb_man.nb``."""
        ends = time.monotonic() + seconds
        BoundedClient(
            nb_man,
            kernel_name=kernel_name,
            kernel_manager_class=ThisInterpreter,
            startup_timeout=60,
            timeout_func=lambda _cell: max(1, math.ceil(ends - time.monotonic())),
            on_cell_start=lambda cell, cell_index: on_cell(cell_index, 0, cell.source),
            on_cell_executed=_tell_end,
            # Every cell runs and every error stops, whatever tags say.
            skip_cells_with_tag="",
            force_raise_errors=True,
        ).execute()


def _tell_end(cell: NotebookNode, cell_index: int, execute_reply: dict[str, Any]) -> None:
    """Stop where a cell asked the kernel to exit: nobody would hear of it, and the next cell would run.

    What failed without saying so in an output, as an unknown magic does, says it here.
    """
    reply = execute_reply["content"]
    if reply["status"] == "error" and all(output.output_type != "error" for output in cell.outputs):
        told = {"ename": reply["ename"], **clip_error(reply["evalue"], [])}
        cell.outputs.append(nbformat.v4.new_output("error", **told))  # type: ignore[no-untyped-call]
    if any(payload.get("source") == "ask_exit" for payload in reply.get("payload", ())):
        error = nbformat.v4.new_output("error", ename="SystemExit", evalue="", traceback=[])  # type: ignore[no-untyped-call]
        cell.outputs.append(error)
        raise CellExecutionError("", "SystemExit", "")


papermill_engines.register("stock", StockEngine)
