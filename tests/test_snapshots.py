"""Every output of the catalogue as a page of text, made from one drawn study: whole, blind, without an arm, without a subject.

A page that changes fails here until somebody has looked at it. Pages are written by
``pytest tests/test_snapshots.py --write-snapshots``, and a run that writes fails, so that none writes unseen.
They hold layout; numbers counted by hand are assertions of other files. A new output joins by being declared.
"""

from __future__ import annotations

import re
from difflib import unified_diff
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
import pytest

from cgbm1_report.build.gate import look_at
from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.define.ars import Reported, describe_results
from cgbm1_report.derive import derive_adam
from cgbm1_report.derive.escalation import derive_escalation, tell_cohort_subjects
from cgbm1_report.emit.text import emit_text
from cgbm1_report.outputs.catalogue import Entry, catalogue, make
from cgbm1_report.protocol.packages import packages
from cgbm1_report.protocol.trial import POOLED, TOTAL
from cgbm1_report.read.cut import Cut, read_cut
from cgbm1_report.read.texts import hold_as_arrow
from cgbm1_report.recount import recount
from cgbm1_report.recount.reviewer import review
from cgbm1_report.tabulate.files import ALL_GROUPS, split_group
from cgbm1_report.tabulate.named import output_label
from cgbm1_report.tabulate.table import Figure, Output, Row, Table
from cgbm1_report.tabulate.view import Review
from tests.drawn import our_trial, stamp_of
from tests.shuffled import FORMATS, name_anew, put_back, rename, shuffle, write_mixed
from tests.small_study import CUTOFF, DEAD, MEDIUM, PLACEBO, decisions, draw, small_study
from tests.test_ars_json import faults

TRIAL = our_trial()
FOLDER = Path(__file__).parent / "snapshots"
WRITE = "--write-snapshots"

#: Of the study of six subjects: why F was not let in.
IE = """
USUBJID | IESEQ | IETESTCD | IECAT     | IEORRES | IEDTC
F       | 1     | P2I05    | INCLUSION | N       | 2025-06-07
F       | 2     | P2I02    | INCLUSION | N       | 2025-06-07
"""

#: Of the same study: what else was done, given and deviated from.
PR = """
USUBJID | PRSEQ | PRDECOD                  | PRSTDTC          | PRENDTC
S1      | 1     | PARACENTESIS             | 2025-02-12       | 2025-02-12
M       | 1     | ARTIFICIAL LIVER SUPPORT | 2025-06-07       | 2025-06-07
M       | 2     | ARTIFICIAL LIVER SUPPORT | 2025-06-12       | 2025-06-12
M       | 3     | ARTIFICIAL LIVER SUPPORT | 2025-06-14       | 2025-06-14
D       | 1     | RENAL REPLACEMENT THERAPY | 2025-06          | .
"""
DV = """
USUBJID | DVSEQ | DVTERM         | DVDECOD               | DVCAT     | DVSTDTC
S1      | 1     | visit late     | VISIT WINDOW          | MINOR     | 2025-04-20
P       | 1     | steroids given | PROHIBITED MEDICATION | IMPORTANT | 2025-06-20
"""
CM = """
USUBJID | CMSEQ | CMTRT     | CMDECOD             | CMCLASCD | CMSCAT              | CMSTDTC    | CMENDTC
S1      | 1     | entecavir | ENTECAVIR           | J05AF    | ANTIVIRAL/ETIOLOGIC | 2012-03    | .
S2      | 1     | unknown   | A remedy            | .        | .                   | .          | .
M       | 1     | entecavir | ENTECAVIR           | J05AF    | ANTIVIRAL/ETIOLOGIC | 2012-03    | .
M       | 2     | albumin   | ALBUMIN HUMAN       | B05AA    | PLASMA/ALBUMIN      | 2025-06-15 | 2025-06-16
P       | 1     | albumin   | Albumin human       | B05AA    | PLASMA/ALBUMIN      | 2025-06-01 | 2025-06-02
P       | 2     | aspirin   | ACETYLSALICYLIC ACID | B01AC   | .                   | 2025-06-20 | .
"""
#: Around the infusions of four, and at visits: M on the day of the second infusion and on the day after, D before it alone.
VS = """
USUBJID | VSSEQ | VSTESTCD | VSSTRESN | VSSTRESU  | VSTPT    | VISITNUM | VISIT             | VSDTC
S1      | 1     | TEMP     | 36.8     | C         | .        | 1        | SCREENING         | 2025-02-05
S1      | 2     | HR       | 80       | beats/min | PRE-DOSE | 2        | DAY 0 PRE-DOSE    | 2025-02-10T09:30
S1      | 3     | HR       | 95       | beats/min | END      | 2.5      | DAY 0 POST-DOSE   | 2025-02-10T11:00
S1      | 4     | HR       | 88       | beats/min | +4H      | 2.5      | DAY 0 POST-DOSE   | 2025-02-10T15:00
S1      | 5     | HR       | 78       | beats/min | .        | 3        | DAY 3             | 2025-02-13T09:00
M       | 1     | HR       | 84       | beats/min | PRE-DOSE | 2        | DAY 0 PRE-DOSE    | 2025-06-10T09:30
M       | 2     | HR       | 99       | beats/min | END      | 2.5      | DAY 0 POST-DOSE   | 2025-06-10T11:00
M       | 3     | HR       | 82       | beats/min | PRE-DOSE | 7        | DAY 7             | 2025-06-17T09:30
M       | 4     | HR       | 97       | beats/min | END      | 7        | DAY 7             | 2025-06-17T11:00
M       | 5     | HR       | 101      | beats/min | .        | 7.01     | UNSCHEDULED 7.01  | 2025-06-18T09:00
P       | 1     | HR       | 90       | beats/min | PRE-DOSE | 2        | DAY 0 PRE-DOSE    | 2025-06-11T09:30
P       | 2     | HR       | 91       | beats/min | END      | 2.5      | DAY 0 POST-DOSE   | 2025-06-11T11:00
D       | 1     | HR       | 96       | beats/min | PRE-DOSE | 7        | DAY 7             | 2025-06-19T09:30
"""


