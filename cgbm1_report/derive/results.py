"""Results of the findings domains: which of them are parameters, and the records they begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from cgbm1_report.derive.domains import take_domain
from cgbm1_report.derive.units import check_units, standard_units
from cgbm1_report.derive.windows import read_dates
from cgbm1_report.distinct import map_text
from cgbm1_report.protocol.trial import Trial


def take_results(
    sdtm: Mapping[str, pd.DataFrame],
    domain: str,
    dataset: str,
    trial: Trial,
    text: Iterable[str] = (),
    numbers: Iterable[str] = (),
) -> pd.DataFrame:
    """Results of a findings domain that are parameters of an analysis dataset, with PARAMCD.

    Tests trial.yaml declares for no parameter of the dataset are left out, and so are those not done.
    An absent domain gives no rows.

    Parameters
    ----------
    sdtm
        The domain.
    domain
        Two letters of the domain.
    dataset
        Name of the analysis dataset.
    trial
        Parameters with their test codes and units.
    text, numbers
        Variables beside --TESTCD, --STAT, --DTC, --SEQ, VISIT and VISITNUM.

    Raises
    ------
    ReportError
        --STRESU is among the variables, and a result states another unit than the declared one.
    """
    test, status = f"{domain}TESTCD", f"{domain}STAT"
    found = take_domain(sdtm, domain, (test, status, f"{domain}DTC", "VISIT", *text), (f"{domain}SEQ", "VISITNUM", *numbers))
    declared = {one.testcd or name: name for name, one in trial.parameters.items() if one.dataset == dataset}
    found["PARAMCD"] = map_text(found[test], declared)
    found = found[found["PARAMCD"].notna() & found[status].isna()]
    if f"{domain}STRESU" in found:
        check_units(found, domain, map_text(found[test], standard_units(trial, dataset)))
    return found


def start_records(results: pd.DataFrame, domain: str, source: str | pd.Series) -> pd.DataFrame:
    """What an analysis record of a result begins with: subject, parameter, visit, date and time, and where it comes from.

    Parameters
    ----------
    results
        As `take_results` gives them.
    domain
        Two letters of the domain.
    source
        SRCVAR: the variable that holds the value, of all results or of each.
    """
    records = results[["USUBJID", "PARAMCD", "VISIT", "VISITNUM"]]
    dates = read_dates(results, f"{domain}DTC")
    told = {"SRCDOM": domain, "SRCVAR": source}
    texts = {name: pd.Series(value, index=results.index, dtype="str") for name, value in told.items()}
    return records.assign(**texts, SRCSEQ=results[f"{domain}SEQ"], ADT=dates["ADT"], ADTM=dates["ADTM"])
