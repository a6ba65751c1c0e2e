"""Files that lie or only look odd: each is read as what it says, or refused by variable, record and name."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cgbm1_report.assets import asset
from cgbm1_report.errors import ReportError
from cgbm1_report.read import content, sas
from cgbm1_report.read import parquet as parquet_files
from cgbm1_report.read.cut import read_cut
from cgbm1_report.read.intake import Intake
from tests.drawn import opened_trial
from tests.test_cut import AE, TRIAL, json_content, write_any, write_xpt

DM = pd.DataFrame({"USUBJID": ["007", "008"], "AGE": [44.0, 50.0], "AGF": [54.0, 60.0]})


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    folder = tmp_path / "cut"
    (folder / "sdtm").mkdir(parents=True)
    return folder


def problem_of(folder: Path) -> str:
    """The one thing that is wrong."""
    with pytest.raises(ReportError) as error:
        read_cut(folder, opened_trial())
    (problem,) = error.value.problems
    assert problem.remedy
    return str(problem)


# --- cuts that move ---


def test_cut_that_is_replaced_while_it_is_read_is_refused_and_one_whose_rights_change_is_not(
    cut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    DM.to_parquet(cut / "sdtm" / "dm.parquet")
    AE.to_parquet(cut / "sdtm" / "ae.parquet")
    shutil.copytree(cut, cut.with_name("other"))
    DM.assign(AGE=45.0).to_parquet(cut.with_name("other") / "sdtm" / "dm.parquet")
    take, happens = Intake.take, []

    def happen(self: Intake, path: Path) -> bytes:
        content = take(self, path)
        if happens and path.name == "dm.parquet":
            happens.pop()()
        return content

    def swap() -> None:
        cut.rename(cut.with_name("before"))
        cut.with_name("other").rename(cut)

    monkeypatch.setattr(Intake, "take", happen)
    # What happens to the cut when DM has been read      what is said
    happens.append(lambda: (cut / "sdtm" / "dm.parquet").chmod(0o600))
    assert read_cut(cut, TRIAL).sdtm["DM"]["AGE"].tolist() == [44.0, 50.0]
    happens.append(swap)
    assert "dm.parquet: was changed, or replaced, while the cut was read" in problem_of(cut)
    happens.append(lambda: (cut / "sdtm" / "dm.parquet").unlink())
    assert "dm.parquet: was changed, or replaced, while the cut was read" in problem_of(cut)
    assert happens == []


# --- twins --------------------------------------------------------------------------------------

#: A name beside AGE, and why the two are one.
TWINS = [("AGE", "stand twice"), ("Age", "stand twice"), ("age", "stand twice")]


@pytest.mark.parametrize(("name", "words"), TWINS)
@pytest.mark.parametrize("kind", ["xpt5", "xpt8", "parquet", "csv", "json", "ndjson"])
def test_variable_that_stands_twice_is_refused_in_every_format(cut: Path, kind: str, name: str, words: str) -> None:
    file = cut / "sdtm" / f"dm.{kind.rstrip('58')}"
    if kind.startswith("xpt"):
        write_xpt(DM, file, int(kind[-1]))
        file.write_bytes(file.read_bytes().replace(b"AGF", name.encode()))
    elif kind == "parquet":
        pq.write_table(pa.table([["007"], [44.0], [54.0]], names=["USUBJID", "AGE", name]), file)
    elif kind == "csv":
        file.write_text(f"USUBJID,AGE,{name}\n007,44,54\n")
    else:
        write_any(DM, file)
        file.write_text(file.read_text().replace('"name": "AGF"', f'"name": "{name}"'))
    assert words in problem_of(cut)


def sas7bdat() -> bytes:
    """A file SAS wrote, of 20 records and 9 variables (see test_fuzz_cut.py)."""
    return gzip.decompress(asset("tests", "oracles", "date_test.sas7bdat.gz").read_bytes())


@pytest.mark.parametrize("name", [b"DTC1", b"dtc1"])
def test_variable_that_stands_twice_in_a_sas_file_is_refused(cut: Path, name: bytes) -> None:
    """The library renames the second one and goes on."""
    data = sas7bdat()
    assert b"dtc2" in data
    (cut / "sdtm" / "dm.sas7bdat").write_bytes(data.replace(b"dtc2", name))
    assert "stand" in problem_of(cut)


def test_sas_file_is_read_by_its_formats(cut: Path) -> None:
    """First record as SAS shows it: 01JAN2022, 14/11/1970, 12/31/99, 07M2023, 9 December 2020 14:05:00."""
    (cut / "sdtm" / "dm.sas7bdat").write_bytes(sas7bdat())
    first = read_cut(cut).sdtm["DM"].iloc[0]
    names = ["DTC1", "DTC2", "DTC3", "DTC4", "DT1"]
    texts = ["2022-01-01", "1970-11-14", "1999-12-31", "2023-07-01", "2020-12-09T14:05"]
    assert [first[name] for name in names] == [pd.Timestamp(text) for text in texts]


def test_sas_file_that_changes_while_it_is_read_is_refused(cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = cut / "sdtm" / "dm.sas7bdat"
    file.write_bytes(sas7bdat())
    ask = sas._ask_pyreadstat

    def change(path: Path, **which: object) -> object:
        found = ask(path, **which)
        path.write_bytes(sas7bdat() + b"\0")
        return found

    monkeypatch.setattr(sas, "_ask_pyreadstat", change)
    assert "changed while it was read" in problem_of(cut)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("USUBJID,TRTSDTMLONG,TRTSDTMLONGER", "the same in their first 8 characters"),
        ("USUBJID,TRTSDTML,TRTSDTMLONGER", "the same in their first 8 characters"),
        ("USUBJID,AGE, AGE", "not allowed"),  # a blank is part of the name, and no name begins with one
        ("USUBJID,AGE,AGE ", "not allowed"),
        ("USUBJID,AGE,\ufeffAGE", "not allowed"),
        ("USUBJID,AGE,AG\u0415", "not allowed"),  # a Cyrillic letter
        ("USUBJID,AGEſ", "not allowed"),  # a long s, whose capital is S
        ("USUBJID,AGE,", "not allowed"),
        ("USUBJID,2AGE", "not allowed"),
    ],
)
def test_names_that_become_one_or_are_none_are_refused(cut: Path, header: str, words: str) -> None:
    values = ",".join("1" for _ in header.split(","))
    (cut / "sdtm" / "dm.csv").write_text(f"{header}\n{values}\n", encoding="utf-8")
    assert words in problem_of(cut)


def test_longer_name_of_its_own_is_read(cut: Path) -> None:
    (cut / "sdtm" / "dm.csv").write_text("USUBJID,AGE,TRTSDTMLONG\n007,44,x\n")
    assert list(read_cut(cut).sdtm["DM"]) == ["USUBJID", "AGE", "TRTSDTMLONG"]


def test_name_that_ends_at_a_nul_in_a_transport_file_is_the_name_before_it(cut: Path) -> None:
    write_xpt(DM.rename(columns={"AGF": "AGEXX"}), cut / "sdtm" / "dm.xpt")
    file = cut / "sdtm" / "dm.xpt"
    file.write_bytes(file.read_bytes().replace(b"AGEXX", b"AGE\0X"))
    assert "stand twice" in problem_of(cut)


@pytest.mark.parametrize("content", ['{"columns": [], "columns": []}', '{"rows": [], "columns": [{"name": "A", "name": "B"}]}'])
def test_key_that_stands_twice_in_dataset_json_is_refused(cut: Path, content: str) -> None:
    (cut / "sdtm" / "dm.json").write_text(content)
    assert "stands twice" in problem_of(cut)


def test_dataset_in_two_files_is_refused_whatever_their_case(cut: Path) -> None:
    write_any(AE, cut / "sdtm" / "ae.csv")
    write_any(AE, cut / "sdtm" / "aeX.csv")
    (cut / "sdtm" / "aeX.csv").rename(cut / "sdtm" / "AE.CSV")
    assert "delivered more than once" in problem_of(cut)


# --- letters ------------------------------------------------------------------------------------

FEVER = "发热".encode("gbk")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (FEVER + b"----", "it may be GBK"),
        ("------é".encode()[:-1] + b" ", "it ends inside a character at byte 7"),
        (b"F\xe9ver---", "is not UTF-8"),
    ],
)
@pytest.mark.parametrize("kind", ["xpt", "csv", "json", "ndjson", "parquet"])
def test_text_that_is_not_utf_8_is_named_by_variable_and_record(cut: Path, kind: str, value: bytes, words: str) -> None:
    file = cut / "sdtm" / f"ae.{kind}"
    frame = AE.assign(AETERM=["Fever...", "Fever!!!", "Fever..."])
    write_any(frame, file)
    data = file.read_bytes()
    if kind == "parquet":
        column = pa.array([b"Fever...", value, b"Fever..."], pa.binary())
        table = pa.table({"USUBJID": ["1", "2", "3"], "AETERM": column.view(pa.string())})
        pq.write_table(table, file)
    else:
        file.write_bytes(data.replace(b"Fever!!!", value.ljust(8)[:8]))
    problem = problem_of(cut)
    assert "AETERM is not UTF-8" in problem
    assert "record 2" in problem
    assert words in problem or kind in ("csv", "json", "ndjson")
    assert "ever" not in problem.split("not UTF-8")[1].split("[rule")[0]


@pytest.mark.parametrize("kind", ["xpt", "parquet", "json"])
def test_label_that_is_not_utf_8_is_replaced_and_said(cut: Path, kind: str) -> None:
    file = cut / "sdtm" / f"ae.{kind}"
    write_any(AE, file, {"AETERM": "Verbatim E!"}, "Events !")
    if kind == "parquet":
        table = pq.read_table(file)
        fields = [f.with_metadata({"label": b"Verbatim E\xe9"}) if f.name == "AETERM" else f for f in table.schema]
        pq.write_table(table.cast(pa.schema(fields)).replace_schema_metadata({"label": b"Events \xe9"}), file)
    else:
        file.write_bytes(file.read_bytes().replace(b"E!", b"E\xe9").replace(b"Events !", b"Events \xe9"))
    found = read_cut(cut)
    assert found.sdtm["AE"]["USUBJID"].tolist() == ["007", "008", "009"]
    assert found.sdtm["AE"].attrs["labels"]["AETERM"] == "Verbatim E\N{REPLACEMENT CHARACTER}"
    assert found.sdtm["AE"].attrs["label"] == "Events \N{REPLACEMENT CHARACTER}"
    (note,) = found.notes
    assert "the label of AETERM, the dataset is not UTF-8" in note.message


@pytest.mark.parametrize("kind", ["json", "ndjson"])
def test_half_a_character_in_json_is_refused_with_its_record(cut: Path, kind: str) -> None:
    file = cut / "sdtm" / f"ae.{kind}"
    write_any(AE.assign(AETERM=["a", "b!", "c"]), file)
    file.write_text(file.read_text().replace("b!", "\\ud800"))
    assert "record 2: AETERM is not UTF-8" in problem_of(cut)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_text_file_in_another_encoding_is_said_to_be_one(cut: Path, kind: str, encoding: str) -> None:
    file = cut / "sdtm" / f"ae.{kind}"
    write_any(AE, file)
    file.write_bytes(file.read_text().encode(encoding))
    problem = problem_of(cut)
    assert ("not UTF-8" in problem) or ("NUL" in problem)


# --- CSV ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("USUBJID;AGE;SEX\n007;44,5;M\n", "the separator is ;, not a comma"),
        ('"USUBJID";"AGE"\n"007";"44,5"\n', "the separator is ;, not a comma"),
        ("USUBJID\tAGE\n007\t44\n", "the separator is a tab, not a comma"),
        ("USUBJID|AGE\n007|44\n", "the separator is |, not a comma"),
        ('"USUBJID" "AGE"\n"007" 44\n', "the separator is a blank, not a comma"),  # R's write.table
        ("sep=;\nUSUBJID;AGE\n007;44\n", "the separator is ;, not a comma"),  # a spreadsheet's first line
        ('USUBJID,AGE\n007,"44,5"\n', "write the decimal sign as a point"),
        ("USUBJID,AGE\n007,NA\n", 'in R na = ""'),
        ("USUBJID,AGE\n007,0x1F\n", "is no number"),
        ("USUBJID,AGE\n007,True\n", "is no number"),
        ("USUBJID,AGE\n007,1_0\n", "is no number"),
        ("USUBJID,AGE\n007,٤٤\n", "is no number"),
        ("USUBJID,AGE\n007,1e999\n", "is no number"),
        ("USUBJID,AGE\n007,44\nUSUBJID,AGE\n008,50\n", "record 2: repeats its header"),
        ("USUBJID,SEX\n007,M\nUSUBJID,SEX\n008,F\n", "record 2: repeats its header"),
        ('USUBJID,AETERM\n007,"fever\n008,cough\n009,rash\n', "line 2: has a quote that is not closed"),
        ('USUBJID,AETERM\n007,a\n008,"fever\n009,"rash"\n', "line 3: has a quote that is not closed"),
        ('USUBJID,AETERM\n007,5" tube\n008,b\n', "line 2: has a quote that is not closed"),
        ('USUBJID,AETERM\n007,"a"b\n', "line 2: has a quote that is not closed"),
        ("USUBJID,AETERM\n007,a\0b\n", "line 2: holds a NUL"),
    ],
)
def test_csv_that_only_looks_like_it_is_refused_by_name(cut: Path, text: str, words: str) -> None:
    (cut / "sdtm" / "dm.csv").write_bytes(text.encode())
    assert words in problem_of(cut)


@pytest.mark.parametrize(
    "text", ['USUBJID,SEX\n007,"a ""b"" c"\n', '"USUBJID","SEX"\r\n"007",""""\r\n', 'USUBJID,SEX\n007,"a\nb"\n']
)
def test_csv_with_quotes_in_their_places_is_read(cut: Path, text: str) -> None:
    (cut / "sdtm" / "dm.csv").write_bytes(text.encode())
    assert read_cut(cut).sdtm["DM"]["SEX"].tolist() in (['a "b" c'], ['"'], ["a\nb"])