def _draw_whole() -> dict[str, pd.DataFrame]:
    """The study of six, with two infusions whose cells and volume are not in the same proportion to the plan."""
    drawn = small_study()
    ex = drawn["EX"]
    second = ex["EXSEQ"].eq(2)
    drawn["EX"] = ex.assign(
        EXTOTCEL=ex["EXTOTCEL"].mask(second & ex["USUBJID"].eq(DEAD), 80.0),  # of 60 planned, in the volume planned
        EXACVOL=ex["EXACVOL"].mask(second & ex["USUBJID"].eq(PLACEBO), 70.0),  # of 100 planned, without cells
        EXADJ=ex["EXADJ"].mask(second & ex["USUBJID"].eq(PLACEBO), "INTERRUPTED: ADVERSE EVENT"),
    )
    return drawn | {name: draw(text, name) for name, text in {"IE": IE, "PR": PR, "DV": DV, "CM": CM, "VS": VS}.items()}


def _draw_without(*subjects: str) -> dict[str, pd.DataFrame]:
    """The study as if these had never signed; without any named, as if nobody had."""
    return {
        name: frame[~frame["USUBJID"].isin(list(subjects)) if subjects else slice(0, 0)].reset_index(drop=True)
        for name, frame in _draw_whole().items()
    }


#: What is drawn. The arm nobody is in is the one the others are compared with; phase 1 has two empty arms anyway.
VARIANTS = {
    "full": _draw_whole,
    "empty": _draw_without,
    "empty-arm": lambda: _draw_without(PLACEBO),
    "blinded": _draw_whole,
}


@cache
def derive_whole(variant: str) -> tuple[dict[str, pd.DataFrame], frozenset[int]]:
    """The analysis datasets of a variant and the phases that are blind in it, once per process."""
    drawn, src = VARIANTS[variant](), decisions() if variant != "empty" else decisions().iloc[:0]
    cut = Cut(
        folder=Path(), sdtm=drawn, adam={}, src_decisions=src, unblinding=None, cutoff=CUTOFF, synthetic=True, about={}, files={},
    )  # fmt: skip
    sight = look_at(cut, TRIAL)
    pooled = sight.pooled if variant == "blinded" else frozenset()
    adam = derive_adam(sight.sdtm if pooled else drawn, TRIAL, CUTOFF, src)
    states = derive_escalation(adam["ADSL"], adam["ADDLT"], src, TRIAL, CUTOFF)
    told = tell_cohort_subjects(adam["ADSL"], adam["ADDLT"], src, states, TRIAL)
    return {**adam, "SRC_DECISIONS": src, "SRC_STATES": states, "SRC_SUBJECTS": told}, pooled


