"""What a report that calls itself final is of and may still change: a blind phase, subjects who go on.

It is no reason to refuse one: a trial may end with subjects in follow-up, and one of its phases may be reported before the
other is opened. But nobody should find it out when it is filed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cgbm1_report.build.log import read_log
from cgbm1_report.build.request import Request
from cgbm1_report.errors import Problem, number_of
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.unblinding import Unblinding
from cgbm1_report.tabulate.files import ALL_GROUPS
from cgbm1_report.tabulate.named import output_word

if TYPE_CHECKING:
    import pandas as pd

    from cgbm1_report.build.gate import Data

logger = logging.getLogger(__name__)

#: How build.log calls it.
UNFINISHED = "unfinished"
_RULE = "a final report is of data that are complete and open"


def warn_unfinished(request: Request, trial: Trial, data: Data, numbers: Iterable[str] = ()) -> list[str]:
    """Warn, in one line, of what a final report is of and is not finished; also the words of it, for build.log.

    A draft and a package are not asked: who reviews a trial while it goes on is given it as it is. ``numbers`` are the outputs
    that are made: narratives that print a place for a text are told where they are among them.
    """
    if request.status != "final" or request.package:
        return []
    phases = phases_of(request, trial)
    labels = [trial.phases[phase].label for phase in phases if phase in data.pooled]
    blind = " and ".join(labels)
    ongoing = _tell_ongoing(data.adam["ADSL"], trial, phases)
    unwritten = tell_unwritten(data.adam, trial, phases, numbers)
    if not blind and not ongoing and not unwritten:
        return []
    record = (trial.unblinding or Unblinding()).file
    found, ways = [], ["say --status draft"]
    if blind:
        found.append(f"{blind} {'are' if len(labels) > 1 else 'is'} blind")
        ways.append(f"unblind {blind} ({record} in the cut)")
    if ongoing:
        found.append(ongoing)
        ways.append("build the cut in which all have ended")
    if unwritten:
        found.append(unwritten)
        ways.append("have the texts written (cgbm1-report narratives)")
    message = f"the report is called final, and {' and '.join(found)}"
    told = str(Problem(message, rule=_RULE, remedy=", or ".join(ways)))
    # Two builds of one cut are equal in every file, wherever it lies: build.log does not say where.
    logger.warning("%s: %s", request.cut, told)
    return [told]


def warn_again(request: Request) -> None:
    """Warn of what a build that is kept said when it was made."""
    for fact in read_log(request.target):
        if fact["what"] == UNFINISHED:
            logger.warning("%s: %s", request.cut, fact["told"])


def phases_of(request: Request, trial: Trial) -> list[int]:
    if request.dose_group not in (None, ALL_GROUPS):
        return [trial.arm(str(request.dose_group)).phase]
    return [phase for phase in trial.phase_numbers if request.phase in (None, phase)]


def _tell_ongoing(subjects: pd.DataFrame, trial: Trial, phases: Iterable[int]) -> str:
    """How many subjects have not ended the study, by phase; nothing where all have, or where the data do not say it."""
    if "EOSSTT" not in subjects:
        return ""
    going = subjects[subjects["EOSSTT"] == "ONGOING"]
    counts = {trial.phases[phase].label: int(_are_of(going, phase).sum()) for phase in phases}
    total = sum(counts.values())
    by_phase = f" ({', '.join(f'{label}: {count}' for label, count in counts.items() if count)})" if len(trial.phases) > 1 else ""
    return f"{total} subject{'s are' if total > 1 else ' is'} ongoing{by_phase}" if total else ""


def tell_unwritten(adam: Mapping[str, pd.DataFrame], trial: Trial, phases: Iterable[int], numbers: Iterable[str]) -> str:
    """How many events are without their physician's text, where narratives are made."""
    if not any(output_word(number) == "Narrative" for number in numbers):
        return ""
    from cgbm1_report.outputs.narrative_texts import find_unwritten

    seen = [_are_of(adam["ADSL"], phase) for phase in phases]
    people = {who for one in seen for who in adam["ADSL"].loc[one, "USUBJID"]}
    count = int(find_unwritten(adam, trial)["USUBJID"].isin(people).sum())
    return f"{number_of(count, 'narrative')} {'has' if count == 1 else 'have'} no physician's text" if count else ""


def _are_of(subjects: pd.DataFrame, phase: int) -> pd.Series:
    """Of one phase ADSL need not say which."""
    import pandas as pd

    return subjects["PHASE"] == phase if "PHASE" in subjects else pd.Series(True, index=subjects.index)
