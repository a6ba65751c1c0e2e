"""14.3.3 Narratives from cut to cut: the file physicians write into, what SQL says must be told, and two builds with their texts."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pypdf import PdfReader

from cgbm1_report.build.gate import validate_everything
from cgbm1_report.build.log import read_log
from cgbm1_report.build.narratives import write_csv, write_narratives
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.derive import derive_adam
from cgbm1_report.errors import PlanError
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.read.cut import read_cut
from tests.drawn import our_trial, stamp_of
from tests.narrated_sql import Event, find_events, find_records, told_events, told_records
from tests.small_study import CUTOFF, DEAD, MEDIUM, SECOND, decisions, draw, small_study
from tests.test_bad_input import write_cut

TRIAL = our_trial()
pytestmark = pytest.mark.usefixtures("derived_once", "own_cache")
#: Phase 2 may be seen.
OPENED = "PHASE,SCOPE,USUBJID,UNBLDTC,REASON,NAME\n2,PHASE,,2025-12-31,FINAL ANALYSIS,A\n"
#: A serious event that comes with the formula, a partial date and a Chinese term of a site.
MORE = """
USUBJID | AESEQ | AETERM      | AEDECOD | AESOC                 | AESTDTC | AEENDTC | AETOXGR | AESER | AESHOSP | AEREL       | AEOUT
M       | 2     | -发热 (fever) | Pyrexia | General disorders     | 2025-07 | .       | 3       | Y     | Y       | NOT RELATED | RECOVERED/RESOLVED
"""


def study() -> dict[str, pd.DataFrame]:
    sdtm = small_study(TRIAL)
    return sdtm | {"AE": pd.concat([sdtm["AE"], draw(MORE, "AE")], ignore_index=True)}


def change(sdtm: dict[str, pd.DataFrame], who: str, number: int, **values: object) -> dict[str, pd.DataFrame]:
    events = sdtm["AE"].copy()
    own = (events["USUBJID"] == who) & (events["AESEQ"] == number)
    for name, value in values.items():
        events.loc[own, name] = value
    return sdtm | {"AE": events}


# ---- what SQL says


@pytest.fixture(scope="module")
def drawn() -> tuple[dict[str, Any], dict[str, Any]]:
    sdtm = study()
    return sdtm, derive_adam(sdtm, TRIAL, CUTOFF, decisions())


def results_of(adam: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Results of the narratives of both phases, and the text of each of their cells with what is said in it."""
    made = [make(catalogue(TRIAL)[f"N14.3.3.{phase}"], TRIAL, adam, stamp_of(TRIAL)) for phase in TRIAL.phases]
    ard = pd.concat([one.ard for one in made], ignore_index=True)
    texts = {(one.number, row.key): row.cells["TEXT"] for one in made for row in one.rows}
    from cgbm1_report.rows import read_key

    facts = ard[(ard["variable"] != ard["column"]) & (ard["column"] == "TEXT")]
    said = [
        (texts[number, read_key(row)], text)
        for number, row, text in zip(facts["output"], facts["row"], facts["stat_fmt"], strict=True)
    ]
    return ard, said


@pytest.mark.parametrize("data", ["drawn", "final_data"])
def test_narratives_are_those_of_the_events_that_sql_finds_and_every_record_near_them_is_told(
    data: str, request: pytest.FixtureRequest
) -> None:
    sdtm, adam = request.getfixturevalue(data)
    ard, said = results_of(adam)
    events = find_events(sdtm, adam)
    assert told_events(ard) == events
    assert told_records(ard) == find_records(events, adam)
    assert [(text, value) for text, value in said if value.casefold() not in text.casefold()] == []
    if data == "drawn":
        expected: set[Event] = {(SECOND, 1), (DEAD, 1), (MEDIUM, 2)}
        assert events == expected
    else:
        assert len(events) > 40


# ---- the file


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


TEXTS = """USUBJID,AESEQ,AETERM,AESTDTC,TEXT
{second},1,AS REPORTED,2025-03-15,"=恢复良好
第二段"
{dead},7,another event,2025-06-20,of an event that is gone
{dead},1,as reported,2025-06-20,脓毒症
"""


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    folder = write_cut(tmp_path / "cut", study(), OPENED)
    text = TEXTS.format(second=SECOND, dead=DEAD)
    (folder / "narratives.csv").write_text(text, encoding="utf-8-sig")
    return folder


