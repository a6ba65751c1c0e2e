"""What is said of a file that cannot be read tells nothing of who got what, while a phase is blind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.read.cut import read_cut
from tests.drawn import opened_trial, our_trial
from tests.test_cut import json_content, write_any, write_xpt

Write = Callable[[Path, pd.DataFrame, pd.Series], None]

RECORD = "PHASE,SCOPE,USUBJID,UNBLDTC,REASON,NAME\n2,PHASE,,2026-10-05,FINAL ANALYSIS,A. Statistician\n"


def deal(one_of: int) -> tuple[pd.DataFrame, pd.Series]:
    """Infusions of four subjects, of whom one arm has the first (``one_of`` 0) or the last two; and which are theirs.

    The first have one infusion each, the last two of fourteen, and records are in the order of the arms.
    """
    given = [(f"NCT-{subject}", dose) for subject, doses in ((1, 1), (2, 1), (3, 14), (4, 14)) for dose in range(1, doses + 1)]
    frame = pd.DataFrame(given, columns=["USUBJID", "EXSEQ"]).astype({"EXSEQ": "float64"})
    frame = frame.assign(DOMAIN="EX", EXDOSE=1.5, EXLOT="lot 1", EXSTDTC="2025-03-10")
    theirs = frame["USUBJID"].isin(["NCT-1", "NCT-2"] if one_of == 0 else ["NCT-3", "NCT-4"])
    order = theirs.sort_values(kind="stable").index
    return frame.loc[order].reset_index(drop=True), theirs.loc[order].reset_index(drop=True)


def mask(name: str, value: object) -> Callable[[pd.DataFrame, pd.Series], pd.DataFrame]:
    return lambda frame, theirs: frame.assign(**{name: frame[name].astype("object").mask(theirs, value)})


def as_csv(change: Callable[[pd.DataFrame, pd.Series], pd.DataFrame], *letters: tuple[bytes, bytes]) -> Write:
    def write(cut: Path, frame: pd.DataFrame, theirs: pd.Series) -> None:
        content = change(frame, theirs).to_csv(index=False).encode()
        for old, new in letters:
            content = content.replace(old, new)
        (cut / "sdtm" / "ex.csv").write_bytes(content)

    return write


def supply(row: Callable[[pd.Series], dict[str, object]]) -> Write:
    """Sound infusions, and a qualifier for each of theirs."""

    def write(cut: Path, frame: pd.DataFrame, theirs: pd.Series) -> None:
        write_any(frame, cut / "sdtm" / "ex.csv")
        plain = {"RDOMAIN": "EX", "IDVAR": "EXSEQ", "QNAM": "EXTOTCEL", "QLABEL": "Cells", "QVAL": "1"}
        rows = [
            {**plain, "USUBJID": one["USUBJID"], "IDVARVAL": f"{one['EXSEQ']:.0f}", **row(one)}
            for _, one in frame[theirs].iterrows()
        ]
        pd.DataFrame(rows).to_csv(cut / "sdtm" / "suppex.csv", index=False)

    return write


def as_parquet(change: Callable[[pd.DataFrame, pd.Series], pa.Table]) -> Write:
    return lambda cut, frame, theirs: pq.write_table(change(frame, theirs), cut / "sdtm" / "ex.parquet")


def latin(frame: pd.DataFrame, theirs: pd.Series) -> pa.Table:
    lots = [b"lot \xe9" if one else b"lot" for one in theirs]
    return pa.Table.from_pandas(frame.drop(columns="EXLOT")).append_column("EXLOT", pa.array(lots, pa.binary()))


def as_xpt(version: int, ends: bool = False, letters: bool = False) -> Write:
    def write(cut: Path, frame: pd.DataFrame, theirs: pd.Series) -> None:
        file = cut / "sdtm" / "ex.xpt"
        write_xpt(frame.assign(EXLOT=frame["EXLOT"].mask(theirs, "lot Q")), file, version)
        content = file.read_bytes()
        if letters:
            content = content.replace(b"lot Q", b"lot \xe9")
        # Theirs are the last.
        file.write_bytes(content[: len(content) - 80 - 20 * int(theirs.sum())] if ends else content)

    return write


def as_json(change: Callable[[list[list[object]], list[int]], object], ending: str = "json") -> Write:
    """Dataset-JSON whose rows ``change`` changes, in place."""

    def write(cut: Path, frame: pd.DataFrame, theirs: pd.Series) -> None:
        content = json_content(frame)
        change(content["rows"], theirs[theirs].index.tolist())  # type: ignore[arg-type]
        if ending == "json":
            (cut / "sdtm" / "ex.json").write_text(json.dumps(content))
        else:
            rows = content.pop("rows")
            lines = [json.dumps(one) if isinstance(one, list) else str(one) for one in rows]  # type: ignore[attr-defined]
            (cut / "sdtm" / "ex.ndjson").write_text("\n".join([json.dumps(content), *lines]))

    return write


def put(rows: list[list[object]], at: list[int], column: int, value: object) -> None:
    for row in at:
        rows[row][column] = value


def adex(name: str, value: object, ending: str = "csv") -> Write:
    def write(cut: Path, frame: pd.DataFrame, theirs: pd.Series) -> None:
        (cut / "adam").mkdir()
        write_any(frame, cut / "sdtm" / "ex.csv")
        plain = {"PARAMCD": "DOSE", "AVAL": 1.5, "ADT": "2025-03-10"}
        given = frame[["USUBJID"]].assign(**plain)
        write_any(given.assign(**{name: given[name].astype("object").mask(theirs, value)}), cut / "adam" / f"adex.{ending}")

    return write


#: What one arm alone has, and what is said of it.
FAULTS: dict[str, tuple[Write, str]] = {
    "number": (as_csv(mask("EXDOSE", "0 (placebo)")), "EXDOSE is no number"),
    "decimal comma": (as_csv(mask("EXDOSE", "1,5")), "EXDOSE is no number"),
    "infinite": (as_parquet(lambda f, t: pa.Table.from_pandas(f.assign(EXDOSE=f["EXDOSE"].mask(t, float("inf"))))), "is no number"),
    "lot with a comma": (as_csv(mask("EXLOT", "lot Q"), (b"lot Q", b"lot,Q")), "rows of another width"),
    "letters of a CSV": (as_csv(mask("EXLOT", "lot Q"), (b"lot Q", b"lot \xe9")), "EXLOT is not UTF-8"),
    "letters of parquet": (as_parquet(latin), "EXLOT is not UTF-8"),
    "letters of transport": (as_xpt(5, letters=True), "EXLOT is not UTF-8"),
    "letters of JSON": (as_json(lambda rows, at: put(rows, at, 4, "\ud800")), "EXLOT is not UTF-8"),
    "quote": (as_csv(mask("EXLOT", "lot Q"), (b"lot Q", b'lot" Q')), "a quote that is not closed"),
    "NUL": (as_csv(mask("EXLOT", "lot Q"), (b"lot Q", b"lot\0Q")), "a NUL"),
    "header again": (
        as_csv(lambda f, t: pd.concat([f[~t], pd.DataFrame([dict(zip(f, f, strict=True))]), f[t]])),
        "repeats its header",
    ),
    "domain": (as_csv(mask("DOMAIN", "P2")), "DOMAIN says another"),
    "rows that are lost (5)": (as_xpt(5, ends=True), "rows that are not whole"),
    "rows that are lost (8)": (as_xpt(8, ends=True), "rows that are not whole"),
    "rows that JSON lost": (as_json(lambda rows, at: rows.__delitem__(slice(at[0], None))), "another number of rows"),
    "value of JSON": (as_json(lambda rows, at: put(rows, at, 3, "placebo")), "column EXDOSE has a value that is no number"),
    "width of JSON": (as_json(lambda rows, at: [rows[row].append(1) for row in at]), "rows without 6 values"),
    "line of NDJSON": (as_json(lambda rows, at: rows.__setitem__(at[0], "[1"), "ndjson"), "is not JSON"),  # type: ignore[call-overload]
    "qualifier of no record": (supply(lambda one: {"IDVARVAL": "99"}), "does not exist"),
    "qualifier of no variable": (supply(lambda one: {"IDVAR": "EXKIT"}), "IDVAR is no variable"),
    "qualifier that is no number": (supply(lambda one: {"QVAL": "none"}), "EXTOTCEL is no number"),
    "analysis value": (adex("AVAL", "placebo"), "AVAL is no number"),
    "analysis date": (adex("ADT", "2025-03"), "ADT is no ISO 8601 date"),
}


def read(folder: Path, write: Write, one_of: int, trial: Trial, record: str = "") -> list[str]:
    """What is said of a cut with the fault, without its folder."""
    cut = folder / f"{one_of}-{len(list(folder.iterdir()))}"
    (cut / "sdtm").mkdir(parents=True)
    frame, theirs = deal(one_of)
    write(cut, frame, theirs)
    (cut / "cut.json").write_text('{"cutoff": "2026-12-31"}')
    (cut / "sdtm" / "dm.csv").write_text("USUBJID,SCRPHASE,RFICDTC\nNCT-1,2,2025-03-01\n")
    if record:
        (cut / "unblinding.csv").write_text(record)
    with pytest.raises(ReportError) as error:
        read_cut(cut, trial)
    return [str(problem).replace(str(cut), "") for problem in error.value.problems]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_one_arm_alone_has_is_said_the_same_of_any(fault: str, tmp_path: Path) -> None:
    write, said = FAULTS[fault]
    first, second = (read(tmp_path, write, one_of, our_trial()) for one_of in (0, 1))
    assert first == second
    (told,) = first
    assert said in told
    assert "NCT-" not in told
    assert "placebo" not in told
    assert not re.search(r"(record|line|row) \d", told)


@pytest.mark.parametrize("fault", FAULTS)
def test_who_may_see_all_is_told_where(fault: str, tmp_path: Path) -> None:
    """Once no phase is blind: what is said of the one arm is not what is said of the other."""
    write, _ = FAULTS[fault]
    first, second = (read(tmp_path, write, one_of, opened_trial()) for one_of in (0, 1))
    assert first != second or fault == "domain"
    assert "P2" in first[0] or fault != "domain"
    assert read(tmp_path, write, 0, our_trial(), RECORD) == first


def test_of_a_variable_that_may_be_seen_the_value_is_told_but_not_where_it_stands(tmp_path: Path) -> None:
    (told,) = read(tmp_path, as_csv(mask("EXSEQ", "third")), 1, our_trial())
    assert told == (
        "/sdtm/ex.csv: EXSEQ 'third' is no number (28 such values) [rule: types of schemas/] "
        "Remedy: correct the value in the data, or the type in the schema"
    )


def test_a_record_that_does_not_hold_opens_nothing(tmp_path: Path) -> None:
    write, said = FAULTS["number"]
    doubted = RECORD.replace("2026-10-05", "2027-10-05")
    told = read(tmp_path, write, 1, our_trial(), doubted)
    assert told[0] == read(tmp_path, write, 0, our_trial(), doubted)[0]
    assert said in told[0]
    assert "UNBLDTC is after the data cut-off" in told[1]