#: narratives.csv as a spreadsheet saves it where the comma is the decimal sign, and what is read or said of it.
SEMICOLONS = [
    ("USUBJID;AESEQ;AETERM;AESTDTC;TEXT\n007;1;fever, high;2025-03-01;rose, fell\n", "rose, fell"),
    ('\ufeff"USUBJID";"AESEQ";"AETERM";"AESTDTC";"TEXT"\r\n"007";"1";"a";"2025-03-01";"one; two"\r\n', "one; two"),
    ("usubjid;aeseq;aeterm;aestdtc;text;REMARK\n007;1;a;2025-03-01;fell;mine\n", "fell"),
]
NO_SEMICOLONS = [
    ("USUBJID;AESEQ;AETERM;AESTDTC;TEXT\n007;1,5;a;2025-03-01;fell\n", "row 2: a text has an AESEQ that is no number"),
    ("USUBJID;AESEQ;AETERM;AESTDTC;TEXT\n007,1,a,2025-03-01,fell\n", "line 2: has 1 value, 5 expected"),
    ("USUBJID,AESEQ;AETERM;AESTDTC;TEXT\n007;1;a;2025-03-01;fell\n", "AESEQ;AETERM;AESTDTC;TEXT"),
    ("USUBJID;AESEQ;TERM;AESTDTC;TEXT\n007;1;a;2025-03-01;fell\n", "line 1: has no AETERM"),
    ('USUBJID;AESEQ;AETERM;AESTDTC;TEXT\n007;1;a;2025-03-01;"fell" ill\n', "line 2: has a quote that is not closed"),
]


