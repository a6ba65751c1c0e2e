"""Some subjects of a study alone: who they are, and their records of every dataset."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from cgbm1_report.distinct import fold_text
from cgbm1_report.errors import ArgumentError, PlanError, suggest
from cgbm1_report.explore.conditions import hold_condition
from cgbm1_report.outputs.catalogue import Entry
from cgbm1_report.protocol.trial import TOTAL, Trial

if TYPE_CHECKING:
    from cgbm1_report.explore.study import Study

logger = logging.getLogger(__name__)

_RULE = "study.filter"
#: Texts in a condition; and of how many different values of a variable all are told.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_FEW = 12
#: What a condition has, and no name of a population.
_CONDITION = re.compile(r"[<>=~]|\bin\b|\.is")


def find_population(trial: Trial, asked: str, rule: str = _RULE) -> str:
    """The code of a population that is named by it, or by its label as titles and `Report.list` have it; letter case means nothing.

    Raises
    ------
    ReportError
        There is none; which there are is told.
    """
    names = {fold_text(name): one.code for one in trial.populations for name in (one.label, one.code)}
    if fold_text(asked) in names:
        return names[fold_text(asked)]
    every = f"it is one of {', '.join(f'{one.code} ({one.label})' for one in trial.populations)}"
    meant = suggest(asked, [name for one in trial.populations for name in (one.code, one.label)], every)
    if _CONDITION.search(asked):
        meant = f"a condition is named, where={asked!r};"
    told = f"{asked or '“”'} is no population"
    raise ArgumentError(told, rule=rule, remedy=meant if meant == every else f"{meant} {every}")


def choose_subjects(study: Study, population: str | None, arm: str | None, where: str | None) -> pd.Series:
    """The USUBJIDs of a phase that are of a population, of a treatment (`find_arm`), and of whom a condition on ADSL holds.

    Raises
    ------
    ReportError
        There is no such population or variable, or nobody is left.
    """
    adsl = study.data["ADSL"]
    if population is not None:
        adsl = adsl[adsl[study.trial.population(population).flag] == "Y"]
    if arm is not None:
        adsl = adsl[adsl[_treatment(study, population)] == arm]
    if where is not None:
        adsl = _ask(adsl, where, study)
    if not _of_phase(adsl, study.phase).any():
        told = ", ".join(text for text in (population, arm, where) if text)
        every = study.data["ADSL"][_of_phase(study.data["ADSL"], study.phase)]
        there = _values_asked(every, where) if where else ""
        missing = _tell_missing(every, where) if where else ""
        remedy = "; ".join(filter(None, [there, missing])) or "ask for less"
        raise PlanError(f"no subject is left: {told}", rule=_RULE, remedy=remedy)
    return adsl["USUBJID"]


def _of_phase(adsl: pd.DataFrame, phase: int) -> pd.Series:
    """Who is of the phase that a study is open at; of one phase ADSL need not say which."""
    return adsl["PHASE"] == phase if "PHASE" in adsl else pd.Series(True, index=adsl.index)


def find_arm(study: Study, asked: str) -> str:
    """A treatment column of the phase, by its name in any case of letters.

    Raises
    ------
    ReportError
        There is none, or the phase is blind.
    """
    if study.pooled:
        raise PlanError(f"phase {study.phase} is blinded: nobody's arm is known", rule="unblinding record", remedy="leave out arm")
    columns = [key for key in study.trial.phases[study.phase].columns if key != TOTAL]
    found = [key for key in columns if key == asked] or [key for key in columns if fold_text(key) == fold_text(asked)]
    if len(found) != 1:
        told = f"{asked or '“”'} is no column of phase {study.phase}"
        raise ArgumentError(told, rule=_RULE, remedy=suggest(asked, columns))
    return found[0]


def _treatment(study: Study, population: str | None) -> str:
    """The variable of ADSL that the columns of a population stand for; of everybody, the first population's."""
    every = [study.trial.population(population)] if population else study.trial.populations
    return next(one.treatment for one in every if one.treatment)


