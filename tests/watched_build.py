"""A stand-in for the process that builds: it has the manifest of a build, the inputs of the cut as it read it, and one page.

As a program (``python -m tests.watched_build CUT BUILD CONTROL``) it makes one; where CONTROL holds a pipe named as the cut
it is half done when it says its number there, and waits to be killed.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from pathlib import Path

from cgbm1_report.assets import __version__, asset
from cgbm1_report.build.target import check_replaceable
from cgbm1_report.read.seal import measure_files
from cgbm1_report.system.program import hash_code
from cgbm1_report.system.whole import whole_folder

NUMBERS = ["T14.1.1.1", "T14.1.1.2"]


def write_build(cut: Path, out: Path) -> None:
    """A build as far as a watch looks at it: it says what it read, and is whole or absent."""
    inputs = {name: told["sha256"] for name, told in measure_files(cut).items()}
    with whole_folder(out, check_replaceable) as made:
        (made / "index.html").write_text(f"<p>{cut.name}</p>")
        report = {
            "building": False,
            "pooled_phases": [2],
            "stamp": {"mark": "Draft, confidential, Phase 2 blinded", "paper": "a4"},
            "only": None,
            "formats": ["html", "docx", "pdf", "rtf"],
        }
        manifest = {
            "report": report,
            "parameters": {"phase": None},
            "code": __version__,
            "code_sha256": hash_code(),
            "engine": {"name": "embedded"},
            "trial": {"sha256": hashlib.sha256(asset("trial.yaml").read_bytes()).hexdigest()},
            "inputs": inputs,
            "outputs": dict.fromkeys(NUMBERS, "made"),
            "files": {"index.html": hashlib.sha256((made / "index.html").read_bytes()).hexdigest()},
        }
        (made / "manifest.json").write_text(json.dumps(manifest))


def _build(cut: Path, target: Path, control: Path) -> None:
    pipe = control / cut.name
    if pipe.exists():
        with whole_folder(target, check_replaceable) as made:
            (made / "half.html").write_text("<p>half")
            with pipe.open("w") as words:
                words.write(str(os.getpid()))
            signal.pause()
    write_build(cut, target)


if __name__ == "__main__":
    _build(*map(Path, sys.argv[1:]))
