"""The pandoc that came with its package, and the Markdown that the words of notebooks are written in."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from cgbm1_report.errors import ToolError
from cgbm1_report.system.manifest import sha256_of
from cgbm1_report.system.processes import run_program

#: What an author's words may hold, as pandoc names it: whoever writes or reads them takes them for this.
NARRATIVE = (
    "markdown-raw_html-raw_attribute-raw_tex-latex_macros-tex_math_dollars-native_divs-native_spans-fenced_divs"
    "-bracketed_spans-header_attributes-fenced_code_attributes-inline_code_attributes-citations"
    "-yaml_metadata_block-pandoc_title_block-example_lists-implicit_figures-auto_identifiers"
)
_PACKAGE = "pypandoc-binary"


@cache
def _pinned() -> tuple[Path, str]:
    """The pandoc that came with the package pypandoc-binary, whatever lies on PATH or is named by a variable; its SHA-256.

    Raises
    ------
    ReportError
        The package has none, or not the one it was installed with.
    """
    from importlib.metadata import PackageNotFoundError, files

    try:
        found = [file for file in files(_PACKAGE) or () if file.stem == "pandoc" and file.parent.name == "files"]
    except PackageNotFoundError:
        found = []
    path = Path(str(found[0].locate())) if found else None
    remedy = f"install it again: pip install --force-reinstall {_PACKAGE}"
    if path is None or not path.is_file():
        raise ToolError("pandoc is not there", file=_PACKAGE, rule="the pandoc that is pinned", remedy=remedy)
    digest = sha256_of(path)
    # What pip recorded: the wheel's own SHA-256.
    recorded = found[0].hash.value if found[0].hash else ""
    if base64.urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode() != recorded:
        raise ToolError("is not the pandoc of its package", file=path, rule="the pandoc that is pinned", remedy=remedy)
    return path, digest


@cache
def pandoc_record() -> dict[str, str]:
    """The pandoc that runs: its version and SHA-256."""
    version = run_pandoc(["--version"]).decode("utf-8").split("\n", 1)[0].removeprefix("pandoc").strip()
    return {"version": version, "sha256": _pinned()[1]}


def run_pandoc(arguments: Sequence[str], *, given: bytes = b"", timeout: float = 600, folder: Path | None = None) -> bytes:
    """Run pandoc and return what it prints.

    Raises
    ------
    ReportError
        Pandoc fails or takes too long; its own words are quoted.
    """
    # No time enters a document; no data directory of the user's changes it: that of pandoc's own folder holds nothing.
    keep = {name: value for name, value in os.environ.items() if name in ("TMPDIR", "SYSTEMROOT", "TEMP", "TMP")}
    environment = {**keep, "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "315532800"}
    pandoc, _ = _pinned()
    command = [str(pandoc), "--sandbox", "--data-dir", str(pandoc.parent), *arguments]
    try:
        done = run_program(command, given=given, timeout=timeout, folder=folder, environment=environment)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"pandoc took longer than {timeout:g} s", rule="rendering", remedy="allow more time") from error
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip()
        raise ToolError(f"pandoc failed (exit code {done.returncode}): {words}", rule="rendering", remedy="mend what pandoc names")
    return done.stdout
