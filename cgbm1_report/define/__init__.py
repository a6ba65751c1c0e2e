"""Data definition: what every dataset and variable is, for a reviewer's software and for a reader.

Everything comes from schemas/ and trial.yaml; nothing is described twice, so the definition cannot
say anything but what the gate checks.
"""

from __future__ import annotations

from pathlib import Path

from cgbm1_report.protocol.trial import Trial
from cgbm1_report.system.clock import read_epoch
from cgbm1_report.system.listed import write_files

__all__ = ["write_define"]

LISTING = "define.sha256"


def creation_time(trial: Trial) -> str:
    """Date and time the definition carries: SOURCE_DATE_EPOCH, else the protocol's data cut-off, never the clock."""
    from cgbm1_report.validate.describe import UNDATED

    epoch = read_epoch()
    if epoch:
        return epoch.isoformat()
    return f"{trial.study.data_cutoff}T00:00:00+00:00" if trial.study.data_cutoff else UNDATED


def write_define(folder: Path, trial: Trial) -> tuple[Path, Path]:
    """Write ``define.xml`` (Define-XML 2.1) and ``define.html`` into a folder, and their SHA-256 in ``define.sha256``.

    Both describe every SDTM and ADaM dataset of schemas/: its grain and keys, and per variable label,
    type, length, codelist (that of the schema, or the trial's own arms, visits, doses and parameters),
    origin, and for AVAL the derivation of each parameter where trial.yaml states one. The same schemas
    and the same protocol give the same bytes.

    Parameters
    ----------
    folder
        Made if it is not there.
    trial
        The protocol.

    Returns
    -------
    tuple
        Paths of define.xml and define.html.

    Raises
    ------
    ReportError
        A schema is wrong, the folder cannot be written, or files of these names are there that this function
        did not write, or that were changed since.
    """
    from cgbm1_report.define.page import emit_define_html
    from cgbm1_report.define.xml import emit_define_xml
    from cgbm1_report.validate.describe import describe_datasets

    datasets, made = describe_datasets(trial), creation_time(trial)
    contents = {"define.xml": emit_define_xml(datasets, trial, made), "define.html": emit_define_html(datasets, trial, made)}
    write_files(folder, {name: text.encode("utf-8") for name, text in contents.items()}, LISTING)
    return folder / "define.xml", folder / "define.html"
