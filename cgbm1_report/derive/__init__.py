"""Derives analysis datasets (ADaM) from tabulated data (SDTM).

`derive_adam` is the way in. What needs nothing but SDTM comes first; each later step gets what the
earlier ones gave, and no step looks forward:

subjects → infusions → events → toxicity → populations → laboratory → scores, vital signs → baselines →
survival; medication, history, procedures, deviations, criteria, antibodies and visits need the subjects alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from cgbm1_report.derive.blinding import blind_adam, blind_sdtm, find_open_subjects, tell_unseen
from cgbm1_report.derive.domains import add_subject_variables, check_required, take_domain, without_attributes
from cgbm1_report.derive.labels import add_labels
from cgbm1_report.derive.treatment import find_escalating
from cgbm1_report.protocol.trial import Trial

__all__ = ["blind_adam", "blind_sdtm", "derive_adam", "derive_escalating", "find_open_subjects", "tell_unseen"]


def derive_adam(
    sdtm: Mapping[str, pd.DataFrame],
    trial: Trial,
    cutoff: date | None,
    src_decisions: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:
    """All analysis datasets of one data cut.

    Parameters
    ----------
    sdtm
        SDTM frames by upper-case domain, supplemental qualifiers merged on. A domain that is absent
        has no records; treatment variables may be missing, as in a blinded phase, and then no
        treatment is derived.
    trial
        The protocol as data.
    cutoff
        Data cut-off: limits the last contact and the infusions that were due. None is no limit.
    src_decisions
        Decisions of the safety review committee. They enter no analysis dataset: a confirmed DLT is
        already in AEDLTSRC. What the rules recommend beside them, `escalation.derive_escalation` tells.

    Returns
    -------
    dict
        ADaM frames by upper-case name, each with ``attrs["labels"]``.

    Raises
    ------
    ReportError
        A required variable is not there, or an arm, dose, unit or complication is not declared in
        trial.yaml.
    """
    from cgbm1_report.derive.adeff import derive_adeff
    from cgbm1_report.derive.adlb import derive_adlb
    from cgbm1_report.derive.adlbhy import derive_adlbhy
    from cgbm1_report.derive.adsl import add_baselines
    from cgbm1_report.derive.adtte import derive_adtte
    from cgbm1_report.derive.advs import derive_advs

    check_required(sdtm)
    source = without_attributes(sdtm)
    adsl, adam = _derive_treated(source, trial, cutoff)
    adam["ADLB"] = derive_adlb(source, adsl, trial)
    adam["ADLBHY"] = derive_adlbhy(adam["ADLB"], adsl, trial)
    adam["ADEFF"] = derive_adeff(source, adam["ADLB"], adsl, trial)
    adam["ADVS"] = derive_advs(source, adsl, trial)
    adsl = add_baselines(adsl, adam["ADVS"], adam["ADLB"], adam["ADEFF"], trial)
    adam["ADTTE"] = derive_adtte(adsl, adam["ADAE"], adam["ADCE"], trial)
    adam |= _derive_from_subjects(source, adsl, trial, cutoff)
    return _complete(adsl, adam)


def derive_escalating(sdtm: Mapping[str, pd.DataFrame], trial: Trial, cutoff: date | None) -> dict[str, pd.DataFrame]:
    """ADSL, ADEX, ADAE, ADCE and ADDLT of the subjects of the dose escalation alone, as `derive_adam` gives them.

    What the escalation is judged by needs no other subject and no laboratory, so a large cut is checked without
    deriving all of it. Baselines of ADSL are missing. None where no phase escalates.

    Raises
    ------
    ReportError
        As `derive_adam`, of these subjects and datasets.
    """
    check_required(sdtm)
    source = without_attributes(sdtm)
    dm = take_domain(source, "DM", ("ARMCD",), ("SCRPHASE",))
    kept = find_escalating(dm, trial)
    own = {name: frame[frame["USUBJID"].isin(kept)] if "USUBJID" in frame else frame for name, frame in source.items()}
    return _complete(*_derive_treated(own, trial, cutoff))


def _derive_treated(
    source: Mapping[str, pd.DataFrame], trial: Trial, cutoff: date | None
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """ADSL with its populations, and the datasets that these need: exposure, events, toxicity."""
    from cgbm1_report.derive.adae import derive_adae
    from cgbm1_report.derive.adce import derive_adce
    from cgbm1_report.derive.addlt import derive_addlt
    from cgbm1_report.derive.adex import derive_adex, derive_exposure_summary
    from cgbm1_report.derive.adsl import add_exposure, add_populations, derive_subjects

    adsl = derive_subjects(source, trial, cutoff)
    exposure = derive_exposure_summary(source, adsl, trial, cutoff)
    adsl = add_exposure(adsl, exposure, trial)
    adam = {
        "ADEX": derive_adex(source, adsl, exposure, trial),
        "ADAE": derive_adae(source, adsl, trial),
        "ADCE": derive_adce(source, adsl, trial),
    }
    adam["ADDLT"] = derive_addlt(adam["ADAE"], adsl, trial)
    return add_populations(adsl, adam["ADEX"], adam["ADDLT"], source, trial), adam


def _complete(adsl: pd.DataFrame, adam: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    frames = {"ADSL": adsl, **{name: _refresh_populations(frame, adsl) for name, frame in adam.items()}}
    return {name: add_labels(frame, name) for name, frame in frames.items()}


def _derive_from_subjects(
    source: Mapping[str, pd.DataFrame], adsl: pd.DataFrame, trial: Trial, cutoff: date | None
) -> dict[str, pd.DataFrame]:
    """The datasets that need the subjects alone: medication, history, procedures, deviations, criteria, antibodies, visits."""
    from cgbm1_report.derive.adcm import derive_adcm
    from cgbm1_report.derive.addv import derive_addv
    from cgbm1_report.derive.adie import derive_adie
    from cgbm1_report.derive.adieck import derive_adieck
    from cgbm1_report.derive.adis import derive_adis
    from cgbm1_report.derive.adlbq import derive_adlbq
    from cgbm1_report.derive.admh import derive_admh
    from cgbm1_report.derive.adpr import derive_adpr
    from cgbm1_report.derive.adsv import derive_adsv

    criteria = derive_adie(source, adsl, trial)
    return {
        "ADCM": derive_adcm(source, adsl, trial),
        "ADMH": derive_admh(source, adsl),
        "ADPR": derive_adpr(source, adsl),
        "ADDV": derive_addv(source, adsl),
        "ADIE": criteria,
        "ADIECK": derive_adieck(source, adsl, criteria, trial, cutoff),
        "ADIS": derive_adis(source, adsl, trial),
        "ADLBQ": derive_adlbq(source, adsl, trial),
        "ADSV": derive_adsv(source, adsl, trial, cutoff),
    }


def _refresh_populations(frame: pd.DataFrame, adsl: pd.DataFrame) -> pd.DataFrame:
    """Give records made before the last populations were known their final flags."""
    flags = [name for name in ("PPROTFL", "DLTEVFL") if name in frame.columns]
    return add_subject_variables(frame, adsl, flags)