#: What a pooled package tells of the cut: what was found in it, and that M was unblinded in an emergency.
TOLD_OF_CUT = {
    "FINDINGS": pd.DataFrame(
        [("V02", "Warning", "AE, LB", 3.0), ("V05", "Warning", "AE", 1.0), ("V32", "Information", "CUT", 1.0)],
        columns=["RULE", "SEVERITY", "DATASETS", "COUNT"],
    ),
    "UNBLINDING": pd.DataFrame(
        [(2.0, "PHASE", None, "2025-12-30", "FINAL ANALYSIS"), (2.0, "SUBJECT", MEDIUM, "2025-06-20", "EMERGENCY")],
        columns=["PHASE", "SCOPE", "USUBJID", "UNBLDTC", "REASON"],
    ),
}


def _tell_of_cut(variant: str) -> dict[str, pd.DataFrame]:
    return {name: frame if variant != "empty" else frame.iloc[:0] for name, frame in TOLD_OF_CUT.items()}


@cache
def _entries() -> dict[str, Entry]:
    return catalogue(TRIAL, scope="every")


def _pages() -> list[tuple[str, str]]:
    """Variant and number of every page."""
    return [(variant, number) for variant in VARIANTS for number, entry in _entries().items() if _is_page(variant, entry)]


def _is_page(variant: str, entry: Entry) -> bool:
    """An output of one dose group is made where treatment is seen; one of a package as the package has it, and of nobody."""
    scope = entry.declared.scope
    if scope in packages():
        return variant in ("empty", "blinded" if packages()[scope].pooled else "full")
    return scope == "phase" or (not TRIAL.phases[entry.phase].blinded and variant != "blinded")


def _is_pooled(entry: Entry, pooled: frozenset[int]) -> bool:
    package = packages().get(entry.declared.scope)
    return entry.phase in pooled or bool(package and package.pooled)


@cache
def make_whole(variant: str, number: str) -> Output:
    adam, pooled = derive_whole(variant)
    entry = _entries()[number]
    first = next(arm.armcd for arm in TRIAL.arms_of(entry.phase))
    group = first if entry.declared.scope == "dose group" else ALL_GROUPS
    package = packages().get(entry.declared.scope)
    adam = {**adam, **_tell_of_cut(variant)} if package and package.pooled else adam
    review = Review(first, "COHORT") if package and package.reviewed else None
    # Versions are those of the machine: a page that prints them is held with others.
    with mock.patch("cgbm1_report.outputs.methods.tell_versions", return_value={"cgbm1-report": "1.2.3"}):
        return make(
            entry, TRIAL, adam, stamp_of(TRIAL), dose_group=group, pooled=_is_pooled(entry, pooled), review=review
        )  # fmt: skip


#: The last line of every page, which no snapshot repeats.
EDGES = f"Protocol {TRIAL.study.studyid} | Draft, synthetic data | Data cut-off: 2026-01-01\n"


def _make_page(variant: str, number: str) -> str:
    page = emit_text(make_whole(variant, number))
    assert page.endswith(f"\n{EDGES}")
    return page.removesuffix(EDGES)


def _hold(variant: str, number: str, page: str, *, folder: Path, write: bool) -> None:
    """Fail where a page is not the one that was looked at, also where there is none; a run that writes fails too."""
    file = folder / variant / f"{number}.txt"
    seen = file.read_text(encoding="utf-8") if file.is_file() else ""
    if page == seen:
        return
    changed = "\n".join(unified_diff(seen.splitlines(), page.splitlines(), "looked at", "made now", lineterm=""))
    if write:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page, encoding="utf-8", newline="\n")
        pytest.fail(f"written, to be looked at: {file.name}\n{changed}", pytrace=False)
    told = "is another page than the one looked at" if seen else "has no page that was looked at"
    pytest.fail(f"{variant}: {number} {told}; {WRITE} writes it\n{changed}", pytrace=False)


@pytest.mark.parametrize(("variant", "number"), _pages())
def test_page_is_the_one_that_was_looked_at(variant: str, number: str, pytestconfig: pytest.Config) -> None:
    page = _make_page(variant, number)
    assert page.startswith(output_label(number))
    assert not re.search(r"\b(nan|NaN|NaT|None|inf)\b|<NA>|\{[a-z_]+\}", page), "what a program says, not a report"
    assert not ("\nDays are counted" in page and "\nStudy day:" in page), "two scales of days explained on one page"
    _hold(variant, number, page, folder=FOLDER, write=pytestconfig.getoption(WRITE))