def write_own(cut: Path, content: bytes) -> None:
    (cut / "sdtm" / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID\nX,DM,007\n")
    (cut / "narratives.csv").write_bytes(content)


@pytest.mark.parametrize(("text", "told"), SEMICOLONS)
def test_own_file_with_semicolons_is_read_where_its_first_line_has_all_columns_by_them(cut: Path, text: str, told: str) -> None:
    write_own(cut, text.encode())
    narratives = read_cut(cut).narratives
    assert narratives is not None
    assert narratives["TEXT"].tolist() == [told]


@pytest.mark.parametrize(("text", "said"), NO_SEMICOLONS)
def test_own_file_of_mixed_separators_or_without_a_column_is_refused(cut: Path, text: str, said: str) -> None:
    write_own(cut, text.encode())
    assert said in problem_of(cut)


def test_own_file_of_a_spreadsheet_in_windows_1252_is_refused_with_how_to_save_it(cut: Path) -> None:
    write_own(cut, "USUBJID;AESEQ;AETERM;AESTDTC;TEXT\n007;1;a;2025-03-01;müde\n".encode("cp1252"))
    said = problem_of(cut)
    assert "record 1: TEXT is not UTF-8" in said
    assert "save it in the spreadsheet as CSV UTF-8" in said


# --- Dataset-JSON -------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [None, ""])
@pytest.mark.parametrize(
    ("about", "value", "kind"),
    [
        ({"dataType": "decimal", "targetDataType": "decimal"}, "1.5", "float64"),
        ({"dataType": "integer"}, 1, "float64"),
        ({"dataType": "double"}, 1.5, "float64"),
        ({"dataType": "date", "targetDataType": "integer"}, "2025-03-10", "datetime64[s]"),
        ({"dataType": "datetime", "targetDataType": "integer"}, "2025-03-10T10:00:00", "datetime64[s]"),
        ({"dataType": "string"}, "x", "str"),
    ],
)
def test_empty_text_is_missing_as_null_is(cut: Path, missing: str | None, about: dict[str, str], value: object, kind: str) -> None:
    """CDISC's own example files write a missing decimal as "", although the specification says null."""
    columns = [{"name": "USUBJID", "dataType": "string"}, {"name": "MYVALUE", **about}]
    (cut / "sdtm" / "dm.json").write_text(json.dumps({"columns": columns, "rows": [["007", missing], ["008", value]]}))
    column = read_cut(cut).sdtm["DM"]["MYVALUE"]
    assert column.isna().tolist() == [True, False]
    assert str(column.dtype) == kind


@pytest.mark.parametrize("value", [".", "NaN", "NA", "1,5", " ", "x"])
def test_other_text_for_a_decimal_is_refused_unless_blank(cut: Path, value: str) -> None:
    columns = [{"name": "USUBJID", "dataType": "string"}, {"name": "AGE", "dataType": "decimal"}]
    (cut / "sdtm" / "dm.json").write_text(json.dumps({"columns": columns, "rows": [["007", value]]}))
    if value.strip():
        assert "AGE" in (problem := problem_of(cut))
        assert "is no number" in problem
    else:
        assert read_cut(cut).sdtm["DM"]["AGE"].isna().all()


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e400", "-1e400"])
def test_number_no_double_holds_is_refused(cut: Path, number: str) -> None:
    columns = '[{"name": "USUBJID", "dataType": "string"}, {"name": "AGE", "dataType": "integer"}]'
    (cut / "sdtm" / "dm.json").write_text(f'{{"columns": {columns}, "rows": [["007", {number}]]}}')
    assert "is no number" in problem_of(cut)


# --- transport files ----------------------------------------------------------------------------


@pytest.mark.parametrize("version", [5, 8])
def test_record_of_blanks_at_the_end_is_a_record(cut: Path, version: int) -> None:
    """Of 120 bytes each: what is blank before the last card is no padding."""
    frame = pd.DataFrame({"USUBJID": ["007", "008", "  "], "AETERM": ["a" * 117, "b", ""]})
    write_xpt(frame, cut / "sdtm" / "ae.xpt", version)
    read = read_cut(cut).sdtm["AE"]
    assert read["USUBJID"].fillna(".").tolist() == ["007", "008", "."]


def test_version_8_counts_its_records_of_blanks(cut: Path) -> None:
    write_xpt(pd.DataFrame({"USUBJID": ["a", "b", ""]}), cut / "sdtm" / "ae.xpt", 8)
    assert read_cut(cut).sdtm["AE"]["USUBJID"].fillna(".").tolist() == ["a", "b", "."]


@pytest.mark.parametrize(("announced", "words"), [(2, "announces 2 rows and holds more"), (9, "announces 9 rows and holds 3")])
def test_other_number_of_records_than_announced_is_refused(cut: Path, announced: int, words: str) -> None:
    file = cut / "sdtm" / "ae.xpt"
    write_xpt(pd.DataFrame({"USUBJID": [f"{row:0150}" for row in range(3)]}), file, 8)
    data = file.read_bytes()
    at = data.index(b"OBSV8") - 20
    card = data[at : at + 80]
    file.write_bytes(data.replace(card, card[:48] + str(announced).rjust(len(card[48:63])).encode() + card[63:]))
    assert words in problem_of(cut)


@pytest.mark.parametrize("version", [5, 8])
@pytest.mark.parametrize("variables", [0, 2, 4, 9999])
def test_other_number_of_variables_than_described_is_refused(cut: Path, version: int, variables: int) -> None:
    file = cut / "sdtm" / "dm.xpt"
    write_xpt(DM, file, version)
    data = bytearray(file.read_bytes())
    at = data.index(b"NAMESTR" if version == 5 else b"NAMSTV8") - 20
    assert int(data[at + 52 : at + 58]) == 3
    data[at + 52 : at + 58] = f"{variables:06}".encode()
    file.write_bytes(data)
    assert "truncated or damaged" in problem_of(cut)


@pytest.mark.parametrize("kind", ["xpt5", "xpt8", "json", "ndjson"])
def test_file_that_holds_the_dataset_of_another_name_is_said(cut: Path, kind: str) -> None:
    """A name nobody knows is what a writer puts where nobody gave one."""
    file = cut / "sdtm" / f"ae.{kind.rstrip('58')}"
    if kind.startswith("xpt"):
        write_xpt(DM, file, int(kind[-1]))
        file.write_bytes(file.read_bytes().replace(b"SAS     AE", b"SAS     CM"))
    else:
        write_any(DM, file)
        file.write_text(file.read_text().replace('"name": "AE"', '"name": "CM"'))
    (note,) = read_cut(cut, TRIAL).notes
    assert note.message == "is named AE, but the dataset in it is named CM"
    old, new = (b"SAS     CM", b"SAS     XX") if kind.startswith("xpt") else (b'"name": "CM"', b'"name": "DATASET"')
    file.write_bytes(file.read_bytes().replace(old, new))
    assert read_cut(cut).notes == ()


# --- parquet ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (pa.array([[1], [2]]), "is of type list"),
        (pa.array([{"a": 1}, {"a": 2}]), "is of type struct"),
        (pa.array([1, 2], pa.time32("s")), "is of type time32"),
        (pa.array([1, 2], pa.duration("s")), "is of type duration"),
        (pa.array([True, False]), "is true/false"),
        (pa.array([1, 2], pa.timestamp("ns", "Asia/Shanghai")), "has a time zone"),
        (pa.array([1, 2], pa.timestamp("us", "+08:00")), "has a time zone"),
        (pa.array([2**53 + 1, 2**63 - 1], pa.int64()), "deliver long numbers as text"),
        (pa.array([4 * 10**12] * 2, pa.timestamp("s")), "outside the years"),
    ],
)
def test_parquet_type_of_no_use_is_refused_with_its_variable(cut: Path, values: pa.Array, words: str) -> None:
    pq.write_table(pa.table({"USUBJID": ["1", "2"], "MYVALUE": values}), cut / "sdtm" / "dm.parquet")
    problem = problem_of(cut)
    assert words in problem
    assert "MYVALUE" in problem


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        (pa.array([b"ab", b"cd"], pa.binary(2)), ["ab", "cd"]),
        (pa.array(["a", "b"], pa.large_string()), ["a", "b"]),
        (pa.array(["a", "b"], pa.string_view()), ["a", "b"]),
        (pa.array([1, 2], pa.uint8()), [1.0, 2.0]),
        (pa.array([1.5, 2], pa.float32()), [1.5, 2.0]),
        (pa.array([1, 2], pa.decimal128(9, 2)), [1.0, 2.0]),
        (pa.array([1741602600000000000] * 2, pa.timestamp("ns")), [pd.Timestamp("2025-03-10T10:30")] * 2),
        (pa.array([1741602600000000] * 2, pa.timestamp("us")), [pd.Timestamp("2025-03-10T10:30")] * 2),
        (pa.array([20157, 20157], pa.date32()), [pd.Timestamp("2025-03-10")] * 2),
    ],
)
def test_parquet_type_is_read_as_what_it_holds(cut: Path, values: pa.Array, expected: list[object]) -> None:
    pq.write_table(pa.table({"USUBJID": ["1", "2"], "MYVALUE": values}), cut / "sdtm" / "dm.parquet")
    assert read_cut(cut).sdtm["DM"]["MYVALUE"].tolist() == expected


