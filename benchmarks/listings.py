"""Our part of the work on outputs, in a process of its own: `python -m benchmarks.listings WORK CUT TARGET`.

``pdf`` is the whole way from the cut's transport files. ``docx``, ``rtf`` and ``html`` are the writing
alone: what is timed starts where the listing is there as a Table (`benchmarks.measure.timed`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.data import LISTING, PILOT, read_output, texts_of
from benchmarks.measure import timed


def write_pdf(cut: Path, target: Path) -> None:
    """The listing as a PDF of its own, tagged or in volumes as a build would make it.

    As in a build, the process that reads the data and writes typst's source ends before typst starts.
    """
    from cgbm1_report.render import ReportAbout, SingleOutput, render_outputs
    from cgbm1_report.tabulate.files import file_stem

    printed = target.with_suffix(".json")
    subprocess.run([sys.executable, "-m", "benchmarks.listings", "printed", str(cut), str(printed)], check=True)
    told = json.loads(printed.read_text(encoding="utf-8"))
    printed.unlink()
    outputs = [SingleOutput(**told.pop("output"))]
    render_outputs(outputs, target.parent, about=ReportAbout(**told))
    (target.parent / f"{file_stem(LISTING)}.pdf").replace(target)


def write_printed(cut: Path, target: Path) -> None:
    """What a PDF of the listing is made of."""
    from cgbm1_report.emit import heading, mime_bundle
    from cgbm1_report.protocol.trial import read_trial

    table = read_output(cut)
    study, stamp = read_trial(PILOT).study, table.stamp
    output = {"number": table.number, "title": heading(table), "markdown": mime_bundle(table)["text/markdown"]}
    about = {"title": study.title, "protocol": study.studyid, "mark": stamp.mark, "cutoff": stamp.cutoff, "program": stamp.program}
    target.write_text(json.dumps({"output": output, **about}), encoding="utf-8")


def write_alone(form: str, cut: Path, target: Path) -> None:
    """The listing in a format that needs no other program."""
    from cgbm1_report import emit

    table = read_output(cut)
    emitter = {"docx": emit.emit_docx, "rtf": emit.emit_rtf, "html": emit.emit_html_page}[form]
    with timed():
        made = emitter(table)
        target.write_bytes(made if isinstance(made, bytes) else made.encode("utf-8"))


def write_texts(cut: Path, target: Path) -> None:
    """What the listing prints, for the peers."""
    texts_of(read_output(cut)).to_parquet(target, index=False)


WORK = {"pdf": write_pdf, "printed": write_printed, "texts": write_texts}

if __name__ == "__main__":
    form, given, made = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if form in WORK:
        WORK[form](given, made)
    else:
        write_alone(form, given, made)