def test_file_has_a_row_for_each_event_keeps_what_is_written_and_marks_what_is_gone(cut: Path, tmp_path: Path) -> None:
    said = write_narratives(cut, tmp_path / "new.csv")
    assert said.endswith("new.csv: 3 events, 2 with a text; 1 text whose event is gone, which NOTE says")
    content = (tmp_path / "new.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    told = [(one["USUBJID"], one["AESEQ"], one["AETERM"], one["AESTDTC"], one["TEXT"], one["NOTE"]) for one in rows_of(content)]
    assert told == [
        (SECOND, "1", "as reported", "'2025-03-15", "'=恢复良好\n第二段", ""),
        (MEDIUM, "2", "'-发热 (fever)", "'2025-07", "", ""),
        (DEAD, "1", "as reported", "'2025-06-20", "脓毒症", ""),
        (DEAD, "7", "another event", "'2025-06-20", "of an event that is gone", "printed nowhere: this cut has no such event"),
    ]
    reasons = {(one["EVENT"], one["REASON"]) for one in rows_of(content)}
    assert ("Sepsis", "Death; Serious adverse event; Adverse event of special interest of grade 3 or higher") in reasons


def test_file_says_what_an_event_is_now_and_beside_a_text_what_it_was_when_that_was_written(cut: Path, tmp_path: Path) -> None:
    write_narratives(cut, tmp_path / "first.csv")
    rows = rows_of((tmp_path / "first.csv").read_bytes())
    assert [(one["AESER"], one["AETOXGR"]) for one in rows[:3]] == [("Y", "'3"), ("Y", "'3"), ("Y", "'5")]
    # Of the next cut the first event is of grade 4, the sepsis is as it was.
    second = write_cut(tmp_path / "second", change(study(), SECOND, 1, AETOXGR="4"), OPENED)
    (second / "narratives.csv").write_bytes((tmp_path / "first.csv").read_bytes())
    said = write_narratives(second, tmp_path / "new.csv")
    assert said.endswith(
        "1 text whose event is gone, which NOTE says; 1 text written before the event changed or not known to be of it, which NOTE says"
    )
    told = {
        (one["USUBJID"], one["AESEQ"]): (one["AETOXGR"], one["TEXT"], one["NOTE"])
        for one in rows_of((tmp_path / "new.csv").read_bytes())
    }
    assert told[SECOND, "1"] == ("'4", "'=恢复良好\n第二段", "changed since the text was written: AETOXGR 3, now 4")
    assert told[DEAD, "1"][2] == ""


def test_file_says_of_a_death_that_is_no_event_its_date_and_cause_and_notes_when_they_have_changed(tmp_path: Path) -> None:
    """The sepsis of who died is withdrawn: the death of 22 June has a narrative of its own. In the next cut it is later."""
    first = study()
    first["AE"] = first["AE"][first["AE"]["USUBJID"] != DEAD].reset_index(drop=True)
    cuts = [write_cut(tmp_path / name, first, OPENED) for name in ("a", "b")]
    (cuts[0] / "narratives.csv").write_text(f"USUBJID,AESEQ,AETERM,AESTDTC,TEXT\n{DEAD},,,,died of sepsis\n", encoding="utf-8-sig")
    said = write_narratives(cuts[0], tmp_path / "first.csv")
    assert said.endswith("1 text written before the event changed or not known to be of it, which NOTE says")
    (row,) = [one for one in rows_of((tmp_path / "first.csv").read_bytes()) if one["USUBJID"] == DEAD]
    assert (row["AESEQ"], row["EVENT"], row["DTHDTC"], row["DTHCAUS"], row["TEXT"]) == (
        "", "Death", "'2025-06-22", "SEPSIS", "died of sepsis",
    )  # fmt: skip
    assert row["NOTE"] == (
        "the file did not say of which date and cause of death the text was written, now: DTHDTC 2025-06-22; DTHCAUS SEPSIS"
    )
    later = {"DTHDTC": {"2025-06-22": "2025-06-24"}, "DSSTDTC": {"2025-06-22": "2025-06-24"}}
    first |= {"DM": first["DM"].replace(later), "DS": first["DS"].replace(later)}
    first["DD"] = first["DD"].replace({"DDSTRESC": {"SEPSIS": "BLEEDING"}})
    second = write_cut(tmp_path / "c", first, OPENED)
    for folder, note in ((cuts[1], ""), (second, "DTHDTC 2025-06-22, now 2025-06-24; DTHCAUS SEPSIS, now BLEEDING")):
        (folder / "narratives.csv").write_bytes((tmp_path / "first.csv").read_bytes())
        write_narratives(folder, out := tmp_path / f"of-{folder.name}.csv")
        (row,) = [one for one in rows_of(out.read_bytes()) if one["USUBJID"] == DEAD]
        assert row["NOTE"] == (f"changed since the text was written: {note}" if note else "")


def test_text_of_an_event_that_has_no_narrative_any_more_is_told_alike_by_validate_and_by_the_file(tmp_path: Path) -> None:
    """The fever is not serious and of grade 2 now, with the same term and day: it is there, and nothing narrates it."""
    cut = write_cut(tmp_path / "cut", change(study(), MEDIUM, 2, AESER="N", AETOXGR="2", AESHOSP=None), OPENED)
    text = "USUBJID,AESEQ,AETERM,AESTDTC,AESER,AETOXGR,TEXT\n{},2,-发热 (fever),2025-07,{},of the fever\n{},7,other,2025-07,Y,3,of none\n"
    (cut / "narratives.csv").write_text(text.format(MEDIUM, "Y,3", DEAD), encoding="utf-8-sig")
    why = "the event is there, but has no narrative of its own any more"
    found = validate_everything(read_cut(cut, TRIAL), TRIAL).query("dataset == 'NARRATIVES'").set_index("usubjid")
    assert found["message"].to_dict() == {
        MEDIUM: f"a text of a narrative is not printed: {why} (AESER Y, now N; AETOXGR 3, now 2)",
        DEAD: "a text of a narrative is not printed: this cut has no such event (began 2025-07)",
    }
    assert "when the event has a narrative" in found["remedy"][MEDIUM]
    said = write_narratives(cut, tmp_path / "new.csv")
    kinds = {"1 text whose event is gone", "1 text whose event is there without a narrative of its own"}
    assert {part.strip().removesuffix(", which NOTE says") for part in said.split(";")[1:]} == kinds
    notes = {one["USUBJID"]: one["NOTE"] for one in rows_of((tmp_path / "new.csv").read_bytes())}
    assert notes[MEDIUM] == f"printed nowhere: {why}: AESER Y, now N; AETOXGR 3, now 2"


def test_file_put_into_the_cut_is_written_again_byte_for_byte(cut: Path, tmp_path: Path) -> None:
    write_narratives(cut, tmp_path / "new.csv")
    (cut / "narratives.csv").write_bytes((tmp_path / "new.csv").read_bytes())
    write_narratives(cut, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "new.csv").read_bytes()


def test_file_that_is_there_is_never_overwritten_least_of_all_that_of_the_cut(cut: Path, tmp_path: Path) -> None:
    before = (cut / "narratives.csv").read_bytes()
    (tmp_path / "mine.csv").write_text("mine")
    with pytest.raises(PlanError, match="is not overwritten"):
        write_narratives(cut, tmp_path / "mine.csv")
    for inside in ("narratives.csv", "new.csv"):
        with pytest.raises(PlanError, match="only read"):
            write_narratives(cut, cut / inside)
    assert (tmp_path / "mine.csv").read_text() == "mine"
    assert (cut / "narratives.csv").read_bytes() == before
    assert not (cut / "new.csv").exists()


#: What is written into a cell: partial and whole dates, numbers, formulas in both widths, apostrophes of the text's own.
CELLS = (
    "2025-03",
    "2025-03-18",
    "007",
    "1e5",
    "=1+1",
    "＝1+1",
    " +x",
    "'quoted'",
    "'=1",
    "''5",
    "- a list",
    "发热，三天",
    'a "b", c\nd',
)


def as_rows() -> pd.DataFrame:
    return pd.DataFrame({"USUBJID": "A", "AESEQ": 1.0, "AETERM": CELLS, "AESTDTC": "2025-03", "TEXT": CELLS})


def read_back(content: bytes, folder: Path) -> list[str]:
    (folder / "sdtm").mkdir(parents=True)
    (folder / "sdtm" / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID\nX,DM,A\n")
    (folder / "narratives.csv").write_bytes(content)
    narratives = read_cut(folder, TRIAL).narratives
    assert narratives is not None
    assert set(narratives["AESTDTC"]) == {"2025-03"}
    return narratives["TEXT"].tolist()


def test_every_text_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_back(write_csv(as_rows()), tmp_path) == list(CELLS)


def test_no_cell_is_what_a_spreadsheet_would_run_or_store_as_a_number_or_a_date() -> None:
    cells = [one[name] for one in rows_of(write_csv(as_rows())) for name in ("AETERM", "AESTDTC", "TEXT")]
    assert [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@＝＋－＠")] == []
    assert pd.to_numeric(pd.Series(cells), errors="coerce").notna().sum() == 0
    assert [cell for cell in cells if re.fullmatch(r"\d{1,4}([-/.]\d{1,4}){1,2}.*", cell)] == []


# ---- two cuts


WRITTEN = "The physician wrote: recovered, 恢复良好"
PRINTED = {"html", "docx", "pdf", "rtf"}


def printed(build: Path) -> dict[str, str]:
    """All text of each format of the narratives, blanks left out."""
    found = {}
    for kind in PRINTED:
        files = [*build.glob(f"outputs/n-14-3-3-*.{kind}"), *build.glob(f"report.{kind}")]
        assert files
        found[kind] = re.sub(r"\s+", "", "".join(map(read_text, files)))
    return found


def read_text(file: Path) -> str:
    if file.suffix == ".pdf":
        return "".join(page.extract_text() for page in PdfReader(file).pages)
    if file.suffix == ".docx":
        return re.sub(r"<[^>]+>", "", zipfile.ZipFile(file).read("word/document.xml").decode("utf-8"))
    text = file.read_text(encoding="utf-8")
    return re.sub(r"\\u(-?\d+) ?\??", lambda code: chr(int(code[1]) % 65536), text) if file.suffix == ".rtf" else text


def test_texts_stay_with_their_events_from_cut_to_cut_and_one_whose_event_is_gone_is_named_and_printed_nowhere(
    tmp_path: Path,
) -> None:
    """A first cut with three texts; in the second an event is withdrawn, and another begins on another day."""
    first, asked = study(), {"only": ("N14.3.3",), "engine": "embedded"}
    cuts = [write_cut(tmp_path / "a", first, OPENED)]
    write_narratives(cuts[0], tmp_path / "texts.csv")
    rows = rows_of((tmp_path / "texts.csv").read_bytes())
    for row, name in zip(rows, ("stays", "withdrawn", "moved"), strict=True):
        row["TEXT"] = f"{WRITTEN} ({name})"
    with (tmp_path / "texts.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    # The first event has another number in the second cut, the fever is withdrawn, the sepsis began a day earlier.
    second = change(change(first, SECOND, 1, AESEQ=4.0), DEAD, 1, AESTDTC="2025-06-19")
    gone = (second["AE"]["USUBJID"] == MEDIUM) & (second["AE"]["AESEQ"] == 2)
    second["AE"] = second["AE"][~gone].reset_index(drop=True)
    cuts.append(write_cut(tmp_path / "b", second, OPENED))
    builds = []
    for at, folder in enumerate(cuts):
        (folder / "narratives.csv").write_bytes((tmp_path / "texts.csv").read_bytes())
        builds.append(build_report(Request(cut=folder, out=tmp_path / f"build{at}", **asked)))
    whole = re.sub(r"\s+", "", WRITTEN)
    for kind, text in printed(builds[0]).items():
        assert [f"{whole}({name})" in text for name in ("stays", "withdrawn", "moved")] == [True] * 3, kind
    for kind, text in printed(builds[1]).items():
        assert [f"{whole}({name})" in text for name in ("stays", "withdrawn", "moved")] == [True, False, False], kind
    logged = [[fact["told"] for fact in read_log(one) if fact["what"] == "narratives"] for one in builds]
    # The sepsis that begins on another day is another event, of which nobody has written.
    assert logged == [
        [],
        [
            "printed nowhere: 2 texts whose event is gone; findings on NARRATIVES say which and why",
            "1 narrative has no physician's text",
        ],
    ]
    lost = pd.read_csv(builds[1] / "findings.csv").query("dataset == 'NARRATIVES'")
    assert [tuple(one) for one in lost[["severity", "rule", "usubjid", "key"]].to_numpy()] == [
        ("W", "V02", MEDIUM, "AESEQ 2"), ("W", "V02", DEAD, "AESEQ 1"),
    ]  # fmt: skip
    assert set(lost["message"].str.partition(" (")[0]) == {"a text of a narrative is not printed: this cut has no such event"}
    assert "physician wrote" not in (builds[1] / "findings.csv").read_text(encoding="utf-8")
    write_narratives(cuts[1], tmp_path / "next.csv")
    kept = {(one["USUBJID"], one["AESEQ"]): (one["TEXT"], one["NOTE"]) for one in rows_of((tmp_path / "next.csv").read_bytes())}
    assert kept[SECOND, "4"] == (f"{WRITTEN} (stays)", "")
    assert kept[MEDIUM, "2"][1] == "printed nowhere: this cut has no such event"
