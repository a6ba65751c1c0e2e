"""14.3.2 Deaths with their causes, and the listing of deaths, serious events and those that ended treatment or study."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from cgbm1_report.outputs.adverse_events import FATAL, GRAVE, LEFT, SERIOUS, WITHDRAWN
from cgbm1_report.outputs.listings import EVENTS
from cgbm1_report.protocol.schema import schema_values
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import MISSING_LEVEL, Is, Key, Meaning, Part
from cgbm1_report.tabulate.abbreviations import say_coded
from cgbm1_report.tabulate.builders import Selection, count_rows, head_row, join_rows
from cgbm1_report.tabulate.chosen import choose
from cgbm1_report.tabulate.declare import Listing, Summary, output
from cgbm1_report.tabulate.records import Item, list_records, print_item
from cgbm1_report.tabulate.table import round_half_up
from cgbm1_report.tabulate.view import View

_DEAD: Key = (("DTHFL", "Y"),)


def _of_deaths(trial: Trial, phase: int) -> Mapping[str, tuple[str, ...]]:
    last = () if trial.event_tables.on_treatment_days is None else ("TRTEDT",)
    return {"ADSL": ("DTHFL", "DTHDT", "DTHCGR1", "TRTSDT", *last)}


def _by_day(view: View, dead: pd.DataFrame) -> list[Selection]:
    """The dead by day of death, in the periods that end on the registry's days of survival, and after the last of them."""
    day = (dead["DTHDT"] - dead["TRTSDT"]).dt.days
    ends = [high for _, high in view.trial.event_periods.values()]
    place = pd.Series(len(ends), index=dead.index)
    for at, high in reversed(list(enumerate(ends))):
        place = place.mask(day <= high, at)
    labels = [f"Days {low}–{high}" for low, high in view.trial.event_periods.values()]
    labels += [f"After day {ends[-1]}"] if ends else []
    rows = [Selection((*_DEAD, ("day", label)), label, dead[day.notna() & (place == at)]) for at, label in enumerate(labels)]
    unknown = dead[day.isna()]
    return [*rows, *([Selection((*_DEAD, ("day", None)), "Day not known", unknown)] if len(unknown) else [])]


def _by_cause(view: View, dead: pd.DataFrame) -> list[Selection]:
    """Every group of causes, and none where none is recorded."""
    causes, _ = schema_values("ADSL", "DTHCGR1") or ((), True)
    told = [(str(cause), say_coded(str(cause), view.trial.abbreviations)) for cause in causes]
    rows = [Selection((*_DEAD, ("DTHCGR1", cause)), words, dead[dead["DTHCGR1"] == cause]) for cause, words in told]
    unknown = dead[dead["DTHCGR1"].isna()]
    return [*rows, *([Selection((*_DEAD, ("DTHCGR1", MISSING_LEVEL)), "Not recorded", unknown)] if len(unknown) else [])]


def _days_of_deaths(trial: Trial, _: int) -> dict[Part, Meaning]:
    """What rows by the day of death mean, and death on treatment."""
    found: dict[Part, Meaning] = {("day", None): ({"DTHDT": Is("missing")}, {"TRTSDT": Is("missing")})}
    before = -math.inf
    for low, high in trial.event_periods.values():
        found["day", f"Days {low}–{high}"] = ({"DTHDT": Is("within", (before, high), since="TRTSDT")},)
        before = high + 1
    if trial.event_periods:
        found["day", f"After day {before - 1:g}"] = ({"DTHDT": Is(">=", before, since="TRTSDT")},)
    days = trial.event_tables.on_treatment_days
    if days is not None:
        found["on treatment", "Y"] = ({"DTHDT": Is("<=", days, since="TRTEDT|TRTSDT")},)
    return found


@output(
    "T14.3.2.3", "Deaths and Causes of Death", population="SAF", source=("ADSL",), footnotes=("F1", "F11"), variables=_of_deaths,
    listings=(*GRAVE, "L16.2.7.5"), meanings=_days_of_deaths,
)  # fmt: skip
def deaths(view: View) -> Summary:
    """All deaths of the data cut: when, of what, and whether on treatment."""
    subjects = view.subjects_with(*_of_deaths(view.trial, view.phase)["ADSL"])
    dead = subjects[subjects["DTHFL"] == "Y"]
    parts = [count_rows(view, [Selection(_DEAD, "Deaths", dead)], block=True)]
    for head, label, rows in (
        ("day", "Day of death after the first dose", _by_day(view, dead)),
        ("DTHCGR1", "Cause of death", _by_cause(view, dead)),
    ):
        parts += [head_row(((head, None),), label), count_rows(view, rows, indent=1)]
    days = view.trial.event_tables.on_treatment_days
    notes: tuple[str, ...] = ()
    if days is not None:
        near = (dead["DTHDT"] - dead["TRTEDT"].fillna(dead["TRTSDT"])).dt.days <= days
        parts.append(count_rows(view, [Selection((*_DEAD, ("on treatment", "Y")), "Deaths on treatment", dead[near])], block=True))
        notes = (f"On treatment: to {days} days after the last dose.",)
    return Summary(*join_rows(parts), "Subjects, n (%)", stub_width=3.6, footnotes=notes)


