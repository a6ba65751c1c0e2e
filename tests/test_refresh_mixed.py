"""A document that holds outputs of two cut-offs, or drafts beside final ones, is never taken for one of the new build alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cgbm1_report import emit
from cgbm1_report.render.refresh import refresh_docx
from cgbm1_report.render.refresh.told import Refreshed
from tests.emit_cases import STAMP, figure, listing, summary_table
from tests.test_refresh import as_libreoffice_saves, output_of
from tests.watched import deliver
from tests.watched_build import write_build
from tests.written_csr import own_words, write_csr

OLD, NEW = "2026-01-15", "2026-07-01"
ALL = "Do not file it so: refresh it from one build that holds all"


def of_cut(made, cutoff: str, status: str = "draft"):
    return replace(made, stamp=replace(STAMP, cutoff=cutoff, status=status))


#    cut-off and status of the table that the build has  of the others            what is warned of at the end
MIXES = {
    "all are of one cut":       ((OLD, "draft"), (OLD, "draft"), []),
    "the build is a part":      ((NEW, "draft"), (OLD, "draft"), [f"WARNING: the document mixes data cut-offs now. {OLD}: 2 outputs; {NEW}: 1 output (T14.3.1.2.1). {ALL}"]),
    "drafts among final ones":  ((OLD, "final"), (OLD, "draft"), [f"WARNING: the document mixes drafts and final outputs now. draft: 2 outputs; final: 1 output (T14.3.1.2.1). {ALL}"]),
    "one does not say its cut": ((NEW, "draft"), ("not stated", "draft"), [f"WARNING: the document mixes data cut-offs now. not said: 2 outputs; {NEW}: 1 output (T14.3.1.2.1). {ALL}"]),
}  # fmt: skip


@pytest.mark.parametrize("saved", ["word", "libreoffice"])
@pytest.mark.parametrize("case", MIXES)
def test_document_refreshed_from_a_part_says_once_what_is_of_another_cut(tmp_path, case, saved):
    own, others, warned = MIXES[case]
    build = {"T14.3.1.2.1": tmp_path / "t.docx"}
    build["T14.3.1.2.1"].write_bytes(emit.emit_docx(of_cut(summary_table(), *own)))
    table = output_of(of_cut(summary_table(), *others))
    table = as_libreoffice_saves(table, "out_T14_3_1_2_1") if saved == "libreoffice" else table
    rest = output_of(of_cut(listing(3), *others)) + output_of(of_cut(figure(), *others)).replace("<w:drawing>", "<w:drawing >")
    document = write_csr(tmp_path / "csr.docx", own_words("Mine.") + table + own_words("Then:") + rest)
    done = refresh_docx(document, build, tmp_path / "new.docx")
    assert [*done.warn()] == warned
    assert done.is_mixed is bool(warned)
    assert sorted(number for numbers in done.cutoffs.values() for number in numbers) == ["F14.2.1.1", "L16.2.7.1", "T14.3.1.2.1"]


def test_command_writes_a_mixed_document_says_so_last_and_ends_with_1(tmp_path, carry_out, monkeypatch):
    write_build(deliver(tmp_path, "cut"), tmp_path / "build")
    mixed = Refreshed(
        ("T14.1.4.1",), (), ("T14.2.1.1",), outputs=("T14.1.4.1",), cutoffs={NEW: ("T14.1.4.1",), OLD: ("T14.2.1.1",)}
    )
    monkeypatch.setattr("cgbm1_report.render.refresh.find_documents", lambda *_: {})
    monkeypatch.setattr("cgbm1_report.render.refresh.refresh_docx", lambda *_, **__: mixed)
    asked = ("refresh", tmp_path / "CSR.docx", "--from", tmp_path / "build")
    code, printed, said = carry_out(*asked)
    assert (code, printed.splitlines()[-1][:37]) == (1, "WARNING: the document mixes data cut-"), said
    code, printed, said = carry_out(*asked, "--json")
    assert (code, json.loads(printed)["cutoffs"]) == (1, {NEW: ["T14.1.4.1"], OLD: ["T14.2.1.1"]}), said


def test_many_outputs_that_the_build_lacks_are_told_in_one_line():
    absent = tuple(f"T14.9.{at}" for at in range(1, 11))
    told = [*Refreshed((), (), absent).tell(Path("csr.docx"))]
    assert told[0] == (
        "T14.9.1, T14.9.2, T14.9.3, T14.9.4, T14.9.5, T14.9.6, T14.9.7, T14.9.8 and 2 more are not in this build: their outputs "
        "of an earlier one are left as they were"
    )
    assert len(told) == 2, "that line and the count"