def test_row_index_of_pandas_is_left_out_and_said(cut: Path) -> None:
    DM.set_axis([5, 9], axis="index").to_parquet(cut / "sdtm" / "dm.parquet")
    found = read_cut(cut)
    assert list(found.sdtm["DM"]) == list(DM)
    assert "row index" in found.notes[0].message


# --- sizes --------------------------------------------------------------------------------------


def test_file_that_says_it_holds_more_than_any_dataset_is_refused_unread(cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A million records of one value take a few bytes; limits are lowered so that the test stays small."""
    table = pa.table({"USUBJID": pa.array(["x" * 1000] * 10_000)})
    pq.write_table(table, cut / "sdtm" / "dm.parquet")
    assert (cut / "sdtm" / "dm.parquet").stat().st_size < 10_000
    monkeypatch.setattr(content, "MOST_VALUES", 9_999)
    assert "announces 10,000 rows of 1 variable" in problem_of(cut)
    monkeypatch.setattr(content, "MOST_VALUES", 10_000)
    monkeypatch.setattr(parquet_files, "_MOST_TEXT", 9_999_999)
    assert "USUBJID holds 10,000,000 bytes of text" in problem_of(cut)


def test_larger_file_than_any_dataset_is_refused_unread(cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_any(AE, cut / "sdtm" / "ae.json")
    monkeypatch.setitem(content.MOST_BYTES, ".json", 100)
    assert "has more than 100 bytes" in problem_of(cut)


def test_pipe_is_not_waited_for(cut: Path) -> None:
    os.mkfifo(cut / "sdtm" / "ae.csv")
    assert "is no file" in problem_of(cut)


# --- checksums ----------------------------------------------------------------------------------


def sums(cut: Path, *more: str, form: str = "{hash}  {path}\n") -> str:
    """What sha256sum writes of every file of the cut, by Python's own hash of each."""
    files = sorted(path for path in cut.rglob("*") if path.is_file())
    return "".join(
        form.format(hash=hashlib.sha256(path.read_bytes()).hexdigest(), path=path.relative_to(cut).as_posix()) for path in files
    ) + "".join(more)


@pytest.fixture
def sealed(cut: Path) -> Path:
    write_any(AE, cut / "sdtm" / "ae.xpt")
    write_any(AE.assign(CMSEQ=1.0), cut / "sdtm" / "cm.csv")
    (cut / "cut.json").write_text('{"cutoff": "2025-06-30"}')
    return cut


@pytest.mark.parametrize(
    "form",
    [
        "{hash}  {path}\n",
        "{hash} *{path}\n",
        "{hash}  ./{path}\n",
        "{hash}  {path}\r\n",
        "SHA256 ({path}) = {hash}\n",
        "\\{hash}  {path}\n",
    ],
)
@pytest.mark.parametrize("name", ["SHA256SUMS", "sha256sums.txt", "checksums.sha256"])
def test_cut_that_its_checksums_were_made_of_is_read(sealed: Path, form: str, name: str) -> None:
    (sealed / name).write_text(sums(sealed, form=form), newline="")
    assert name in read_cut(sealed, TRIAL).files


def test_checksum_in_capitals_is_the_same(sealed: Path) -> None:
    text = sums(sealed)
    (sealed / "SHA256SUMS").write_text("\ufeff" + "".join(line[:64].upper() + line[64:] + "\n" for line in text.splitlines()))
    assert "SHA256SUMS" in read_cut(sealed, TRIAL).files


@pytest.mark.parametrize("name", ["sdtm/ae.xpt", "sdtm/cm.csv", "cut.json", "README"])
def test_flipped_bit_is_refused_where_there_are_checksums(sealed: Path, name: str) -> None:
    """Of a transport file it is other data and no error of the format; of a file nobody reads it is a damaged delivery."""
    (sealed / "README").write_text("This is cut 3.")
    (sealed / "SHA256SUMS").write_text(sums(sealed))
    data = bytearray((sealed / name).read_bytes())
    data[-12] ^= 1
    (sealed / name).write_bytes(data)
    with pytest.raises(ReportError) as error:
        read_cut(sealed, TRIAL)
    assert any(f"{name}: is not the file its checksum was made of" in str(problem) for problem in error.value.problems)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text + "0" * 64 + "  sdtm/dm.xpt\n", "lists sdtm/dm.xpt, which is not there"),
        (lambda text: "".join(line for line in text.splitlines(True) if "cm.csv" not in line), "does not list sdtm/cm.csv"),
        (lambda text: text + "0" * 64 + "  ../../etc/passwd\n", "leads out of the folder"),
        (lambda text: text + "0" * 64 + "  /etc/passwd\n", "leads out of the folder"),
        (lambda text: text + "0" * 64 + "  C:\\secret\n", "leads out of the folder"),
        (lambda text: text + "\\" + "0" * 64 + "  sdtm/../../x\n", "leads out of the folder"),
        (lambda text: text + "0" * 63 + "  sdtm/dm.xpt\n", "line 4: is no SHA-256 and path"),
        (lambda text: text + "see README\n", "line 4: is no SHA-256 and path"),
        (lambda text: text + "0" * 64 + "  sdtm/ae.xpt\n", "gives sdtm/ae.xpt two checksums"),
        (lambda _: "", "lists nothing"),
        (lambda _: "\0" * 40, "line 1: is no SHA-256 and path"),
    ],
)
def test_list_of_checksums_that_does_not_hold_is_refused(sealed: Path, change: Callable[[str], str], words: str) -> None:
    text = change(sums(sealed))
    (sealed / "SHA256SUMS").write_text(text)
    assert words in problem_of(sealed)


