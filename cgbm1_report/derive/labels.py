"""The subject variables records repeat; order and labels of columns, as schemas/ declares them."""

from __future__ import annotations

from typing import Final

import pandas as pd

from cgbm1_report.protocol.schema import schema_labels
from cgbm1_report.read.labels import Labels

#: Subject variables repeated in every record of an occurrence dataset (ADAE, ADCE, …).
OCCURRENCE_SUBJECT: Final = (
    *("STUDYID", "USUBJID", "SITEID", "PHASE", "TRTP", "TRTPN", "TRTA", "TRTAN", "AGE", "SEX"),
    *("SCRNFL", "RANDFL", "SAFFL", "FASFL", "PPROTFL", "DLTEVFL", "TRTSDT", "TRTEDT", "ANCHDT"),
)

#: Subject variables repeated in every record of a BDS dataset (ADLB, ADTTE, …).
BDS_SUBJECT: Final = (
    *("STUDYID", "USUBJID", "SITEID", "PHASE", "TRTP", "TRTPN", "TRTA", "TRTAN"),
    *("SAFFL", "FASFL", "PPROTFL", "TRTSDT"),
)


def add_labels(frame: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Order the columns as the dataset's schema declares them and write their labels into ``attrs["labels"]``.

    A column the schema does not declare stays, behind the declared ones, under its own name. Asked once, of what
    is derived: pandas copies attributes with every step.
    """
    labels = schema_labels(dataset)
    known = [name for name in labels if name in frame.columns]
    names = known + [str(name) for name in frame.columns if name not in labels]
    ordered = frame.copy(deep=False) if names == list(frame.columns) else frame[names]
    ordered.attrs = {**frame.attrs, "labels": Labels({name: labels.get(name, name) for name in names})}
    return ordered