#: What a line is listed for, by the events that are: a line has every reason that holds.
_REASONS = {"Fatal": FATAL, "Serious": SERIOUS, "Treatment discontinued": WITHDRAWN, "Study discontinued": LEFT}
_TERM = next(item for item in EVENTS if item.key == "TERM")
_ITEMS = (
    next(item for item in EVENTS if item.key == "DEMOGRAPHY"),
    Item("REASON", "Listed for", width=1.2, align="left"),
    Item("TERM", _TERM.label, width=_TERM.width, align="left"),
    *(item for item in EVENTS if item.key in ("START", "END")),
    Item("EMERGENT", "TE", "TRTEMFL", width=0.4),
    *(item for item in EVENTS if item.key == "GRADE"),
    Item("RELATION", "Relation", ("AREL", "AEREL"), 1.1, "left", sentence=True),
    *(item for item in EVENTS if item.key in ("ACTION", "OUTCOME")),
)


def _grave_events(view: View) -> pd.DataFrame:
    """Serious and fatal events and those that ended treatment or study, each with the reasons it is listed for."""
    needed = ("AETERM", "AEDECOD", "AEBODSYS", "AESEQ", *SERIOUS.variables, *WITHDRAWN.variables, *FATAL.variables)
    events = view.records("ADAE", *needed).drop(columns=["AGE", "SEX"], errors="ignore")
    reasons = pd.Series("", index=events.index, dtype="str")
    for reason, kind in _REASONS.items():
        if set(kind.variables) <= set(events):
            holds = reasons.index.isin(choose(events, kind.chosen).index)
            reasons = reasons.mask(holds, reasons + ", " + reason)
    events = events.assign(
        REASON=reasons.str.removeprefix(", "),
        TRTEMFL=events["TRTEMFL"].fillna("N"),
        TERM=print_item(_TERM, events, view.trial.abbreviations),
    )
    told = [name for name in ("AREL", "AEREL") if name in events][:1]
    return events.assign(**{name: events[name].fillna("MISSING") for name in told})[reasons != ""]


def _say_deaths(view: View, dead: pd.DataFrame) -> pd.Series:
    """A death in words: the group of its cause, and the cause as recorded where that says more."""
    nothing = pd.Series(index=dead.index, dtype="str")
    groups, cause = (dead.get(name, nothing) for name in ("DTHCGR1", "DTHCAUS"))
    group = groups.map({text: say_coded(text, view.trial.abbreviations) for text in groups.dropna().unique()}).astype("str")
    more = cause.mask(cause.str.strip().str.casefold() == groups.str.casefold())
    told = (" / " + group).fillna("") + (" / " + more).fillna("")
    return "Death" + told.where(told != "", " / cause not recorded")


def _deaths_as_records(view: View, events: pd.DataFrame) -> pd.DataFrame:
    """A line for each subject who died; a day or month of the date that was imputed is not printed."""
    subjects = view.subjects_with("DTHFL", "DTHDT")
    dead = subjects[subjects["DTHFL"] == "Y"]
    imputed = dead["DTHDTF"] if "DTHDTF" in dead else pd.Series(index=dead.index, dtype="str")
    on = dead["DTHDT"].dt.strftime("%Y-%m-%d").astype("str")
    on = on.mask(imputed == "D", on.str[:7]).mask(imputed == "M", on.str[:4])
    made = pd.DataFrame({"USUBJID": dead["USUBJID"], "COLUMN": dead["COLUMN"], "REASON": "Death"})
    made = made.assign(TERM=_say_deaths(view, dead), ASTDT=dead["DTHDT"], ASTDTF=imputed)
    made = made.assign(ASTDY=dead["DTHADY"]) if "DTHADY" in dead else made
    return made.assign(AESTDTC=on) if "AESTDTC" in events else made


@output(
    "L14.3.2.1", "Deaths, Serious Adverse Events and Discontinuations", population="SAF", source=("ADAE", "ADSL"),
    footnotes=("F5", "F21", "F22"), total=False, given={"F5": ("ADAE", "ATOXGR")},
    variables={
        "ADAE": (
            "USUBJID", "AETERM", "AEDECOD", "AEBODSYS", "AESEQ", "TRTEMFL", "ASTDT", "AESER", "AEACN", "AEOUT", "AESDTH",
            "AEENDTC|AENDT",
        ),
        "ADSL": ("AGE", "SEX", "DTHFL", "DTHDT"),
    },
)  # fmt: skip
def grave_events(view: View) -> Listing:
    """Events that are serious or fatal or ended treatment or study, and below them the death of the subject."""
    events = _grave_events(view)
    records = pd.concat([events, _deaths_as_records(view, events)], ignore_index=True)
    records = records.merge(view.subjects[["USUBJID", "AGE", "SEX"]], on="USUBJID", how="left", validate="many_to_one")
    records["AGE"] = records["AGE"].map(lambda age: round_half_up(age, 0), na_action="ignore").astype("str")
    return list_records(view, records, _ITEMS, sort=("ASTDT", "AESEQ"), key=("AESEQ",))
