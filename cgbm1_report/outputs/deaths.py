"""14.3.2 Deaths with their causes, and the listing of deaths, serious events and those that ended treatment or study."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import pandas as pd

from cgbm1_report.errors import number_of
from cgbm1_report.outputs.adverse_events import FATAL, GRAVE, LEFT, SERIOUS, WITHDRAWN
from cgbm1_report.outputs.listings import EVENTS
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import MISSING_LEVEL, Is, Key, Meaning, Part
from cgbm1_report.tabulate.abbreviations import say_coded
from cgbm1_report.tabulate.builders import Selection, coded_order, count_rows, head_row, join_rows
from cgbm1_report.tabulate.chosen import choose, ways_of
from cgbm1_report.tabulate.declare import Listing, Summary, output
from cgbm1_report.tabulate.records import DateItem, Item, JoinedItem, Listed, ReasonItem, list_records
from cgbm1_report.tabulate.view import View

_DEAD: Key = (("DTHFL", "Y"),)


def _of_deaths(trial: Trial, phase: int) -> Mapping[str, tuple[str, ...]]:
    last = () if trial.event_tables.on_treatment_days is None else ("TRTEDT",)
    return {"ADSL": ("DTHFL", "DTHDT", "DTHCGR1", "TRTSDT", *last)}


def by_day(view: View, subjects: pd.DataFrame, variable: str = "DTHDT", key: Key = _DEAD) -> list[Selection]:
    """Subjects by the day of a date, in the periods that end on the registry's days of survival, and after the last of them."""
    day = (subjects[variable] - subjects["TRTSDT"]).dt.days
    ends = [high for _, high in view.trial.event_periods.values()]
    place = pd.Series(len(ends), index=subjects.index)
    for at, high in reversed(list(enumerate(ends))):
        place = place.mask(day <= high, at)
    labels = [f"Days {low}–{high}" for low, high in view.trial.event_periods.values()]
    labels += [f"After day {ends[-1]}"] if ends else []
    rows = [Selection((*key, ("day", label)), label, subjects[day.notna() & (place == at)]) for at, label in enumerate(labels)]
    unknown = subjects[day.isna()]
    return [*rows, *([Selection((*key, ("day", None)), "Day not known", unknown)] if len(unknown) else [])]


def _by_cause(view: View, dead: pd.DataFrame) -> list[Selection]:
    """Every group of causes of the trial's, then any other that the data have, and none where none is recorded."""
    declared = view.trial.death_groups
    others = dead.loc[~dead["DTHCGR1"].isin(declared), "DTHCGR1"].dropna()
    causes = [*declared, *coded_order("ADSL", "DTHCGR1", others)]
    told = [(str(cause), say_coded(str(cause), view.trial.abbreviations)) for cause in causes]
    rows = [Selection((*_DEAD, ("DTHCGR1", cause)), words, dead[dead["DTHCGR1"] == cause]) for cause, words in told]
    unknown = dead[dead["DTHCGR1"].isna()]
    return [*rows, *([Selection((*_DEAD, ("DTHCGR1", MISSING_LEVEL)), "Not recorded", unknown)] if len(unknown) else [])]


def means_days(trial: Trial, variable: str) -> dict[Part, Meaning]:
    """What rows by the day of a date mean."""
    found: dict[Part, Meaning] = {("day", None): ({variable: Is("missing")}, {"TRTSDT": Is("missing")})}
    before = -math.inf
    for low, high in trial.event_periods.values():
        found["day", f"Days {low}–{high}"] = ({variable: Is("within", (before, high), since="TRTSDT")},)
        before = high + 1
    if trial.event_periods:
        found["day", f"After day {before - 1:g}"] = ({variable: Is(">=", before, since="TRTSDT")},)
    return found


def _days_of_deaths(trial: Trial, _: int) -> dict[Part, Meaning]:
    """What rows by the day of death mean, and death on treatment."""
    found = means_days(trial, "DTHDT")
    days = trial.event_tables.on_treatment_days
    if days is not None:
        found["on treatment", "Y"] = ({"DTHDT": Is("<=", days, since="TRTEDT|TRTSDT")},)
    return found


