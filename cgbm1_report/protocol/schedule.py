"""What visits, windows and infusions of a phase say of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from cgbm1_report.errors import number_of
from cgbm1_report.protocol.agree import Contradiction, twice

if TYPE_CHECKING:
    from cgbm1_report.protocol.sections import Visit, Window
    from cgbm1_report.protocol.trial import Trial


def _infusions(trial: Trial) -> Iterator[Contradiction]:
    """Numbered in their order, each on a day of its window, the windows one after another, never nearer than is allowed."""
    for number, phase in trial.phases.items():
        place = f"phases.{number}.infusions"
        if [one.infusion for one in phase.infusions] != list(range(1, len(phase.infusions) + 1)):
            named = ", ".join(str(one.infusion) for one in phase.infusions)
            yield place, f"infusions of phase {number} are numbered {named}", "number them 1, 2, 3 … in their order"
        if phase.infusions and phase.infusions[0].target_day != 0:
            yield (
                f"{place}.0.target_day",
                f"the first infusion of phase {number} is not on day 0",
                "day 0 is the day of the first dose",
            )
        for at, one in enumerate(phase.infusions):
            yield from _in_window(f"{place}.{at}.window", f"infusion {one.infusion} of phase {number}", one.target_day, one.window)
        if phase.min_days_between_infusions is not None and len(phase.infusions) < 2:
            told = f"phase {number} plans {number_of(len(phase.infusions), 'infusion')}, and days between them"
            yield f"phases.{number}.min_days_between_infusions", told, "write null"
        for before, after in pairwise(phase.infusions):
            if after.window[0] <= before.window[1]:
                told = f"the windows of infusions {before.infusion} and {after.infusion} of phase {number} overlap"
                yield place, told, "let each window begin after the one before it"
            gap, least = after.target_day - before.target_day, phase.min_days_between_infusions
            if least is not None and gap < least:
                told = f"infusions {before.infusion} and {after.infusion} of phase {number} are {number_of(gap, 'day')} apart"
                told = f"{told}, {least} are due"
                yield f"phases.{number}.min_days_between_infusions", told, "plan them further apart, or allow less"


def _compliance(trial: Trial) -> Iterator[Contradiction]:
    """The compliance of an infusion is told by what every arm has and what is seen while the phase is blind."""
    for number, phase in trial.phases.items():
        undosed = [arm.column for arm in trial.arms if arm.phase == number and not arm.is_dosed]
        if phase.compliance_of == "volume" or not (phase.blinded or undosed):
            continue
        why = "is blind, where cells are not seen" if phase.blinded else f"has {', '.join(undosed)}, which has no cells"
        told = f"compliance is to be told of cells in phase {number}, which {why}"
        yield f"phases.{number}.compliance_of", told, "write volume: then it is the same number blind and unblinded, in every arm"


def _in_window(place: str, whose: str, day: int | None, window: Window | None) -> Iterator[Contradiction]:
    if window is None:
        return
    low, high = window
    if low > high:
        yield place, f"the window {low} to {high} of {whose} ends before it begins", "write the earlier day first"
    elif day is not None and not low <= day <= high:
        yield place, f"day {day} of {whose} is not in its window {low} to {high}", "let the window hold the planned day"


def _visits(trial: Trial) -> Iterator[Contradiction]:
    """Each visit once in its phase, its day in its windows, at most one of them the baseline."""
    for number, phase in trial.phases.items():
        place = f"phases.{number}.visits"
        for name in twice(visit.visit for visit in phase.visits):
            yield place, f"visit {name} of phase {number} stands twice", "name it once"
        for at, visit in enumerate(phase.visits):
            whose = f"visit {visit.visit} of phase {number}"
            yield from _in_window(f"{place}.{at}.protocol_window", whose, visit.target_day, visit.protocol_window)
            yield from _in_window(f"{place}.{at}.analysis_window", whose, visit.target_day, visit.analysis_window)
            if visit.analysis_window and (visit.target_day is None or visit.target_day < 1):
                told = f"{whose} has an analysis window and no day after the first dose"
                yield f"{place}.{at}.target_day", told, "write its day, or leave the window out"
            # Unscheduled visits are numbered a hundredth after the planned one before them.
            if round(visit.visitnum * 10, 6) % 1:
                told = f"{whose} has the number {visit.visitnum:g}, which is that of an unscheduled visit"
                yield f"{place}.{at}.visitnum", told, "give it at most one decimal"
            if visit.baseline and visit.target_day != 0:
                yield f"{place}.{at}.baseline", f"{whose} carries the baseline and is not on day 0", "write target_day: 0"
        if sum(visit.baseline for visit in phase.visits) > 1:
            yield place, f"two visits of phase {number} carry the baseline", "mark one of them"


def _names_and_numbers(trial: Trial) -> Iterator[Contradiction]:
    """VISIT and VISITNUM are one to one over all phases: the data have one list of visits."""
    visits = [(visit.visit, visit.visitnum) for phase in trial.phases.values() for visit in phase.visits]
    pairs = list(dict.fromkeys(visits))
    for name in twice(name for name, _ in pairs):
        numbers = ", ".join(f"{number:g}" for one, number in pairs if one == name)
        yield "phases", f"visit {name} has the numbers {numbers}", "give a visit one number in all phases"
    for number in twice(number for _, number in pairs):
        names = ", ".join(name for name, one in pairs if one == number)
        yield "phases", f"visit number {number} has the names {names}", "give each visit a number of its own"


def _windows(trial: Trial) -> Iterator[Contradiction]:
    """Analysis windows follow one another without a day in two or in none: a value there would count twice, or nowhere."""
    for number, phase in trial.phases.items():
        analysed = [visit for visit in phase.visits if visit.analysis_window and visit.target_day is not None]
        for day in twice(visit.target_day for visit in analysed):
            yield f"phases.{number}.visits", f"two visits of phase {number} are analysed as day {day}", "give each its own day"
        yield from _ends_of_windows(number, sorted(analysed, key=_opening))
        for before, after in pairwise(sorted(analysed, key=_opening)):
            end, start = (before.analysis_window or (0, 0))[1], _opening(after)
            told = f"analysis windows of {before.visit} and {after.visit} in phase {number}"
            remedy = "let each begin on the day after the one before it ends"
            if start <= end:
                yield f"phases.{number}.visits", f"the {told} overlap on day {start}", remedy
            elif start > end + 1:
                days = f"day {end + 1}" if start == end + 2 else f"days {end + 1} to {start - 1}"
                yield f"phases.{number}.visits", f"the {told} leave out {days}", remedy


def _ends_of_windows(number: int, analysed: list[Visit]) -> Iterator[Contradiction]:
    """The first window opens on the day of the first dose or after it; a visit held as planned is analysed as its own day."""
    place = f"phases.{number}.visits"
    if analysed and (first := _opening(analysed[0])) not in (0, 1):
        told = f"the first analysis window of phase {number} opens on day {first}"
        yield place, told, "open it on day 1: before it lies the baseline, and a day left out is analysed nowhere"
    for visit in analysed:
        planned, taken = visit.protocol_window, visit.analysis_window
        if planned and taken and not taken[0] <= planned[0] <= planned[1] <= taken[1]:
            told = f"visit {visit.visit} of phase {number} may be held on days {planned[0]} to {planned[1]}, "
            told += f"and is analysed on days {taken[0]} to {taken[1]}"
            yield place, told, "let the analysis window hold the protocol window"


def _opening(visit: Visit) -> int:
    return visit.analysis_window[0] if visit.analysis_window else 0


SCHEDULE_CHECKS: tuple[Callable[[Trial], Iterator[Contradiction]], ...] = (
    _infusions,
    _compliance,
    _visits,
    _names_and_numbers,
    _windows,
)
