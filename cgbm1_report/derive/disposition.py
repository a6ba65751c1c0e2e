"""Consent, enrolment, end of study, last known alive, death and transplant: the dates of one subject.

All functions take SDTM and give frames or series indexed by USUBJID.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.collected.procedures import TRANSPLANTATION
from cgbm1_report.derive.dates import DATE, impute_death, impute_start, parse_dtc
from cgbm1_report.derive.domains import flag, take_domain
from cgbm1_report.protocol.trial import OTHER_CAUSE, Trial

Sdtm = Mapping[str, pd.DataFrame]

#: Dates that prove a subject was alive: contacts, samples, measurements, doses.
_CONTACTS: Mapping[str, tuple[str, ...]] = {
    "SV": ("SVSTDTC", "SVENDTC"),
    "EX": ("EXSTDTC", "EXENDTC"),
    **{domain: (f"{domain}DTC",) for domain in ("LB", "MB", "VS", "RE", "RS", "IS", "XL")},
    "AE": ("AESTDTC",),
    "CE": ("CESTDTC",),
}


def _milestone(sdtm: Sdtm, decod: str) -> pd.Series:
    """First complete date of a disposition milestone, by subject."""
    ds = take_domain(sdtm, "DS", ("DSDECOD", "DSSTDTC"))
    ds = ds[ds["DSDECOD"] == decod]
    return parse_dtc(ds["DSSTDTC"])["date"].groupby(ds["USUBJID"]).min()


def derive_enrldt(sdtm: Sdtm, subjects: pd.Index) -> pd.Series:
    """ENRLDT: date of enrolment."""
    return _milestone(sdtm, "ENROLLED").reindex(subjects).astype(DATE)


def derive_randdt(sdtm: Sdtm, phase: pd.Series, randomised: tuple[int, ...]) -> pd.Series:
    """RANDDT: date of randomisation, in the randomised phases."""
    return _milestone(sdtm, "RANDOMIZED").reindex(phase.index).where(phase.isin(randomised)).astype(DATE)


def is_randomised(sdtm: Sdtm, subjects: pd.Index) -> pd.Series:
    """True for a subject whose randomisation is recorded, with a complete date or without."""
    ds = take_domain(sdtm, "DS", ("DSDECOD",))
    return pd.Series(subjects.isin(ds.loc[ds["DSDECOD"] == "RANDOMIZED", "USUBJID"]), index=subjects)


def _contact_dates(sdtm: Sdtm) -> pd.DataFrame:
    """Every complete date a subject was in contact with the study, long: USUBJID, date."""
    found: list[tuple[pd.Series, pd.Series]] = []
    for domain, variables in _CONTACTS.items():
        status, occurrence = f"{domain}STAT", f"{domain}OCCUR"
        records = take_domain(sdtm, domain, (*variables, status, occurrence))
        # A test not done and an event that did not occur carry a planned date or none: no contact.
        records = records[records[status].ne("NOT DONE") & records[occurrence].ne("N")]
        found += [(records["USUBJID"], records[name]) for name in variables]
    ss = take_domain(sdtm, "SS", ("SSTESTCD", "SSSTRESC", "SSDTC"))
    alive = ss[(ss["SSTESTCD"] == "SURVSTAT") & (ss["SSSTRESC"] == "ALIVE")]
    ds = take_domain(sdtm, "DS", ("DSDECOD", "DSSTDTC"))
    ended = ds[ds["DSDECOD"] != "DEATH"]
    found += [(alive["USUBJID"], alive["SSDTC"]), (ended["USUBJID"], ended["DSSTDTC"])]
    subjects = pd.concat([subject for subject, _ in found], ignore_index=True)
    dates = parse_dtc(pd.concat([text for _, text in found], ignore_index=True))["date"]
    return pd.DataFrame({"USUBJID": subjects, "date": dates})


def derive_lstalv0(sdtm: Sdtm, subjects: pd.Index, cutoff: date | None) -> pd.Series:
    """LSTALV0: the last date a subject is known alive by, the death itself left aside.

    The latest complete date, not after the data cut-off, of: survival contact ALIVE, visits,
    infusions, samples and measurements, dispositions other than death, starts of adverse and
    clinical events. Never an end date, a medication, or an imputed date.
    """
    contacts = _contact_dates(sdtm)
    if cutoff is not None:
        contacts = contacts[contacts["date"] <= pd.Timestamp(cutoff)]
    return contacts.groupby("USUBJID")["date"].max().reindex(subjects).astype(DATE)


def derive_dthdt(dm: pd.DataFrame, lstalv0: pd.Series) -> pd.DataFrame:
    """DTHFL, DTHDTC, DTHDT, DTHDTF: death, its date as collected and as analysed, what of it was imputed."""
    death = impute_death(dm["DTHDTC"], lstalv0)
    told = {"DTHFL": flag(dm["DTHFL"] == "Y"), "DTHDTC": dm["DTHDTC"], "DTHDT": death["date"], "DTHDTF": death["flag"]}
    return pd.DataFrame(told)


def derive_dthcaus(sdtm: Sdtm, subjects: pd.Index, trial: Trial) -> pd.DataFrame:
    """DTHCAUS, DTHCGR1: primary cause of death as recorded, and its group; OTHER where no group fits.

    A trial that declares no groups has the causes themselves, in capitals.
    """
    dd = take_domain(sdtm, "DD", ("DDTESTCD", "DDSTRESC", "DDORRES"), ("DDSEQ",))
    dd = dd[dd["DDTESTCD"] == "PRCDTH"].sort_values(["USUBJID", "DDSEQ"])
    cause = dd["DDSTRESC"].fillna(dd["DDORRES"]).groupby(dd["USUBJID"]).first().reindex(subjects).astype("str")
    said = cause.str.upper().str.strip().str.replace(r"\s+", " ", regex=True)
    group = pd.Series(OTHER_CAUSE, index=subjects, dtype="str").where(cause.notna()) if trial.causes_of_death else said
    for one in reversed(trial.causes_of_death):
        for word in one.words:
            group = group.mask(said.str.contains(word.upper(), regex=False, na=False), one.group)
    return pd.DataFrame({"DTHCAUS": cause, "DTHCGR1": group})


def derive_ltdt(sdtm: Sdtm, anchdt: pd.Series) -> pd.Series:
    """LTDT: date of the first liver transplantation on or after the anchor date.

    A partial date that may lie on the anchor date is put there: an earlier transplant excludes from
    the trial, so the transplant of such a month is taken to be the one after entry.
    """
    pr = take_domain(sdtm, "PR", ("PRDECOD", "PRSTDTC", "PROCCUR"))
    pr = pr[(pr["PRDECOD"] == TRANSPLANTATION) & pr["PROCCUR"].ne("N") & pr["PRSTDTC"].notna()]
    anchor = look_up(pr["USUBJID"], anchdt)
    done = impute_start(pr["PRSTDTC"], pd.Series(index=pr.index, dtype="str"), anchor)["date"]
    done = done.where(done >= anchor)
    return done.groupby(pr["USUBJID"]).min().reindex(anchdt.index).astype(DATE)


def _final_disposition(sdtm: Sdtm, subcategory: str, subjects: pd.Index) -> pd.DataFrame:
    """The last disposition event of a subcategory: status, date, reason; no rows give missing."""
    ds = take_domain(sdtm, "DS", ("DSDECOD", "DSCAT", "DSSCAT", "DSSTDTC"), ("DSSEQ",))
    # A disposition without subcategory speaks of the study.
    ds = ds[(ds["DSCAT"] == "DISPOSITION EVENT") & (ds["DSSCAT"].fillna("STUDY PARTICIPATION") == subcategory)]
    ds = ds.assign(date=parse_dtc(ds["DSSTDTC"])["date"]).sort_values(["date", "DSSEQ"], na_position="last")
    return ds.drop_duplicates("USUBJID", keep="last").set_index("USUBJID")[["DSDECOD", "date"]].reindex(subjects)


def _status(decod: pd.Series) -> pd.Series:
    status = pd.Series("DISCONTINUED", index=decod.index, dtype="str").mask(decod == "COMPLETED", "COMPLETED")
    return status.mask(decod.isna(), "ONGOING")


def derive_eosstt(sdtm: Sdtm, dm: pd.DataFrame, dthdt: pd.Series) -> pd.DataFrame:
    """EOSSTT, EOSDT, DCSREAS: how, when and why the subject left the study.

    No disposition event means ongoing, except in a screen failure, who is discontinued. The end by a
    death of partial date has the imputed date of death.
    """
    last = _final_disposition(sdtm, "STUDY PARTICIPATION", dm.index)
    ds = take_domain(sdtm, "DS", ("DSDECOD",))
    failed = dm.index.isin(ds.loc[ds["DSDECOD"] == "SCREEN FAILURE", "USUBJID"]) | dm["ARMNRS"].eq("SCREEN FAILURE")
    reason = last["DSDECOD"].mask(last["DSDECOD"].isna() & failed, "SCREEN FAILURE")
    failure = _milestone(sdtm, "SCREEN FAILURE").reindex(dm.index)
    ended = last["date"].fillna(failure).mask(reason.eq("DEATH") & last["date"].isna(), dthdt)
    status = _status(reason)
    return pd.DataFrame({"EOSSTT": status, "EOSDT": ended.astype(DATE), "DCSREAS": reason.where(status == "DISCONTINUED")})


def derive_eotstt(sdtm: Sdtm, dosed: pd.Series, dthdt: pd.Series) -> pd.DataFrame:
    """EOTSTT, EOTDT, DCTREAS: how, when and why treatment ended; missing when never dosed."""
    last = _final_disposition(sdtm, "STUDY TREATMENT", dosed.index)
    reason = last["DSDECOD"]
    ended = last["date"].mask(reason.eq("DEATH") & last["date"].isna(), dthdt)
    status = _status(reason)
    frame = pd.DataFrame({"EOTSTT": status, "EOTDT": ended.astype(DATE), "DCTREAS": reason.where(status == "DISCONTINUED")})
    return frame.where(dosed)