def test_list_of_one_folder_or_one_file_speaks_of_no_other(sealed: Path) -> None:
    text = sums(sealed / "sdtm")
    (sealed / "sdtm" / "SHA256SUMS").write_text(text)
    (sealed / "sdtm" / "ae.xpt.sha256").write_text(text.splitlines()[0])
    read_cut(sealed, TRIAL)
    (sealed / "sdtm" / "cm.csv").write_text("USUBJID,CMSEQ\n007,2\n")
    assert "is not the file its checksum was made of" in problem_of(sealed)


@pytest.mark.parametrize(
    "shape",
    [
        lambda pairs: {"files": pairs},
        lambda pairs: pairs,
        lambda pairs: {"made": "2025-06-30", "files": {path: {"sha256": value, "bytes": 1} for path, value in pairs.items()}},
        lambda pairs: {"files": [{"path": path, "sha256": f"sha256:{value}"} for path, value in pairs.items()]},
        lambda pairs: [{"name": path, "sha256": value.upper()} for path, value in pairs.items()],
    ],
)
def test_manifest_of_checksums_is_held_against_the_files(sealed: Path, shape: Callable[[dict[str, str]], object]) -> None:
    pairs = {line[66:]: line[:64] for line in sums(sealed).splitlines()}
    (sealed / "manifest.json").write_text(json.dumps(shape(pairs)))
    assert "manifest.json" in read_cut(sealed, TRIAL).files
    (sealed / "sdtm" / "cm.csv").write_text("USUBJID,CMSEQ\n007,2\n")
    assert "is not the file its checksum was made of" in problem_of(sealed)