#: A system of coordinates in a drawing, and the frame of one that has axes.
_SYSTEM = re.compile(r'<g id="axes_\d+">(.*?)(?=<g id="axes_|\Z)', re.S)
_FRAME = re.compile(r'\s*<g id="patch_\d+">\s*<path d="M ([\d.]+) ([\d.]+) \s*L ([\d.]+) [\d.]+ \s*L [\d.]+ ([\d.]+)')
_SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_TEXT = re.compile(r'<text [^>]*transform="(?:rotate\(\S+ |translate\()(-?[\d.]+) (-?[\d.]+)\)')


@pytest.mark.parametrize("variant", ["full", "blinded", "empty-arm"])
def test_panels_of_every_figure_have_room_and_no_word_of_it_lies_outside(variant: str) -> None:
    """A panel that lost its room, as one did where a point lay beyond its edge, says everything and shows nothing."""
    seen = 0
    for number, entry in _entries().items():
        if not number.startswith("F") or not _is_page(variant, entry):
            continue
        made = make_whole(variant, number)
        assert isinstance(made, Figure)
        width, height = map(float, _SIZE.findall(made.svg)[0])
        for frame in (_FRAME.match(one) for one in _SYSTEM.findall(made.svg) if "matplotlib.axis" in one):
            if frame:
                left, low, right, high = map(float, frame.groups())
                assert abs(right - left) > 0.12 * width, number
                assert abs(low - high) > 0.25 * height, number
                seen += 1
        places = [(float(x), float(y)) for x, y in _TEXT.findall(made.svg)]
        assert len(places) == made.svg.count("<text")
        assert all(0 <= x <= width and 0 <= y <= height for x, y in places), number
    assert seen > 30


def test_what_stands_in_brackets_is_said_by_the_head_of_the_stub_or_above_the_cell() -> None:
    brackets = {r"^\d+ \(": "n (%)", r"\[": "[events]", r"^-?\d+\.\d+ \([\d.]+\)$": "Mean (SD)"}
    seen = set()
    for number in _entries():
        table = make_whole("full", number)
        if not isinstance(table, Table) or table.kind != "table":
            continue
        trail: list[Row] = []
        for row in table.rows:
            trail = [*(over for over in trail if over.indent < row.indent), row]
            said = " ".join([table.stub_label or "", *(over.label for over in trail)])
            for column in table.columns:
                for pattern, name in brackets.items():
                    if re.search(pattern, row.cells.get(column.key, "")):
                        seen.add(name)
                        assert name in f"{said} {column.spanner} {column.label}", f"{number}, {said}: {row.cells[column.key]}"
    assert seen == set(brackets.values())


def _cells_over_all_arms(variant: str, number: str, column: str) -> dict[str, Any]:
    """What an output says of all arms together: the number and the text of each statistic; of a listing each cell."""
    ard = make_whole(variant, number).ard
    over_all = ard[ard["column"] == column] if column in set(ard["column"]) else ard[~ard["column"].isin(["GROUP", "COHORT"])]
    names = over_all["row"].map(str) + " " + over_all["column"].replace(column, "") + over_all["context"] + over_all["stat_name"]
    return dict(zip(names, zip(over_all["stat"].fillna(-1.0), over_all["stat_fmt"].fillna(""), strict=True), strict=True))


def test_all_arms_together_are_told_the_same_before_and_after_unblinding() -> None:
    """The pooled column of a blind build is the Total of the unblinded one: cell by cell, in every output that has one."""
    blind = next(number for number, phase in TRIAL.phases.items() if phase.blinded)
    numbers = [n for n, one in _entries().items() if one.phase == blind and one.declared.scope == "phase"]
    compared = 0
    for number in numbers:
        if not _entries()[number].declared.total:
            continue  # has no column over all arms while treatment is seen
        pooled, total = _cells_over_all_arms("blinded", number, POOLED), _cells_over_all_arms("full", number, TOTAL)
        assert {key: (pooled.get(key), total.get(key)) for key in {*pooled, *total} if pooled.get(key) != total.get(key)} == {}
        compared += len(pooled)
    assert compared > 1000
    # Compliance by hand, of the volumes: M 400/4, P (100 + 70 + 100 + 100)/4, D 200/2 with two due before the death.
    mean = '[["PARAMCD","DOSECOMP"],["AVAL",null],["statistic","Mean (SD)"]]'
    stats = _cells_over_all_arms("blinded", f"T14.1.9.{blind}", POOLED)
    assert stats[f"{mean} summarymean"][0] == pytest.approx((100 + 92.5 + 100) / 3)