@output(
    "T14.3.2.3", "Deaths and Causes of Death", population="SAF", source=("ADSL",), footnotes=("F1", "F11b"), variables=_of_deaths,
    listings=(*GRAVE, "L16.2.7.5"), meanings=_days_of_deaths,
)  # fmt: skip
def deaths(view: View) -> Summary:
    """All deaths of the data cut: when, of what, and whether on treatment."""
    subjects = view.subjects_with(*_of_deaths(view.trial, view.phase)["ADSL"])
    dead = subjects[subjects["DTHFL"] == "Y"]
    parts = [count_rows(view, [Selection(_DEAD, "Deaths", dead)], block=True)]
    times = by_day(view, dead)
    for head, label, rows in (
        ("day", "Day of death after the first dose", times),
        ("DTHCGR1", "Cause of death", _by_cause(view, dead)),
    ):
        # A head says of the rows below it what they are: without any it says nothing.
        parts += [head_row(((head, None),), label), count_rows(view, rows, indent=1)] if rows else []
    days = view.trial.event_tables.on_treatment_days
    notes = list(_tell_imputed(view, dead))
    if days is not None:
        near = (dead["DTHDT"] - dead["TRTEDT"].fillna(dead["TRTSDT"])).dt.days <= days
        parts.append(count_rows(view, [Selection((*_DEAD, ("on treatment", "Y")), "Deaths on treatment", dead[near])], block=True))
        notes.insert(0, f"On treatment: to {number_of(days, 'day')} after the last dose.")
    return Summary(*join_rows(parts), "Subjects, n (%)", stub_width=3.6, footnotes=notes, without=() if times else ("F11b",))


def _tell_imputed(view: View, dead: pd.DataFrame) -> Iterator[str]:
    """A note where a day of death is not known whole: it is counted on a day that it may not have been."""
    adsl = view.dataset("ADSL")
    if "DTHDTF" not in adsl:
        return
    imputed = adsl.loc[adsl["USUBJID"].isin(dead["USUBJID"]), "DTHDTF"].notna().sum()
    if imputed:
        yield f"Day, month or year of the date of death was imputed for {number_of(int(imputed), 'subject')} (DTHDTF)."


#: What a line is listed for, by the events that are: a line has every reason that holds.
_REASONS = {"Fatal": FATAL, "Serious": SERIOUS, "Treatment discontinued": WITHDRAWN, "Study discontinued": LEFT}
_DEAD_NOW: Meaning = ({"DTHFL": Is("=", "Y")},)
_DEATHS = Listed(
    (
        EVENTS[0],
        Item("REASON", "", "DTHFL", words={"Y": "Death"}),
        JoinedItem(
            "TERM", "", missing="cause not recorded",
            parts=(Item("", "", "DTHFL", words={"Y": "Death"}), Item("", "", "DTHCGR1", sentence=True), Item("", "", "DTHCAUS")),
        ),
        DateItem("START", "", ("DTHDTC", "DTHDT", "DTHADY")),
    ),
    sort=("DTHDT", ""), key=("",), dataset="ADSL", chosen=_DEAD_NOW,
)  # fmt: skip
_GRAVE = Listed(
    (
        EVENTS[0],
        ReasonItem("REASON", "Listed for", width=1.2, align="left", reasons={name: kind.chosen for name, kind in _REASONS.items()}),
        *(item for item in EVENTS[1:] if item.key != "SERIOUS"),
    ),
    sort=("ASTDT", "AESEQ"), key=("AESEQ",), also=(_DEATHS,),
    chosen=tuple(way for kind in _REASONS.values() for way in ways_of(kind.chosen)),
)  # fmt: skip


def _grave_events(view: View) -> pd.DataFrame:
    """Serious and fatal events and those that ended treatment or study."""
    needed = ("AETERM", "AEDECOD", "AEBODSYS", "AESEQ", *SERIOUS.variables, *WITHDRAWN.variables, *FATAL.variables)
    events = view.records("ADAE", *needed)
    told = [kind.chosen for kind in _REASONS.values() if set(kind.variables) <= set(events)]
    return events[events.index.isin([at for chosen in told for at in choose(events, chosen).index])]


@output(
    "L14.3.2.1", "Deaths, Serious Adverse Events and Discontinuations", population="SAF", source=("ADAE", "ADSL"),
    footnotes=("F5", "F21", "F22"), total=False, given={"F5": ("ADAE", "ATOXGR")}, listed=_GRAVE,
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
    subjects = view.subjects_with("DTHFL", "DTHDT")
    return list_records(view, _grave_events(view), also=(subjects[subjects["DTHFL"] == "Y"],))