@pytest.mark.parametrize("text", ['{"name": "cut 3"}', "[1, 2]", "{", '{"files": {"sdtm/ae.xpt": "md5"}}', "[" * 100_000, "{}"])
def test_manifest_of_another_meaning_is_named_as_not_read(sealed: Path, text: str) -> None:
    (sealed / "manifest.json").write_text(text)
    found = read_cut(sealed, TRIAL)
    assert "manifest.json" in found.unread
    assert "manifest.json" not in found.files


def test_checksums_lead_out_by_no_link(sealed: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    os.symlink(tmp_path / "secret", sealed / "note")
    value = hashlib.sha256(b"secret").hexdigest()
    (sealed / "SHA256SUMS").write_text(
        "".join(line for line in sums(sealed).splitlines(True) if "note" not in line) + f"{value}  note\n"
    )
    assert "lists note, which is not there" in problem_of(sealed)


def test_folders_of_the_standards_are_found_in_any_case(tmp_path: Path) -> None:
    (tmp_path / "SDTM").mkdir()
    write_any(AE, tmp_path / "SDTM" / "ae.csv")
    assert list(read_cut(tmp_path, TRIAL).sdtm) == ["AE"]
    (tmp_path / "sdtm").mkdir()
    write_any(AE, tmp_path / "sdtm" / "ae.csv")
    assert "delivered more than once" in problem_of(tmp_path)


# --- what is recorded is what was read -----------------------------------------------------------


def test_hash_is_of_the_bytes_that_were_read(cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is replaced as soon as it was read, and nobody looks whether it was: the hashes are still those of the frames."""
    monkeypatch.setattr(Intake, "check_same", lambda *_: [])
    (cut / "cut.json").write_text('{"cutoff": "2025-06-30"}')
    files = {}
    for kind in ("csv", "json", "ndjson", "parquet", "xpt"):
        name = {"csv": "ae", "json": "cm", "ndjson": "mh", "parquet": "vs", "xpt": "lb"}[kind]
        write_any(pd.DataFrame({"USUBJID": ["007"], "MYTERM": ["before"]}), cut / "sdtm" / f"{name}.{kind}")
        files[f"sdtm/{name}.{kind}"] = name.upper()
    told = read_cut(cut).files
    read = Path.read_bytes

    def replace(self: Path) -> bytes:
        data = read(self)
        self.write_bytes(data.replace(b"before", b"behind").replace(b"2025", b"2026"))
        return data

    monkeypatch.setattr(Path, "read_bytes", replace)
    found = read_cut(cut)
    assert found.files == told
    assert {found.sdtm[name]["MYTERM"].iloc[0] for name in files.values()} == {"before"}
    assert found.cutoff is not None
    assert found.cutoff.year == 2025
    monkeypatch.undo()
    assert read_cut(cut).files != told


def test_number_of_text_stays_text(cut: Path) -> None:
    """Text where the schema says number is the gate's to refuse; reading changes no kind."""
    pd.DataFrame({"USUBJID": ["007"], "AGE": ["44"]}).to_parquet(cut / "sdtm" / "dm.parquet", index=False)
    assert read_cut(cut).sdtm["DM"]["AGE"].tolist() == ["44"]
    assert json_content(AE)["records"] == 3
    assert np.isnan(AE["AEPTCD"].iloc[1])
