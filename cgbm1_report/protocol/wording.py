"""Words that come from values: footnotes and labels of trial.yaml are templates, and these fill them.

A value stands once in trial.yaml; a sentence names it by its token, ``{followup_days}``, so that it cannot
say another number than the one the report was made with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from cgbm1_report.errors import number_of

if TYPE_CHECKING:
    from cgbm1_report.protocol.sections import Arm

#: Anything between braces; a brace that stands alone is found too.
_TOKEN = re.compile(r"\{([^{}]*)\}|[{}]")


def tokens_in(text: str) -> list[str]:
    """The tokens a template names; an unpaired brace is a token without a name."""
    return [found[1] or "" for found in _TOKEN.finditer(text)]


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with every token filled.

    Raises
    ------
    KeyError
        A token that has no value here.
    """
    return _TOKEN.sub(lambda found: values[found[1] or ""], text)


def group_noun(trial: Any, phase: int) -> str:
    """What the subjects of an arm are together: a dose group only where doses are escalated, which is compared with nothing."""
    return "dose group" if trial.dose_escalation and trial.phases[phase].reference is None else "treatment group"


#: Signs of units that data write in ASCII. A power of ten, a micro, a multiple; degrees alone.
_POWER = re.compile(r"(?<=\d)\^(\d+)")
_MICRO = re.compile(r"\bu(?=(?:mol|g|L)\b)")
_RANGE = re.compile(r"(?<![\d-])(\d+)-(\d+)(?![\d-])")
_MULTIPLE = re.compile(r"^x(?=[A-Z])")
_TIMES = re.compile(r"(?<=\d)x(?=10)")
_RAISED = str.maketrans("0123456789", "\u2070¹²³⁴⁵⁶⁷⁸⁹")


def print_unit(unit: str) -> str:
    """A unit of the data as a page prints it: ``umol/L`` is µmol/L, ``10^9/L`` 10⁹/L, ``xULN`` × ULN, ``C`` °C."""
    if unit == "C":
        return "°C"
    raised = _POWER.sub(lambda found: found[1].translate(_RAISED), unit)
    return _TIMES.sub("×", _MULTIPLE.sub("× ", _MICRO.sub("µ", raised))).replace("log10", "log₁₀")


def print_condition(words: str) -> str:
    """A condition of the protocol as a page prints it: ``TBIL >= 171 umol/L`` is TBIL ≥ 171 µmol/L, ``90-110%`` 90–110%."""
    return print_unit(_RANGE.sub(r"\1–\2", words.replace(">=", "≥").replace("<=", "≤")))


def _or_list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _say_answer(text: str) -> str:
    """An answer on a scale of causality: of one that is asked whether an event is related, what was answered."""
    asked = {"Y": "yes", "N": "no"}
    return f"causality “{asked[text.upper()]}”" if text.upper() in asked else text.lower()


def _related(trial: Any) -> str:
    scale = trial.relatedness
    if scale is None:
        return "as supplied"
    return _or_list([*map(_say_answer, scale.related), *(["missing causality"] if scale.missing == "related" else [])])


def _related_supplied(trial: Any) -> str:
    """Whoever supplied RELGR1 decided what is related; only what a missing one means the trial says."""
    scale = trial.relatedness
    return "as supplied (RELGR1)" + (f", {scale.missing.replace('_', ' ')} where it is missing" if scale else "")


def _teae_window(trial: Any) -> str:
    last = trial.teae_end_day
    return "" if last is None else f", within {number_of(last, 'day')} after the first dose"


def _score_range(trial: Any) -> str:
    score = trial.clif_c_of
    return f"{score.lowest}–{score.highest}" if score else "range as supplied"


def _meld_bounds(trial: Any) -> str:
    """What bounds change of the inputs: a reader of a high score must see that dialysis sets the creatinine."""
    if trial.switches.meld_bounds != "unos":
        return "not bounded"
    score = trial.parameters.get("MELD")
    if score is None or score.meld is None:
        return "bounded (UNOS)"
    rule, dialysis = score.meld, score.meld.dialysis
    return (
        f"bounded (UNOS: none below {rule.lower_bound:g}, creatinine at most {rule.creatinine_cap:g} {rule.unit}, and set to "
        f"{dialysis.creatinine:g} by renal replacement on {dialysis.days} or more of the {dialysis.within_days} days before)"
    )


#: What is said of tests on a page that adjusts none of them.
UNADJUSTED = "unadjusted for multiplicity"


def _multiplicity(trial: Any) -> str:
    if trial.switches.multiplicity == "holm":
        return "at the day of the primary outcome adjusted for the comparisons (Holm) with the nominal p below, else unadjusted"
    return UNADJUSTED


#: What the choices of ``mmrm_df`` are called.
_MMRM_DF = {
    "satterthwaite": "degrees of freedom by Satterthwaite",
    "kenward-roger": "standard errors and degrees of freedom by Kenward and Roger",
}

#: Values that any footnote or label may name.
VALUES: Mapping[str, Callable[[Any], str | None]] = {
    "followup_days": lambda trial: str(trial.study.followup_days),
    "observation_days": lambda trial: str(trial.observation_days) if trial.dose_escalation else None,
    "teae_window": _teae_window,
    "multiplicity": _multiplicity,
    "mmrm_df": lambda trial: _MMRM_DF[trial.switches.mmrm_df],
    "ctcae": lambda trial: f"{trial.switches.ctcae}.0",
    "related": _related,
    "clif_range": _score_range,
    "meld_bounds": _meld_bounds,
    "meld_rounding": lambda trial: "rounded to whole numbers" if trial.switches.meld_round else "unrounded",
    "hepatic_grading": lambda trial: (
        "against baseline" if trial.switches.ctcae_baseline_rule else "by the upper limit of normal whatever the baseline"
    ),
    "hepatic_reading": lambda trial: (
        ": a result far above the normal range may have a low grade, or none; results before the first dose are graded by the range"
        if trial.switches.ctcae_baseline_rule
        else ""
    ),
}

#: What else is true of some of them where the analysis data were supplied.
OF_SUPPLIED: Mapping[str, Callable[[Any], str]] = {
    "related": _related_supplied,
    "meld_bounds": lambda trial: "as supplied",
    "meld_rounding": lambda trial: "as supplied",
    "hepatic_grading": lambda trial: "as supplied",
    "hepatic_reading": lambda trial: "",
}

#: Values that only a page knows: the reference of its phase, the dictionaries its data were coded with, and whether it has
#: subjects who were never dosed.
OF_A_PAGE = ("reference", "meddra", "whodrug", "never_dosed", "never_dosed_days")


def words_of(trial: Any, names: Collection[str] = tuple(VALUES)) -> dict[str, str]:
    """Every value of the trial that is named as the words for it; not those of sections the trial does not have."""
    told = {name: tell(trial) for name, tell in VALUES.items() if name in names}
    return {name: words for name, words in told.items() if words is not None}


def words_of_arm(arm: Arm) -> dict[str, str]:
    """What the label of an arm may name: its column and its dose."""
    dose = arm.dose_per_infusion_e6_cells_per_kg
    return {"column": arm.column, **({} if dose is None else {"dose": f"{dose}"})}


def words_of_phase(phase: Any) -> dict[str, str]:
    """What the design of a phase may name: how many infusions it plans."""
    return {"infusions": str(len(phase.infusions))}
