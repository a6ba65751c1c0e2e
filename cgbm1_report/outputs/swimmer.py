"""14.2.6 The course of each subject of a dose escalation: a bar of follow-up with what happened on it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.analyse.numbers import VALUE, Record, make_numbers
from cgbm1_report.protocol.trial import TOTAL, Trial
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import record_keys
from cgbm1_report.tabulate.declare import Declaration, Drawing, family
from cgbm1_report.tabulate.draw import choose_days
from cgbm1_report.tabulate.draw_swimmer import Lane, draw_swimmer
from cgbm1_report.tabulate.view import View

#: The day a bar ends.
END = "LSTALVDT"
INFUSION, TOXICITY, TRANSPLANTATION, DEATH = "Infusion", "Dose-limiting toxicity", "Liver transplantation", "Death"
ONGOING = "Ongoing at data cut-off"
#: The parameter whose date is that of the first dose-limiting toxicity.
_TOXIC = "DLT180"
_SIZE = (9.4, 5.0)


def _read_marks(view: View) -> pd.DataFrame:
    """EVENT, USUBJID, COLUMN, ADT and the row's KEY of everything that is marked."""
    subjects = view.subjects_with("LTDT", "DTHDT")
    infusions = view.records("ADEX", "INFNUM", "ADT").drop_duplicates(["USUBJID", "INFNUM", "ADT"])
    toxic = view.coded("ADDLT", _TOXIC)
    parts = [
        (INFUSION, infusions[infusions["INFNUM"].notna()], "ADT", ("USUBJID", "INFNUM")),
        (TOXICITY, toxic[toxic["AVALC"] == "Y"], "ADT", ("USUBJID", "PARAMCD", "AVALC")),
        (TRANSPLANTATION, subjects, "LTDT", ("USUBJID",)),
        (DEATH, subjects, "DTHDT", ("USUBJID",)),
    ]
    found = []
    for event, records, date, names in parts:
        own = records[records[date].notna()]
        keys: list[Key] = [(*key, (date, None)) for key in record_keys(own, *names)]
        told = own[["USUBJID", "COLUMN"]].assign(EVENT=event, DATE=own[date])
        found.append(told.assign(KEY=pd.Series(keys, index=own.index, dtype="object")))
    return pd.concat(found, ignore_index=True)


def swimmer(view: View) -> Drawing:
    """A bar per subject from the first dose to the last day known alive, by dose in the order of the first doses."""
    subjects = view.subjects_with("ANCHDT", END, "EOSSTT").sort_values(["ANCHDT", "USUBJID"], kind="stable")
    anchors = subjects.set_index("USUBJID")["ANCHDT"]
    marks = _read_marks(view)
    # Looked up by its labels, a date stays a date also where there is none.
    began = anchors.reindex(marks["USUBJID"]).set_axis(marks.index)
    marks = marks.assign(DAY=(marks["DATE"] - began).dt.days.astype("float64"))
    ends = (subjects[END] - subjects["ANCHDT"]).dt.days.astype("float64")
    numbers: list[Record] = [
        ((("USUBJID", str(who)), (END, None)), column, VALUE, "day", day, [str(who)])
        for who, column, day in zip(subjects["USUBJID"], subjects["COLUMN"], ends, strict=True)
    ]
    numbers += [
        (key, column, VALUE, "day", day, [str(who)])
        for key, column, day, who in zip(*(marks[name] for name in ("KEY", "COLUMN", "DAY", "USUBJID")), strict=True)
    ]
    groups: dict[str, list[Lane]] = {}
    for column in view.columns:
        if column.key == TOTAL:
            continue
        own = subjects["COLUMN"] == column.key
        heading = f"{column.label} (N={column.N})".replace("\n", " ")
        groups[heading] = [
            Lane(str(who), day, _days_of(marks, str(who)), status == "ONGOING")
            for who, day, status in zip(subjects.loc[own, "USUBJID"], ends[own], subjects.loc[own, "EOSSTT"], strict=True)
        ]
    svg = draw_swimmer(
        groups, events=(INFUSION, TOXICITY, TRANSPLANTATION, DEATH), ongoing=ONGOING, xlabel=view.days_axis,
        ticks=choose_days(view.visit_days, {0, view.trial.study.followup_days}), visits=view.visit_days, size=_SIZE,
    )  # fmt: skip
    notes = (
        "A bar ends on the last day the subject was known to be alive, which stands behind it.",
        "Subjects of a dose stand in the order of their first doses.",
    )
    return Drawing(make_numbers(numbers), svg, _in_words(groups), *_SIZE, footnotes=notes)


def _days_of(marks: pd.DataFrame, who: str) -> dict[str, list[float]]:
    own = marks[marks["USUBJID"] == who]
    return {str(event): days.tolist() for event, days in own.groupby("EVENT", sort=False)["DAY"]}


def _in_words(groups: dict[str, list[Lane]]) -> str:
    told = []
    for heading, lanes in groups.items():
        courses = "; ".join(f"{lane.name}: {_course(lane)}" for lane in lanes)
        told.append(f"{heading}: {courses or 'no subject'}.")
    return f"Courses of the subjects, in days after the first dose. {' '.join(told)}"


def _course(lane: Lane) -> str:
    marks = [
        f"{event.lower()} on day{'s' * (len(days) > 1)} {', '.join(f'{day:.0f}' for day in days)}"
        for event, days in lane.marks.items()
    ]
    known = f"known alive to day {lane.end:.0f}"
    return ", ".join([*marks, *([] if DEATH in lane.marks else [known]), *(["ongoing"] if lane.ongoing else [])])


@family("Swimmer plot of a dose escalation")
def swimmer_figures(trial: Trial) -> Iterator[Declaration]:
    """The picture of the phases that escalate the dose."""
    phases = tuple(number for number, phase in trial.phases.items() if not phase.reference)
    if phases:
        yield Declaration(
            "F14.2.6", "Swimmer Plot", "SAF", ("ADSL", "ADEX", "ADDLT"), (), swimmer, phases, total=False, day_zero="ANCHDT",
            listings=("L16.2.1.1", "L16.2.5.1", "L16.2.7.5"),
            needs={"dose_escalation": lambda trial: trial.dose_escalation is not None},
            variables={
                "ADSL": ("ANCHDT", END, "EOSSTT", "LTDT", "DTHDT"), "ADEX": ("USUBJID", "INFNUM", "ADT"),
                "ADDLT": ("USUBJID", "PARAMCD", "AVALC", "ADT"),
            },
        )  # fmt: skip
