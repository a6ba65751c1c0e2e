"""14.1 Who was screened, who was treated, who stayed, and who they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from cgbm1_report.analyse.counts import count_population
from cgbm1_report.distinct import unite_spellings
from cgbm1_report.outputs.characteristics import lines_of
from cgbm1_report.outputs.screening import part_outside
from cgbm1_report.protocol.baseline import Characteristic
from cgbm1_report.protocol.trial import POOLED, TOTAL, Trial
from cgbm1_report.protocol.wording import print_condition
from cgbm1_report.rows import NO_CRITERION, NO_REASON, Is, Key, Meaning, Part
from cgbm1_report.tabulate.builders import (
    Rows,
    Selection,
    coded_order,
    count_rows,
    head_row,
    join_rows,
)
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.view import View, tell_withheld

#: The population of the tables that begin with who was screened; without it they begin with who entered.
SCREENED = "SCR"
_ACCOUNTED = (SCREENED, "FAS")
#: The time to an event that asks for transplantations and the days subjects were followed to.
TRANSPLANT = "LTFS"
_FAILURE: Key = (("disposition", "Screen failure"),)
#: How a criterion of a category fails a subject.
CATEGORIES = {"INCLUSION": "Inclusion criterion not met", "EXCLUSION": "Exclusion criterion met"}
_SEVERAL = "A subject who fails several criteria is counted under each of them."
UNTOLD = "Screen failures are not told by criterion: the data have no criteria of inclusion and exclusion that were not met (ADIE)."


def entry_of(trial: Trial, phase: int) -> str:
    """How a subject enters a phase, in a word."""
    return "randomised" if trial.phases[phase].reference else "enrolled"


def _entry(view: View) -> str:
    return entry_of(view.trial, view.phase)


def _received(infusions: int) -> str:
    return f"Received at least {infusions} infusion{'s' if infusions > 1 else ''}"


def means_entered(trial: Trial, phase: int) -> Meaning:
    """Who came out of screening into the study, as `find_entered` finds them."""
    if not _is_screened(trial, phase):
        return ({},)
    date = "RANDDT" if trial.phases[phase].reference else "ENRLDT"
    return ({date: Is("known")}, {"RANDFL": Is("=", "Y")}, {"SAFFL": Is("=", "Y")})


def _told(meanings: Mapping[str, Mapping[str, Is]]) -> dict[Part, Meaning]:
    """Rows by their labels, with what they mean."""
    return {("disposition", label): (way,) for label, way in meanings.items()}


def _means_course(trial: Trial, phase: int) -> dict[Part, Meaning]:
    """What the rows of those who entered mean."""
    ongoing = {"EOTSTT": Is("=", "ONGOING")}
    many = len(trial.phases[phase].infusions) > 1
    return _told(
        {
            entry_of(trial, phase).capitalize(): {},
            "Not dosed": {"SAFFL": Is("not", "Y")},
            **{_received(n): {"NINF": Is(">=", n)} for n in range(1, len(trial.phases[phase].infusions) + 1) if many},
            "Completed treatment": {"EOTSTT": Is("=", "COMPLETED")},
            "Discontinued treatment": {"EOTSTT": Is("=", "DISCONTINUED")},
            "Treatment ongoing at data cut-off": {**ongoing, "EOSSTT": Is("=", "ONGOING")},
            "End of treatment not recorded": {**ongoing, "EOSSTT": Is("not", "ONGOING")},
            **{f"Completed day {day}": {"CMPLDAY": Is(">=", day)} for day in trial.registry_days(phase, TRANSPLANT)},
            "Completed study": {"EOSSTT": Is("=", "COMPLETED")},
            "Discontinued study": {"EOSSTT": Is("=", "DISCONTINUED")},
            "Ongoing at data cut-off": {"EOSSTT": Is("=", "ONGOING")},
            "Liver transplantation": {"LTFL": Is("=", "Y")},
        }
    )


def means_disposition(trial: Trial, phase: int) -> dict[Part, Meaning]:
    """What the rows of the disposition mean."""
    outside = {name: Is("missing") if one.how == "known" else Is("not", one.value)
               for way in means_entered(trial, phase) for name, one in way.items()}  # fmt: skip
    screening = {
        "Screened": {},
        "Screen failure": {**outside, "EOSSTT": Is("not", "ONGOING")},
        "In screening at data cut-off": {**outside, "EOSSTT": Is("=", "ONGOING")},
    }
    return _told(screening) | _means_course(trial, phase)


def course_of(trial: Trial, phase: int) -> dict[Part, Meaning]:
    """Rows that are counted of those who entered."""
    return dict.fromkeys(_means_course(trial, phase), means_entered(trial, phase))


def means_populations(trial: Trial, phase: int) -> dict[Part, Meaning]:
    """What the rows of the analysis sets mean."""
    declared = [population for population in trial.populations if phase in population.phases]
    inside = {population.label: {population.flag: Is("=", "Y")} for population in declared}
    outside = {f"Excluded from {population.label}": {reason_of(population.code): Is("known")} for population in declared}
    return _told({**inside, **outside})


def populations_of(trial: Trial, phase: int) -> dict[Part, Meaning]:
    """The analysis sets that are counted of those who entered: all but who was screened."""
    screened = {("disposition", one.label) for one in trial.populations if one.code == SCREENED}
    counted = [part for part in means_populations(trial, phase) if part not in screened]
    return dict.fromkeys(counted, means_entered(trial, phase))


def reason_of(code: str) -> str:
    """The variable of ADSL that says why a subject is not in an analysis set."""
    return "DLTEXCL" if code.startswith("DLT") else f"{code}EXCL"


def _is_screened(trial: Trial, phase: int) -> bool:
    """Whether the data hold who was screened, entered or not."""
    return trial.has_population(SCREENED, phase)


def find_entered(view: View, subjects: pd.DataFrame) -> pd.DataFrame:
    """Who came out of screening into the study: by its date, or where that is recorded badly by what followed from it.

    Data that hold nobody else are of those who entered.
    """
    if not _is_screened(view.trial, view.phase):
        return subjects
    date = "RANDDT" if _entry(view) == "randomised" else "ENRLDT"
    entered = subjects[date].notna() if date in subjects else pd.Series(False, index=subjects.index)
    for flag in ("RANDFL", "SAFFL"):
        entered |= subjects[flag] == "Y" if flag in subjects else False
    return subjects[entered]


def _account(
    view: View,
    base: Mapping[str, int],
    screening: Rows,
    course: Rows,
    notes: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
) -> Summary:
    """Rows of screening over rows of those who entered, whose numbers head the columns.

    Who failed screening has no arm: these rows stand in the total alone, and not at all where there is none.
    """
    everybody = tuple(column for column in view.column_keys if column in (TOTAL, POOLED) and _is_screened(view.trial, view.phase))
    shown = screening.numbers["column"].isin(everybody)
    before = [replace(line, columns=everybody) if line.show else line for line in screening.lines] if everybody else []
    # Data without those who were screened tell of an analysis set how it came about, not that it is everybody who entered.
    who = f"subjects {_entry(view)}" if _is_screened(view.trial, view.phase) else f"subjects in the {view.population.label}"
    head = head_row((("disposition", _entry(view)),), f"Of {who}, n (%)")
    rows = join_rows([Rows(screening.numbers[shown], before), head, course])
    columns = [replace(column, N=base[column.key]) for column in view.columns]
    return Summary(*rows, "Subjects", columns, footnotes=(f"N: {who}.", *notes), without=without)


def _screening_head() -> Rows:
    return head_row((("disposition", "screened"),), "Of subjects screened, n (%)")


def _count(view: View, label: str, subjects: pd.DataFrame, base: Mapping[str, int]) -> Rows:
    return count_rows(view, [Selection((("disposition", label),), label, subjects)], denominators=base, indent=1)


def _reasons(
    view: View, label: str, subjects: pd.DataFrame, told: pd.Series, base: Mapping[str, int], whole: str | None = None
) -> Rows:
    """A row per reason: together they are all the subjects; none repeats the words of the row it stands under.

    ``whole`` names the subjects in the rows' keys where they are not all of the row above.
    Spellings of one reason are one reason.
    """
    told = told.replace(unite_spellings(told))
    ordered = coded_order("ADSL", str(told.name), told, (NO_REASON, NO_CRITERION))
    chosen = [text for text in ordered if text.casefold() != label.casefold()]
    parent = ("disposition", whole or label)
    each = [
        Selection((parent, (str(told.name), text)), print_condition(text.capitalize()), subjects[told == text]) for text in chosen
    ]
    return count_rows(view, each, denominators=base, indent=2)


def _with_reasons(view: View, label: str, subjects: pd.DataFrame, variable: str, base: Mapping[str, int]) -> Rows:
    if variable not in subjects:
        # Asked for of every trial but one whose treatment is not declared: there it may be that no reason was collected.
        return _count(view, label, subjects, base)
    told = subjects[variable].fillna(NO_REASON)
    return join_rows([_count(view, label, subjects, base), _reasons(view, label, subjects, told, base)])


def find_criteria(view: View, failed: pd.DataFrame) -> pd.DataFrame:
    """The criteria the screen failures failed, in the order of the protocol, others last; none where the data have no ADIE."""
    if "ADIE" not in view.adam:
        return failed.iloc[:0]
    found = view.records("ADIE", "IETESTCD", "IETEST", "IECAT")
    places = {one.ietestcd: place for place, one in enumerate(view.trial.ie_criteria.get(view.phase, ()))}
    own = found[found["USUBJID"].isin(failed["USUBJID"])]
    return own.assign(PLACE=own["IETESTCD"].map(places).fillna(len(places))).sort_values(["PLACE", "IETESTCD"], kind="stable")


def _failures(view: View, failed: pd.DataFrame, criteria: pd.DataFrame, base: Mapping[str, int]) -> Rows:
    """Screen failures by the criteria they failed, then those with none recorded by what else is told of them.

    Of data that hold no criteria at all nobody knows that one was not recorded.
    """
    if "ADIE" not in view.adam:
        return _with_reasons(view, "Screen failure", failed, "DCSREAS", base)
    parts = [_count(view, "Screen failure", failed, base)]
    for category, label in CATEGORIES.items():
        own, key = criteria[criteria["IECAT"] == category], (*_FAILURE, ("IECAT", category))
        each = [
            Selection((*key, ("IETESTCD", str(code))), print_condition(str(one["IETEST"].iloc[0])), one)
            for code, one in own.groupby("IETESTCD", sort=False)
        ]
        whole = [Selection(key, label, own)] if each else []
        parts += [count_rows(view, chosen, denominators=base, indent=2 + depth) for depth, chosen in enumerate((whole, each))]
    rest = failed[~failed["USUBJID"].isin(criteria["USUBJID"])]
    told = rest["DCSREAS"].where(rest["DCSREAS"] != "SCREEN FAILURE").fillna(NO_CRITERION)
    reasons = _reasons(view, "Screen failure", rest, told, base, "Screen failure without a criterion")
    return join_rows([*parts, reasons])


def of_disposition(trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
    """What the disposition reads."""
    planned = len(trial.phases[phase].infusions)
    asked = {
        ("RANDDT" if trial.phases[phase].reference else "ENRLDT",): _is_screened(trial, phase),
        ("EOSSTT", "DCSREAS", "SAFFL"): True,
        ("EOTSTT", "DCTREAS"): planned > 0,
        ("NINF",): planned > 1,
        ("LTFL",): TRANSPLANT in trial.parameters,
        ("CMPLDAY",): bool(trial.registry_days(phase, TRANSPLANT)),
    }
    return {"ADSL": tuple(name for names, is_asked in asked.items() if is_asked for name in names)}


@output(
    "T14.1.1", "Subject Disposition", population=_ACCOUNTED, source=("ADSL", "ADIE"), footnotes=("F1", "F11b"),
    variables=of_disposition, meanings=means_disposition, counted_of=course_of, listings=("L16.2.1.1", "L16.2.1.2", "L16.2.2.2"),
    given={"F11b": ("ADSL", "CMPLDAY")},
)  # fmt: skip
def disposition(view: View) -> Summary:
    """Screened, enrolled, treated, followed: every subject accounted for."""
    transplants = TRANSPLANT in view.trial.parameters
    subjects = view.subjects_with("SAFFL", *(("LTFL",) if transplants else ()))
    entered, screened = find_entered(view, subjects), view.population_counts
    failed, waiting = part_outside(view, subjects, entered)
    criteria = find_criteria(view, failed)
    screening = [_screening_head(), _count(view, "Screened", subjects, screened), _failures(view, failed, criteria, screened)]
    if len(waiting):
        # An interim cut finds subjects who have consented and are neither in nor out.
        screening.append(_count(view, "In screening at data cut-off", waiting, screened))
    base, days = count_population(entered, view.column_keys), sorted(view.trial.registry_days(view.phase, TRANSPLANT))
    course = [
        *([_count(view, _entry(view).capitalize(), entered, base)] if _is_screened(view.trial, view.phase) else ()),
        _count(view, "Not dosed", entered[entered["SAFFL"] != "Y"], base),
        *_treatment(view, entered, base),
        *(_count(view, f"Completed day {day}", entered[entered["CMPLDAY"] >= day], base) for day in days),
        _count(view, "Completed study", entered[entered["EOSSTT"] == "COMPLETED"], base),
        _with_reasons(view, "Discontinued study", entered[entered["EOSSTT"] == "DISCONTINUED"], "DCSREAS", base),
        _count(view, "Ongoing at data cut-off", entered[entered["EOSSTT"] == "ONGOING"], base),
        *([_count(view, "Liver transplantation", entered[entered["LTFL"] == "Y"], base)] if transplants else ()),
    ]
    untold = len(failed) and "ADIE" not in view.adam
    notes = (_SEVERAL,) if len(criteria) else (UNTOLD,) if untold else ()
    return _account(view, base, join_rows(screening), join_rows(course), notes, () if days else ("F11b",))


def _treatment(view: View, entered: pd.DataFrame, base: Mapping[str, int]) -> list[Rows]:
    """How many infusions they had, and how treatment ended: the last rows are all who were dosed.

    Of a treatment that the trial does not declare as infusions it is told where the data say how it ended.
    """
    planned = len(view.trial.phases[view.phase].infusions)
    if not planned and not ("EOTSTT" in entered and entered["EOTSTT"].notna().any()):
        return []
    view.subjects_with("EOTSTT")
    left = entered[entered["EOTSTT"] == "DISCONTINUED"]
    open_end = entered[entered["EOTSTT"] == "ONGOING"]
    followed = open_end["EOSSTT"] == "ONGOING"
    ends = {"Treatment ongoing at data cut-off": open_end[followed], "End of treatment not recorded": open_end[~followed]}
    return [
        *(_count(view, _received(n), entered[entered["NINF"] >= n], base) for n in (range(1, planned + 1) if planned > 1 else ())),
        _count(view, "Completed treatment", entered[entered["EOTSTT"] == "COMPLETED"], base),
        _with_reasons(view, "Discontinued treatment", left, "DCTREAS", base),
        *(_count(view, label, own, base) for label, own in ends.items() if len(own)),
    ]


def of_populations(trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
    """What the analysis sets read."""
    return {"ADSL": tuple(population.flag for population in trial.populations if phase in population.phases)}


def tell_unexplained(view: View) -> tuple[str, ...]:
    """The note that names the analysis sets of which a blind phase does not show why subjects are not in them."""
    sets = [one for one in view.trial.populations if view.phase in one.phases]
    return tell_withheld(f"Excluded from {one.label}" for one in sets if view.is_unseen("ADSL", reason_of(one.code)))


@output(
    "T14.1.2", "Analysis Populations", population=_ACCOUNTED, source=("ADSL",), footnotes=("F1", "F11b"), variables=of_populations,
    meanings=means_populations, counted_of=populations_of, listings=("L16.2.3.1",), leaves_out=True,
    given={"F11b": ("ADSL", "DLTEXCL")},
)  # fmt: skip
def populations(view: View) -> Summary:
    """Each analysis set, with why subjects are not in it."""
    declared = [population for population in view.trial.populations if view.phase in population.phases]
    subjects = view.subjects_with(*(population.flag for population in declared))
    entered, windowed = find_entered(view, subjects), False
    screening, course, base = [_screening_head()], [], count_population(entered, view.column_keys)
    for population in declared:
        own = subjects[subjects[population.flag] == "Y"]
        if population.code == SCREENED:
            screening.append(_count(view, population.label, own, view.population_counts))
            continue
        course.append(_count(view, population.label, own, base))
        reason = reason_of(population.code)
        told = reason in entered and not view.is_unseen("ADSL", reason)
        excluded = entered[entered[reason].notna()] if told else own[:0]
        if len(excluded):
            course.append(_with_reasons(view, f"Excluded from {population.label}", excluded, reason, base))
            windowed |= reason == "DLTEXCL"
    # Who was not observed to a day of the escalation is told so: only that page names a day.
    return _account(view, base, join_rows(screening), join_rows(course), tell_unexplained(view), () if windowed else ("F11b",))


@output(
    "T14.1.4",
    "Demographic and Baseline Characteristics",
    population={1: "SAF", 2: "FAS"},
    source=("ADSL",),
    footnotes=("F1",),
    needs={"demographics": lambda trial: bool(trial.demographics)},
    variables=lambda trial, phase: {"ADSL": tuple(item.variable for item in trial.demographics)},
    listings=("L16.2.4.1",),
    leaves_out=True,
)
def demographics(view: View) -> Summary:
    """Age, sex, race, height, weight: what trial.yaml lists, in its order."""
    rows, notes = lines_of(view, view.trial.demographics)
    return Summary(*join_rows(rows), "Characteristic", footnotes=notes)


def of_disease(trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
    flags = (one.baseline_flag for one in trial.complications)
    return {"ADSL": (*(item.variable for item in trial.baseline_disease), *flags)}


def unexplained(lines: Sequence[Characteristic]) -> tuple[str, ...]:
    """Footnotes on scores that are not among the lines."""
    shown = {item.of for item in lines}
    return tuple(footnote for score, footnote in {"MELD": "F16", "CLIFCOF": "F17"}.items() if score not in shown)


def _complications(view: View) -> tuple[list[Rows], tuple[str, ...]]:
    """Each complication with the subjects who had it at baseline, and a note that names what a blind phase does not show."""
    told = [one for one in view.trial.complications if not view.is_unseen("ADSL", one.baseline_flag)]
    left = [view.trial.complication_labels[one.term] for one in view.trial.complications if one not in told]
    subjects = view.subjects_with(*(one.baseline_flag for one in told))
    present = [
        Selection(((one.baseline_flag, "Y"),), view.trial.complication_labels[one.term],
                  subjects[subjects[one.baseline_flag] == "Y"])
        for one in told
    ]  # fmt: skip
    head = head_row((("complications", "at baseline"),), "Complications present at baseline, n (%)")
    return [head, count_rows(view, present, indent=1)] if present else [], tell_withheld(left)


@output(
    "T14.1.5",
    "Baseline Disease Characteristics",
    population={1: "SAF", 2: "FAS"},
    source=("ADSL",),
    footnotes=("F1", "F12", "F16", "F17"),
    needs={"baseline_disease": lambda trial: bool(trial.baseline_disease)},
    variables=of_disease,
    listings=("L16.2.4.2",),
    leaves_out=True,
)
def baseline_disease(view: View) -> Summary:
    """The disease that subjects came with: what trial.yaml lists, in its order, then the complications that were present."""
    lines = view.trial.baseline_disease
    rows, notes = lines_of(view, lines)
    present, left = _complications(view)
    return Summary(*join_rows([*rows, *present]), "Characteristic", footnotes=(*notes, *left), without=unexplained(lines))
