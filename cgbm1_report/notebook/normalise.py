"""The executed notebook as a file: equal results are equal bytes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from cgbm1_report.errors import PlanError
from cgbm1_report.notebook.receipts import KEY
from cgbm1_report.system.room import tell_unwritten

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")


#: The tag of a cell whose words are of one study alone begins so, and names it.
OF_STUDY = "study:"


def normalise_notebook(path: Path, study: str = "") -> None:
    """Take out of an executed notebook what differs from run to run, so that equal results are equal bytes.

    Removed: times, papermill's record (which holds paths), execution metadata, receipts, the version of the
    interpreter, memory addresses in plain-text representations. Cell identifiers are numbered. What
    a cell wrote to standard output and error between two displays is one output each, in this order:
    a kernel cuts it at random places. Texts are lists of lines: some readers run the lines of one string together.
    Of a ``study`` cells that are tagged as the words of another, ``study:X``, are left out: they would not be true of it.

    Raises
    ------
    ReportError
        The file is not an executed notebook or cannot be written.
    """
    try:
        notebook = json.loads(path.read_bytes())
        cells = notebook["cells"] = [cell for cell in notebook["cells"] if not study or _may_say(cell, study)]
        for number, cell in enumerate(cells, start=1):
            cell["id"] = f"cell-{number:03d}"
            cell["source"] = lines_of(cell["source"])
            cell["metadata"] = {key: value for key, value in cell["metadata"].items() if key == "tags" and value}
            if cell["cell_type"] == "code":
                cell["outputs"] = _merge_streams(cell["outputs"])
                for output in cell["outputs"]:
                    output.get("metadata", {}).pop(KEY, None)
                    for mime, content in output.get("data", {}).items():
                        if mime.startswith("text/"):
                            output["data"][mime] = lines_of(content)
                    _hide_addresses(output)
        notebook["metadata"] = {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
        notebook["nbformat_minor"] = 5
        write_notebook(path, notebook)
    except OSError as error:
        raise tell_unwritten(error, path, "cannot be read or written") from error
    except (KeyError, ValueError, TypeError) as error:
        raise PlanError(
            f"cannot be normalised: {type(error).__name__}: {error}",
            file=path,
            rule="an executed notebook in nbformat 4",
            remedy="run the notebook again",
        ) from error


def _may_say(cell: dict[str, Any], study: str) -> bool:
    """Whether the words of a cell are of every study, or of this one."""
    named = [tag.removeprefix(OF_STUDY) for tag in cell["metadata"].get("tags", ()) if tag.startswith(OF_STUDY)]
    return cell["cell_type"] != "markdown" or not named or study in named


def write_notebook(path: Path, notebook: dict[str, Any]) -> None:
    """Write a notebook in the one form that a build has."""
    path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _merge_streams(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    merged: list[dict[str, Any]] = []
    streams: dict[str, list[str]] = {}

    def flush() -> None:
        merged.extend(
            {"name": name, "output_type": "stream", "text": lines_of(streams[name])}
            for name in ("stdout", "stderr")
            if streams.get(name)
        )
        streams.clear()

    for output in outputs:
        if output["output_type"] == "stream":
            streams.setdefault(output["name"], []).append("".join(output["text"]))
        else:
            flush()
            merged.append(output)
    flush()
    return merged


def lines_of(text: str | list[str]) -> list[str]:
    """A text as a notebook's file holds it."""
    return "".join(text).splitlines(keepends=True)


def _hide_addresses(output: dict[str, Any]) -> None:
    plain = output.get("data", {}).get("text/plain")
    if plain is not None:
        output["data"]["text/plain"] = [_ADDRESS.sub("0x0", line) for line in plain]