#: What no key asks: how high a mark of a figure stands and which of several values of one day is which, models whose second
#: fit has no sure maximum, and who has no value, whom the reviewer holds against those who have one; listings whose columns are
#: not declared yet.
NOT_ASKED = {"value", "no closed form", "(observed)", "its columns are not declared"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_second_count_in_sql_gives_every_number_of_every_output(variant: str, tmp_path: Path) -> None:
    adam, pooled = derive_whole(variant)
    for name, frame in {**adam, **_tell_of_cut(variant)}.items():
        frame.to_parquet(tmp_path / f"{name.lower()}.parquet", index=False)
    made = {make_whole(variant, number).number: _entries()[number] for of, number in _pages() if of == variant}
    ard = pd.concat([make_whole(variant, number).ard for of, number in _pages() if of == variant], ignore_index=True)
    facts = [
        tell_facts(number, entry, TRIAL, split_group(number)[1], pooled=_is_pooled(entry, pooled))
        for number, entry in made.items()
        if entry.source
    ]
    counted = recount(tmp_path, ard, facts)
    assert [str(problem) for problem in (*counted.differences, *review(ard, facts))] == []
    reasons = {reason for reasons in counted.unasked.values() for reason in reasons}
    assert [reason for reason in reasons if not any(known in reason for known in NOT_ASKED)] == []
    assert sum(counted.compared.values()) > 1000


#: A number that is no date: a value, or one with the sign of its range.
_NUMBER = re.compile(r"[<>≤≥]?-?\d+(\.\d+)?(?![\d-])")
#: Heads of numbers that have no unit.
UNITLESS = {"Grade", "Order\nwithin cohort", "Start", "End"}


def test_number_in_a_listing_has_its_unit_in_the_head_of_its_column() -> None:
    adam, _ = derive_whole("full")
    entries = {number: entry for number, entry in catalogue(TRIAL).items() if number.startswith("L")}
    tables = [make(entry, TRIAL, adam, stamp_of(TRIAL)) for entry in entries.values()]
    heads = {
        (table.number, column.heading)
        for table in tables
        for column in table.columns
        if any(_NUMBER.match(row.cells[column.key]) for row in table.rows)
    }
    assert {number for number, _ in heads} >= {"L16.2.6.4.1", "L16.2.7.1.1"}, "listings with numbers"
    assert sorted((number, head) for number, head in heads if "(" not in head and head not in UNITLESS) == []


def _find_stale(folder: Path, *, delete: bool) -> list[str]:
    """Files of pages that are no longer made; with ``delete`` they go."""
    made = {folder / variant / f"{number}.txt" for variant, number in _pages()}
    stale = sorted(set(folder.glob("*/*.txt")) - made)
    for file in stale if delete else ():
        file.unlink()
    return [file.relative_to(folder).as_posix() for file in stale]


def test_no_snapshot_is_of_a_page_that_is_no_longer_made(pytestconfig: pytest.Config) -> None:
    stale = _find_stale(FOLDER, delete=pytestconfig.getoption(WRITE))
    assert not stale, f"of no output: {stale}; {WRITE} deletes them"


def test_output_that_joins_fails_until_its_page_is_written_and_looked_at(tmp_path: Path) -> None:
    hold = partial(_hold, "full", "T14.3.2.99.1", folder=tmp_path)
    with pytest.raises(
        pytest.fail.Exception, match=r"T14\.3\.2\.99\.1 has no page that was looked at; --write-snapshots writes it"
    ):
        hold("Table 14\n", write=False)
    with pytest.raises(pytest.fail.Exception, match=r"written, to be looked at: T14\.3\.2\.99\.1\.txt"):
        hold("Table 14\n", write=True)
    hold("Table 14\n", write=False)
    with pytest.raises(pytest.fail.Exception, match=r"is another page than the one looked at; --write-snapshots writes it"):
        hold("Table 15\n", write=False)


def test_page_of_an_output_that_is_gone_and_of_a_variant_that_is_gone_are_stale(tmp_path: Path) -> None:
    for name in ("full/T14.1.1.1.txt", "full/T14.3.2.99.1.txt", "half/T14.1.1.1.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    gone = ["full/T14.3.2.99.1.txt", "half/T14.1.1.1.txt"]
    assert _find_stale(tmp_path, delete=False) == gone
    assert _find_stale(tmp_path, delete=True) == gone
    assert _find_stale(tmp_path, delete=False) == []


#: A build of one output: a table blind and of nobody, a figure of nobody and of somebody, a listing, which has no number.
ALONE = [("blinded", "T14.1.9.2"), ("empty", "T14.2.1.2"), ("empty", "F14.2.4.1"), ("full", "F14.2.4.1"), ("full", "L16.2.7.1.1")]


@pytest.mark.parametrize(("variant", "number"), ALONE)
def test_build_of_one_output_is_a_valid_reporting_event_whose_references_lead_somewhere(variant: str, number: str) -> None:
    made = make_whole(variant, number)
    entry = _entries()[number]
    group = split_group(made.number)[1] or None
    event = describe_results(made.ard, {made.number: Reported(entry, group, made.title, made.footnotes)}, TRIAL)
    assert faults(event) == []
    named: list[str] = []
    led: set[str] = set()

    def look(part: object) -> None:
        if isinstance(part, dict):
            named.extend(value for key, value in part.items() if key == "id")
            led.update(value for key, value in part.items() if key.endswith("Id"))
        for below in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            look(below)

    look(event)
    assert len(named) == len(set(named))
    assert led <= set(named)
    assert bool(event.get("analyses")) == (not made.ard["stat"].isna().all())


# --- the same study told otherwise -----------------------------------------------------------------


def _told_otherwise(order: int) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    """Analysis data of the study with rows and columns shuffled and its subjects numbered anew; the new numbers."""
    drawn = _draw_whole()
    names = name_anew(drawn["DM"]["USUBJID"], order)
    return derive_adam(rename(shuffle(drawn, 1), names), TRIAL, CUTOFF, decisions()), names


@pytest.mark.parametrize("turn", range(len(FORMATS)))
def test_a_cut_says_the_same_whatever_its_files_are_written_as(turn: int, tmp_path: Path) -> None:
    """Datasets in four formats within one cut, rows and columns in an order of chance: each is read as it was drawn."""
    mixed = shuffle(_draw_whole(), turn)
    write_mixed(mixed, tmp_path / "sdtm", turn)
    assert {file.suffix[1:] for file in (tmp_path / "sdtm").iterdir()} == set(FORMATS)
    found = read_cut(tmp_path, TRIAL).sdtm
    assert found.keys() == mixed.keys()
    for name, frame in mixed.items():
        pd.testing.assert_frame_equal(hold_as_arrow(found[name]), frame, obj=name)


def test_order_of_rows_and_columns_and_other_names_in_the_same_order_change_no_analysis_data() -> None:
    """Reports are made of the analysis data alone: where these are equal in every cell, so are they."""
    (found, names), (expected, _) = _told_otherwise(1), derive_whole("full")
    found = rename(found, {new: old for old, new in names.items()})
    for name, frame in found.items():
        pd.testing.assert_frame_equal(frame, expected[name], obj=name)


def test_order_of_subjects_and_of_analysis_data_changes_no_number() -> None:
    """
    The subjects are numbered backwards, and the analysis data come with rows and columns shuffled. Every number and what is
    printed of it in every output of section 14 (in the later phase, where both have it) is the same about the same subjects;
    sums in another order differ in their last digits.
    """
    adam, names = _told_otherwise(-1)
    src = decisions()
    states = derive_escalation(adam["ADSL"], adam["ADDLT"], src, TRIAL, CUTOFF)
    data = {**shuffle(adam, 2), "SRC_DECISIONS": src, "SRC_STATES": states}
    entries = {entry.declared.number: entry for entry in _entries().values() if entry.declared.scope == "phase"}
    compared = 0
    for entry in entries.values():
        if not entry.declared.number[1:].startswith("14."):
            continue
        found = make(entry, TRIAL, data, stamp_of(TRIAL)).ard
        expected = put_back(make_whole("full", entry.number).ard, {})
        pd.testing.assert_frame_equal(put_back(found, names), expected, obj=entry.number, rtol=1e-6, atol=1e-9)
        compared += len(expected)
    assert compared > 10_000
