"""Rules about what must be there at all: records, results in a column, readable text, one subject per number.

A dataset without records and a column without a value pass every check of a record. Which of them
no study has is declared in schemas/: ``rows`` (after how many subjects a dataset has records) and
``filled`` (columns that have a value somewhere).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from cgbm1_report.errors import number_of
from cgbm1_report.protocol.schema import has_schema, read_schema, schema_datasets
from cgbm1_report.validate.rules import adam_rule, rule
from cgbm1_report.validate.source import Source, record_findings
from cgbm1_report.validate.supplied import Supplied

#: So many records without one value are no chance: the column was lost.
LOST = 10
REDELIVER = "deliver the dataset again, whole"
#: So many parameters tell what a dataset is.
MANY = 6
#: So many subjects are named in one finding about a whole dataset.
NAMED = 5


def whole_finding(dataset: str, variable: str, message: str, severity: str | None = None) -> pd.DataFrame:
    """One finding about a dataset or a variable as a whole, for a rule that says what mends it."""
    finding = {"usubjid": None, "key": "", "dataset": dataset, "variable": variable, "value": None, "message": message}
    return pd.DataFrame([{**finding, "severity": severity}])


def name_some(subjects: Sequence[str]) -> str:
    """The first of these subjects, and how many more there are."""
    return ", ".join(subjects[:NAMED]) + (f" and {len(subjects) - NAMED:,} more" if len(subjects) > NAMED else "")


def parameters_without(given: Supplied, dataset: str, variable: str) -> pd.Series:
    """Records of parameters that have no value of a variable, where other parameters of the dataset have one."""
    told = given.column(dataset, variable).notna()
    if not given.has(dataset, "PARAMCD") or told.all() or not told.any():
        return pd.Series(False, index=told.index)
    return ~told.groupby(given.column(dataset, "PARAMCD"), dropna=False).transform("any").astype(bool)


def say_parameters_without(given: Supplied, dataset: str, variable: str, records: pd.Series) -> pd.DataFrame:
    """One finding for each parameter of these records: its subjects have lacked the variable together."""
    counted = given.column(dataset, "PARAMCD")[records].value_counts().sort_index()
    parts = [
        whole_finding(
            dataset,
            variable,
            f"{code} has no {variable} in any record, other parameters have it; ADSL has one for {number_of(int(count), 'record')}",
        )
        for code, count in counted.items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def dosed_subjects(source: Source) -> set[str]:
    """Subjects that EX or DM says were dosed; either of the two may have lost its records."""
    dosed = set(source.column("EX", "USUBJID").dropna())
    for variable in ("RFXSTDTC", "RFSTDTC", "ACTARMCD"):
        dosed |= set(source.column("DM", "USUBJID")[source.column("DM", variable).notna()].dropna())
    return dosed


@rule("V02", "E", "datasets no study does without have records", REDELIVER, reads="whole")
def datasets_have_records(source: Source) -> Iterator[pd.DataFrame]:
    """Datasets without a record after as many subjects as ``rows`` in schemas/ says.

    Of records that come with every tenth subject at the latest, none after the first is a question.
    """
    counts = {"screened": source.column("DM", "USUBJID").nunique(), "dosed": len(dosed_subjects(source))}
    for name in schema_datasets("sdtm"):
        needed = read_schema(name).get("rows")
        if needed is None or name not in source.sdtm or len(source.sdtm[name]):
            continue
        ((who, least),) = needed.items()
        if counts[who] >= least:
            yield whole_finding(name, "", f"the dataset has no record, after {number_of(counts[who], 'subject')} {who}")
        elif counts[who]:
            yield whole_finding(name, "", f"the dataset has no record after {number_of(counts[who], 'subject')} {who}", "W")


def _without_a_value(frame: pd.DataFrame, dataset: str) -> Iterator[pd.DataFrame]:
    """Columns that schemas/ wants ``filled`` and that have no value in the records they are meant for."""
    for wanted in read_schema(dataset).get("filled", ()) if has_schema(dataset) else ():
        name, where = wanted["column"], wanted.get("where")
        if name not in frame:
            continue
        meant = frame[f"{dataset}STAT"].isna() if f"{dataset}STAT" in frame else pd.Series(True, index=frame.index)
        if where:
            meant &= frame[where].isin(wanted["among"]) if where in frame else False
        count = int(meant.sum())
        if count >= LOST and not frame.loc[meant, name].notna().any():
            told = f" where {where} is {' or '.join(map(str, wanted['among'][:3]))}" if where else ""
            yield whole_finding(dataset, name, f"has no value in any of {number_of(count, 'record')}{told}", wanted.get("severity"))


@rule("V02", "E", "no column has lost its values", "deliver the dataset again with the values of the column", reads="whole")
def columns_have_values(source: Source) -> Iterator[pd.DataFrame]:
    """Columns of SDTM without any value."""
    for name, frame in source.sdtm.items():
        yield from _without_a_value(frame, name)


@adam_rule("V02", "E", "no column has lost its values", "deliver the dataset again with the values of the column")
def analysis_columns_have_values(given: Supplied) -> Iterator[pd.DataFrame]:
    """Columns of ADaM without any value."""
    for name, frame in given.adam.items():
        yield from _without_a_value(frame, name)


@rule("V02", "I", "every dataset is known", "none, if nothing is to be reported from it; else rename it", reads="whole")
def datasets_are_known(source: Source) -> Iterator[pd.DataFrame]:
    """Datasets that schemas/ does not describe: nothing reads them."""
    for name in source.sdtm:
        if not has_schema(name):
            yield whole_finding(name, "", "no schema describes the dataset; its records are not used")


@adam_rule(
    "V02",
    "W",
    "every analysis dataset is read",
    "name it in trial.yaml as the dataset that outputs read it as, `datasets: {adlb: labs}`, or leave it out of the cut",
    studies="any",
)
def analysis_datasets_are_read(given: Supplied) -> Iterator[pd.DataFrame]:
    """Supplied datasets that schemas/ does not describe and that trial.yaml gives no name of ours: nothing is made of them."""
    for name, frame in given.delivered.items():
        if not has_schema(name):
            held = ", ".join(frame["PARAMCD"].dropna().unique()[:MANY]) if "PARAMCD" in frame else ""
            known = ", ".join(schema_datasets("adam"))
            told = "nothing reads the dataset" + (f", which holds PARAMCD {held}" if held else "") + f"; outputs read {known}"
            yield whole_finding(name, "", told)


@rule("V03", "E", "a screening number stands once at a site", "keep one USUBJID per subject")
def screening_numbers_stand_once(source: Source) -> Iterator[pd.DataFrame]:
    """One SITEID and SUBJID under two USUBJID: the subject would be counted twice."""
    frame = source.sdtm.get("DM")
    if frame is None:
        return
    table = source.table("DM", "SITEID", "SUBJID")
    complete = table.notna().all(axis="columns")
    keys = ["SITEID", "SUBJID"]
    several = table[complete].groupby(keys)["USUBJID"].nunique()
    count = several.reindex(pd.MultiIndex.from_frame(table[keys])).set_axis(table.index)
    message = "subject " + table["SUBJID"] + " of site " + table["SITEID"] + " has more than one USUBJID"
    yield record_findings(frame, "DM", complete & (count > 1), "SUBJID", message)


def garbled(text: str) -> str:
    """What is wrong with the letters of a text; empty where nothing is.

    ``lost``: a replacement character stands for letters nobody can bring back. ``utf-8``: UTF-8 was
    read as Windows-1252 (``Ã©`` for é). ``gbk``: Chinese in GBK was read as Latin-1 (``·¢ÈÈ``).
    ``control``: a control character.
    """
    if "\N{REPLACEMENT CHARACTER}" in text:
        return "lost"
    if any((letter < " " and letter not in "\t\n\r") or "\x7f" <= letter < "\xa0" for letter in text):
        return "control"
    for encoding in ("cp1252", "latin-1"):
        try:
            if text.encode(encoding).decode("utf-8") != text:
                return "utf-8"
        except UnicodeError:
            continue
    return "gbk" if _reads_as_chinese(text) else ""


def _reads_as_chinese(text: str) -> bool:
    """Two or more pairs of Latin-1 letters in a row, nothing else beyond ASCII, that are Chinese in GB 2312."""
    runs = "".join(letter if letter >= "\xa1" else " " for letter in text).split()
    if not runs or any(len(run) % 2 or len(run) < 4 for run in runs):
        return False
    try:
        read = "".join(run.encode("latin-1").decode("gb2312") for run in runs)
    except UnicodeError:
        return False
    return all("\u4e00" <= letter <= "\u9fff" for letter in read)


_GARBLED = {
    "lost": ("E", "holds a replacement character: letters were lost in an earlier conversion"),
    "utf-8": ("E", "is UTF-8 that was read in another encoding"),
    "gbk": ("E", "is Chinese in GBK that was read as Latin-1"),
    "control": ("W", "holds a control character"),
}


#: The distinct texts of every text variable, by dataset.
Texts = Mapping[str, Mapping[str, list[str]]]


def _variables(texts: Texts) -> Iterator[tuple[str, str, list[str]]]:
    for dataset, variables in texts.items():
        for name, values in variables.items():
            yield dataset, name, values


def _garbled_records(frames: Mapping[str, pd.DataFrame], texts: Texts) -> Iterator[pd.DataFrame]:
    for dataset, name, values in _variables(texts):
        strange = {text: kind for text in values if not (text.isascii() and text.isprintable()) and (kind := garbled(text))}
        if not strange:
            continue
        kinds = frames[dataset][name].map(strange)
        for kind in sorted(set(strange.values())):
            severity, message = _GARBLED[kind]
            yield record_findings(frames[dataset], dataset, kinds == kind, name, message, severity=severity)


_READABLE: dict[str, Any] = {
    "severity": "E",
    "title": "text is readable",
    "remedy": "export the dataset again, all of it in UTF-8",
}


@rule("V02", **_READABLE)
def text_is_readable(source: Source) -> Iterator[pd.DataFrame]:
    """Text of SDTM that came through another encoding than its own."""
    return _garbled_records(source.sdtm, source.texts)


@adam_rule("V02", **_READABLE)
def analysis_text_is_readable(given: Supplied) -> Iterator[pd.DataFrame]:
    """The same of ADaM."""
    return _garbled_records(given.adam, given.texts)


#: What other programs write for a missing value, and which: never a blank by itself, and a word to everybody else.
_WORDS = {
    "NA": "R",
    "<NA>": "pandas",
    "NaN": "pandas",
    "nan": "pandas",
    "NaT": "pandas",
    "None": "Python",
    "NULL": "SQL",
    "null": "SQL",
    "#N/A": "a spreadsheet",
    ".": "SAS",
}


def _word_records(frames: Mapping[str, pd.DataFrame], texts: Texts) -> Iterator[pd.DataFrame]:
    for dataset, name, values in _variables(texts):
        for word in sorted(_WORDS.keys() & set(values)):
            count = int((frames[dataset][name] == word).sum())
            message = f"is {word} in {number_of(count, 'record')}: so {_WORDS[word]} writes a missing value"
            yield whole_finding(dataset, name, message)


_MISSING: dict[str, Any] = {
    "severity": "W",
    "title": "no text is another program's word for a missing value",
    "remedy": "write a missing text as nothing, or confirm the word",
}


@rule("V02", **_MISSING)
def texts_are_no_missing_values(source: Source) -> Iterator[pd.DataFrame]:
    """Text of SDTM that is NA, NULL and the like: listed as a term where nothing was recorded."""
    return _word_records(source.sdtm, source.texts)


@adam_rule("V02", **_MISSING)
def analysis_texts_are_no_missing_values(given: Supplied) -> Iterator[pd.DataFrame]:
    """The same of ADaM."""
    return _word_records(given.adam, given.texts)