def _ask(adsl: pd.DataFrame, condition: str, study: Study) -> pd.DataFrame:
    """The subjects of whom a condition holds; who lacks a value that it asks for is not among them, as is said of the phase.

    It reads ADSL alone: a name of Python that it could see would be one of ours, not of who asks.
    """
    if not isinstance(condition, str):
        told = f"a condition is a text, not {type(condition).__name__}"
        raise ArgumentError(told, rule=_RULE, remedy='write it as one: "AGE >= 60"')
    if not condition.strip():
        raise ArgumentError("the condition says nothing", rule=_RULE, remedy='write it as "AGE >= 60", or leave it out')
    if "@" in _QUOTED.sub("", condition):
        told = f"{condition!r} names a variable of Python with @, which is not read"
        raise ArgumentError(told, rule=_RULE, remedy='write its value into the text: f"AGE >= {limit}"')
    try:
        found = hold_condition(adsl, condition)
    except Exception as error:  # pandas raises what its parser, an operator or a value raised
        told = f"{condition!r} cannot be asked of ADSL: {error}"
        raise ArgumentError(told, rule=_RULE, remedy=_remedy(str(error), adsl, study.data)) from error
    # Numbers would be taken for places in the table, and choose whoever stands there.
    if found is None:
        told = f"{condition!r} is no condition: it is not true or false of each subject"
        meant = "equal is written ==: \"SEX == 'F'\"" if _assigns(condition) else 'compare with something: "AGE >= 60"'
        raise ArgumentError(told, rule=_RULE, remedy=meant)
    own = _of_phase(adsl, study.phase)
    _refuse_unseen(adsl[own], condition, study)
    unknown = int(found[own].isna().sum())
    if unknown and (told := _tell_missing(adsl[own], condition)):
        logger.warning(
            "%s is unknown of %d of %d subjects of the phase, who are left out: %s", condition, unknown, int(own.sum()), told
        )
    return adsl[found.fillna(False).astype(bool)]


def _refuse_unseen(adsl: pd.DataFrame, condition: str, study: Study) -> None:
    """Refuse a condition on what could tell treatment while the phase is blind, where it is known of nobody."""
    if not study.pooled:
        return
    seen = study.trial.seen_of("ADSL")
    unseen = [name for name in _names_asked(adsl, condition) if name not in seen and adsl[name].isna().all()]
    if unseen:
        told = f"phase {study.phase} is blinded: nobody's {' or '.join(unseen)} is known"
        raise PlanError(told, rule="unblinding record", remedy=f"leave {' and '.join(unseen)} out of the condition")


def _tell_missing(adsl: pd.DataFrame, condition: str) -> str:
    """Which variables that a condition asks for some subjects lack, and how these are asked for."""
    names = [name for name in _names_asked(adsl, condition) if adsl[name].isna().any()]
    return "; ".join(f"{name} is missing of some, who are found by {name}.isna()" for name in names)


def _assigns(condition: str) -> bool:
    """Whether it gives a value instead of comparing with one."""
    try:
        return isinstance(ast.parse(condition.strip()).body[0], ast.Assign)
    except (SyntaxError, IndexError):
        return False


def _names_asked(adsl: pd.DataFrame, condition: str) -> list[str]:
    """The variables of ADSL that a condition names."""
    try:
        return sorted({one.id for one in ast.walk(ast.parse(condition.strip())) if isinstance(one, ast.Name)} & set(adsl))
    except SyntaxError:
        return []


def _values_asked(adsl: pd.DataFrame, condition: str) -> str:
    """Which texts the variables of ADSL have that a condition asks for, where they are few."""
    names = _names_asked(adsl, condition)
    texts = {name: sorted(adsl[name].dropna().unique()) for name in names if pd.api.types.is_string_dtype(adsl[name])}
    return "; ".join(f"{name} is {', '.join(values)}" for name, values in texts.items() if 0 < len(values) <= _FEW)


def _remedy(said: str, adsl: pd.DataFrame, data: Mapping[str, pd.DataFrame]) -> str:
    """What a condition may ask: what was probably meant, and where a variable stands that ADSL has not."""
    names = ", ".join(map(str, adsl.columns[:12]))
    every = f"variables of ADSL are {names} …, and texts stand in quotes"
    if "invalid syntax" in said:
        return "it is written as in Python: \"AGE >= 60 and SEX == 'F'\""
    lost = re.search(r"name '(\w+)' is not defined", said)
    if lost is None:
        return every
    homes = [name for name in data if lost[1] in data[name]]
    if homes:
        return f"{lost[1]} is a variable of {', '.join(homes)}; subjects are chosen by those of ADSL"
    return suggest(lost[1], map(str, adsl.columns), every)


def columns_left(study: Study, entry: Entry) -> tuple[str, ...]:
    """The columns of an output of one arm: the arm's, those of others that somebody of it has here, and all of them together.

    Nothing where no arm was chosen: of a condition it is a result that nobody of an arm meets it.
    """
    if not study.arm or not entry.source:
        return ()
    adsl, population = study.data["ADSL"], study.trial.population(entry.population)
    # Who was planned for the arm may have been given another treatment.
    own = set(adsl.loc[adsl[population.flag] == "Y", population.treatment]) | {study.arm}
    keys = study.trial.phases[study.phase].columns
    return tuple(key for key in keys if key in own or (key == TOTAL and entry.declared.total))


def keep_subjects(adam: Mapping[str, pd.DataFrame], subjects: pd.Series) -> dict[str, pd.DataFrame]:
    """Every dataset with the records of these subjects; one without subjects stays as it is."""
    own = set(subjects)
    kept = {}
    for name in adam:
        frame = adam[name]
        kept[name] = frame[frame["USUBJID"].isin(own)].reset_index(drop=True) if "USUBJID" in frame else frame
    return kept
