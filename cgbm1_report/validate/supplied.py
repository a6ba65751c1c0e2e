"""Supplied ADaM as its rules see it: typed columns, and beside each record the one derived from SDTM."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from cgbm1_report.distinct import list_texts
from cgbm1_report.protocol.schema import has_schema, read_schema, variable_kind
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate.source import Source, as_text, record_findings

#: What a record of collected or computed values was made from; the time cannot be a key, it is checked itself.
SOURCE_KEYS = ("USUBJID", "PARAMCD", "SRCDOM", "SRCSEQ", "VISITNUM", "ATPTN")
#: The same for ADaM that does not name its sources.
VALUE_KEYS = ("USUBJID", "PARAMCD", "ADT", "ADTM", "VISITNUM", "LBNAM", "ATPTN")
#: Relative difference at which two numbers are two numbers; a transport file keeps 15 digits.
TOLERANCE = 1e-8
#: Rounding error of a difference, relative to what was subtracted.
ROUNDING = 1e-12


def numbers_differ(given: pd.Series, expected: pd.Series, tolerance: float = TOLERANCE) -> pd.Series:
    """Where two numbers are not one within a relative tolerance, or only one of them is there."""
    close = (given - expected).abs() <= tolerance * np.maximum(given.abs(), expected.abs())
    return ~close & ~(given.isna() & expected.isna())


def values_differ(given: pd.Series, expected: pd.Series) -> pd.Series:
    """Where two values of one kind differ, or only one of them is there."""
    if pd.api.types.is_numeric_dtype(given) and pd.api.types.is_numeric_dtype(expected):
        return numbers_differ(given, expected)
    same = (given == expected).fillna(False).astype(bool)
    return ~same & ~(given.isna() & expected.isna())


def _typed(frame: pd.DataFrame, dataset: str, variable: str) -> pd.Series:
    kind = variable_kind(dataset, variable)
    values = frame.get(variable)
    if values is None:
        values = pd.Series(np.nan, index=frame.index, dtype="float64")
    if kind == "number":
        number: pd.Series = pd.to_numeric(values, errors="coerce").astype("float64")
        return number
    if kind == "date":
        moment: pd.Series = pd.to_datetime(values, errors="coerce").astype("datetime64[s]")
        return moment
    return values.astype("str")


class Supplied:
    """ADaM a cut supplies, what the SDTM of the same cut gives instead, and that SDTM.

    Parameters
    ----------
    adam
        Supplied frames by upper-case name, counted from 0; anything may be wrong with them.
    trial
        The protocol.
    derived
        Frames derived from the SDTM of the same cut; none: only what ADaM says about itself is checked.
    source
        That SDTM; none: likewise.
    blinded
        Phases whose treatment was taken out of both.
    opened
        Subjects of whom nothing was taken out while a phase is blind.
    another
        Whether it is another study's ADaM, of which only the standard's own variables are known.
    delivered
        All that was supplied, where ``adam`` leaves out what nothing is made of.
    uneven
        By dataset and variable the parameters of parts that lack it where another part has it: reading has told it.
    """

    def __init__(
        self,
        adam: Mapping[str, pd.DataFrame],
        trial: Trial,
        derived: Mapping[str, pd.DataFrame] | None = None,
        source: Source | None = None,
        blinded: Collection[int] = (),
        opened: Collection[str] = (),
        *,
        another: bool = False,
        delivered: Mapping[str, pd.DataFrame] | None = None,
        uneven: Mapping[tuple[str, str], Collection[str]] | None = None,
    ) -> None:
        self.adam = dict(adam)
        self.derived = dict(derived or {})
        self.trial = trial
        self.source = source
        self.blinded = frozenset(blinded)
        self.opened = frozenset(opened)
        self.another = another
        self.delivered = dict(adam if delivered is None else delivered)
        self.uneven = dict(uneven or {})
        self._columns: dict[tuple[str, str, bool], pd.Series] = {}
        self._partners: dict[str, pd.Series] = {}
        self._subject_codes: dict[str, tuple[np.ndarray, pd.Index]] = {}

    def column(self, dataset: str, variable: str) -> pd.Series:
        """A variable of a supplied dataset, of the kind its schema says; all missing where it is not there."""
        return self._column(dataset, variable, derived=False)

    def _column(self, dataset: str, variable: str, derived: bool) -> pd.Series:
        place = (dataset, variable, derived)
        if place not in self._columns:
            frames = self.derived if derived else self.adam
            self._columns[place] = _typed(frames.get(dataset, pd.DataFrame()), dataset, variable)
        return self._columns[place]

    def has(self, dataset: str, *variables: str) -> bool:
        """Whether a dataset is supplied with these variables."""
        return dataset in self.adam and all(variable in self.adam[dataset] for variable in variables)

    def with_variables(self, *variables: str) -> list[str]:
        """Datasets with a schema that have all these variables."""
        return [name for name in self.adam if has_schema(name) and self.has(name, *variables)]

    def is_recomputed(self, dataset: str) -> bool:
        """Whether the SDTM gives this dataset, too."""
        return dataset in self.adam and dataset in self.derived

    @cached_property
    def texts(self) -> dict[str, dict[str, list[str]]]:
        """The distinct texts of every text variable, by dataset."""
        return list_texts(self.adam)

    @cached_property
    def subjects(self) -> pd.DataFrame:
        """Supplied ADSL, one row per subject: what rules about records need of it."""
        names = ("PHASE", "ANCHDT", "TRTSDT", "TRTSDTM", "DTHDT", "DTHDTF", "DTHFL", "LTDT", "LTFL", "SAFFL")
        table = pd.DataFrame({name: self.column("ADSL", name) for name in ("USUBJID", *names)})
        return table.dropna(subset=["USUBJID"]).drop_duplicates("USUBJID").set_index("USUBJID")

    def of_subject(self, dataset: str, values: pd.Series) -> pd.Series:
        """Values indexed by subject, one for each record of a dataset; missing for subjects ``values`` does not have."""
        if dataset not in self._subject_codes:
            self._subject_codes[dataset] = pd.factorize(self.column(dataset, "USUBJID"))
        codes, subjects = self._subject_codes[dataset]
        # Each subject is looked up once, not each record; a record without a subject (code -1) finds nothing.
        return values.reindex(subjects).reset_index(drop=True).reindex(codes).set_axis(self.adam[dataset].index)

    def of_blinded(self, dataset: str) -> pd.Series:
        """Records of subjects whose phase is blind."""
        return self.of_subject(dataset, self.subjects["PHASE"]).isin(self.blinded)

    def of_unseen(self, dataset: str, variable: str, origin: str = "") -> pd.Series:
        """Records of which blinding took the variable: what is empty there is not missing, and two of them are not alike by it.

        With ``origin`` those of whose subject it was taken from that dataset.
        """
        taken = bool(self.blinded) and variable not in self.trial.seen_of(origin or dataset)
        return taken & ~self.column(dataset, "USUBJID").isin(self.opened)

    def keys(self, dataset: str) -> list[str]:
        """Variables that name the source of a record in both the supplied and the derived dataset."""
        unique = [key for key in read_schema(dataset)["unique"] if key != "ASEQ"]
        if "AVISITN" not in read_schema(dataset)["columns"]:
            return unique
        named = self.column(dataset, "SRCSEQ").notna().any() or not self._column(dataset, "SRCSEQ", derived=True).notna().any()
        both = set(self.adam[dataset].columns) & set(self.derived[dataset].columns)
        return [key for key in (SOURCE_KEYS if named else VALUE_KEYS) if key in both]

    def _key_table(self, dataset: str, keys: Sequence[str], derived: bool) -> pd.DataFrame:
        table = pd.DataFrame({key: self._column(dataset, key, derived) for key in keys})
        if "VISITNUM" in table:
            table["VISITNUM"] = table["VISITNUM"].round(4)
        # Two records of one key are told apart by their order.
        return table.assign(_nth=table.groupby(list(keys), dropna=False).cumcount(), _row=range(len(table)))

    def partner(self, dataset: str) -> pd.Series:
        """Row of the derived dataset each supplied record corresponds to, missing where there is none."""
        if dataset not in self._partners:
            keys = self.keys(dataset)
            given, found = (self._key_table(dataset, keys, derived) for derived in (False, True))
            joined = given.merge(found, on=[*keys, "_nth"], how="left", suffixes=("", "_derived"))
            self._partners[dataset] = joined["_row_derived"].astype("float64")
        return self._partners[dataset]

    def recomputed(self, dataset: str, variable: str) -> pd.Series:
        """A variable as derived, for each supplied record; missing where none corresponds."""
        return self._column(dataset, variable, derived=True).reindex(self.partner(dataset)).set_axis(self.adam[dataset].index)

    def differs(self, dataset: str, variable: str) -> pd.Series:
        """Supplied records whose variable is not what the SDTM gives; never where either lacks the variable."""
        index = self.adam[dataset].index
        if variable not in self.adam[dataset] or variable not in self.derived.get(dataset, ()):
            return pd.Series(False, index=index)
        return values_differ(self.column(dataset, variable), self.recomputed(dataset, variable)) & self.partner(dataset).notna()

    def findings(
        self,
        dataset: str,
        wrong: pd.Series,
        variable: str,
        message: pd.Series | str,
        *,
        severity: str | None = None,
    ) -> pd.DataFrame:
        """One finding per supplied record where ``wrong`` is true; its key names the source record, too."""
        frame = self.adam[dataset]
        found = record_findings(frame, dataset, wrong, variable, message, severity=severity)
        if len(found) and {"SRCDOM", "SRCSEQ"} <= set(frame.columns):
            domain, sequence = (as_text(frame.loc[found.index, name]) for name in ("SRCDOM", "SRCSEQ"))
            found["key"] += (" of " + domain + " " + domain + "SEQ " + sequence).fillna("")
        return found

    def recomputed_findings(
        self,
        dataset: str,
        variables: Sequence[str],
        *,
        rows: pd.Series | None = None,
        severity: str | None = None,
    ) -> pd.DataFrame:
        """One finding per record of which one of the variables is not what the SDTM gives.

        The finding is placed at the first such variable and names them all; ``rows`` limits the records.
        """
        if not self.is_recomputed(dataset):
            return pd.DataFrame()
        differing = pd.DataFrame({variable: self.differs(dataset, variable) for variable in variables})
        if rows is not None:
            differing = differing[rows]
        differing = differing[differing.any(axis="columns")]
        if differing.empty:
            return pd.DataFrame()
        parts = []
        text, place = pd.Series("", index=differing.index, dtype="str"), differing.idxmax(axis="columns")
        for variable in variables:
            here = differing.index[differing[variable]]
            given, found = self.column(dataset, variable)[here], self.recomputed(dataset, variable)[here]
            words = variable + " is " + as_text(given).fillna("missing") + ", recomputed " + as_text(found).fillna("missing")
            text[here] = text[here].where(text[here] == "", text[here] + "; ") + words
        for variable in place.unique():
            wrong = pd.Series(False, index=self.adam[dataset].index)
            wrong[place.index[place == variable]] = True
            parts.append(self.findings(dataset, wrong, variable, text.reindex(wrong.index), severity=severity))
        return pd.concat(parts)
