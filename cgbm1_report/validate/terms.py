"""Rules about coded terms: one term has one spelling, one code one term, and a term one place in its dictionary.

Spellings of one term (letter case, blanks, full-width letters) are counted together in every table, so
they are a question. Two terms of one code are two rows, each with too few subjects: an error. So is a term that stands
in two places. In one version of MedDRA a lowest level term has exactly one preferred term, and that one primary system
organ class: of two one is a slip, and nothing in a table would tell that an event is counted in another row. What two
datasets say is not compared: the history may be coded in an earlier version than the events.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.distinct import fold_text, unite_spellings
from cgbm1_report.validate.rules import adam_rule, rule
from cgbm1_report.validate.source import Source, as_text, record_findings
from cgbm1_report.validate.supplied import Supplied

#: Ends of the names of variables that hold a term of a dictionary: AEDECOD, MHBODSYS, CMCLAS.
TERMS = ("DECOD", "BODSYS", "SOC", "LLT", "HLT", "HLGT", "CLAS")
#: Ends of the names of a code and its term, and what two terms of one code are: rows of tables (E), or names (W).
CODES = {
    ("PTCD", "DECOD"): "E",
    ("BDSYCD", "BODSYS"): "E",
    ("SOCCD", "SOC"): "E",
    ("LLTCD", "LLT"): "W",
    ("HLTCD", "HLT"): "W",
    ("HLGTCD", "HLGT"): "W",
    ("CLASCD", "CLAS"): "W",
    ("TESTCD", "TEST"): "W",
}
#: A lowest level term, told by its name or else by its code alone.
LOWEST = ("LLT", "LLTCD")
#: What a preferred term stands under: the class that tables have rows of, and the primary one. Medications stand in several.
PARENTS = ("BODSYS", "SOC")
#: Codes of analysis datasets whose names tell the unit (PARAM), and those of classes.
ANALYSIS_CODES = {("PARAMCD", "PARAM"): "E", **{(f"ATC{level}CD", f"ATC{level}"): "W" for level in range(1, 5)}}

_ADVICE = "correct the coding, or export the dictionary's own spelling"
_ONE_TERM = ("a lowest level term has one preferred term", "code the term anew, with one version of the dictionary")
_ONE_CLASS = ("a preferred term stands under one system organ class", "code the term with its primary system organ class")


def _named(frame: pd.DataFrame, end: str) -> list[str]:
    """Variables of a dataset that end so after a domain's two letters."""
    return [str(name) for name in frame.columns if len(str(name)) == len(end) + 2 and str(name).endswith(end)]


def _spelt_otherwise(frame: pd.DataFrame, dataset: str) -> Iterator[pd.DataFrame]:
    """One finding per spelling beside the most frequent one, at its first record."""
    for variable in [name for end in TERMS for name in _named(frame, end)]:
        term = as_text(frame[variable])
        others = unite_spellings(term)
        if others:
            rows = term.isin(list(others)) & ~term.duplicated()
            count = term.map(term.value_counts()).astype("str").str.removesuffix(".0")
            message = "'" + term + "' (records: " + count + ") is '" + term.map(others).astype("str") + "' in another spelling"
            yield record_findings(frame, dataset, rows, variable, message + "; they are counted together")


def _several(frame: pd.DataFrame, dataset: str, one: str, many: str, severity: str | None = None) -> Iterator[pd.DataFrame]:
    """One finding per further value of ``many`` for one value of ``one``, at its first record; spellings are one value.

    Further are those that fewer records have than the most frequent one: that is what the others are thought to be.
    """
    every = pd.DataFrame({"ONE": as_text(frame[one]), "MANY": as_text(frame[many])}).dropna()
    table = every.drop_duplicates()
    table = table.assign(KEY=table["ONE"].map(fold_text), FOLDED=table["MANY"].map(fold_text))
    if not table.drop_duplicates(["KEY", "FOLDED"])["KEY"].duplicated().any():
        return
    counted = every.value_counts(sort=False).rename("N").reset_index()
    table = table.reset_index().merge(counted, on=["ONE", "MANY"]).set_index("index").sort_index()
    table = table.assign(N=table.groupby(["KEY", "FOLDED"])["N"].transform("sum")).drop_duplicates(["KEY", "FOLDED"])
    table = table.sort_values("N", ascending=False, kind="stable")
    first = table.drop_duplicates("KEY").set_index("KEY")["MANY"]
    further = table[table["KEY"].duplicated()].sort_index()
    if len(further):
        message = (
            f"{one} " + further["ONE"] + " is '" + further["MANY"] + "' here and '" + further["KEY"].map(first) + "' elsewhere"
        )
        rows = pd.Series(frame.index.isin(further.index), index=frame.index)
        yield record_findings(frame, dataset, rows, many, message.reindex(frame.index), severity=severity)


def _under_two_terms(frame: pd.DataFrame, dataset: str) -> Iterator[pd.DataFrame]:
    for term in _named(frame, "DECOD"):
        lowest = next((term[:2] + end for end in LOWEST if term[:2] + end in frame.columns), None)
        if lowest is not None:
            yield from _several(frame, dataset, lowest, term)


def _under_two_classes(frame: pd.DataFrame, dataset: str) -> Iterator[pd.DataFrame]:
    for term in _named(frame, "DECOD"):
        for parent in (term[:2] + end for end in PARENTS if term[:2] + end in frame.columns):
            yield from _several(frame, dataset, term, parent)


@rule("V02", "W", "a coded term has one spelling", _ADVICE)
def terms_have_one_spelling(source: Source) -> Iterator[pd.DataFrame]:
    """Terms that differ in letter case, blanks or full-width letters only; British and American spellings are two terms."""
    for name, frame in source.sdtm.items():
        yield from _spelt_otherwise(frame, name)


@rule("V02", "E", "a code has one term, and a term one code", _ADVICE)
def codes_have_one_term(source: Source) -> Iterator[pd.DataFrame]:
    """Two terms of one code: an error where terms are rows of tables, else a question; two codes of one term are a question."""
    for name, frame in source.sdtm.items():
        for (code_end, term_end), severity in CODES.items():
            code, term = f"{name}{code_end}", f"{name}{term_end}"
            if {code, term} <= set(frame.columns):
                yield from _several(frame, name, code, term, severity)
                if name != "IE":  # a criterion of both phases has two codes and one text
                    yield from _several(frame, name, term, code, "W")


@rule("V02", "W", *_ONE_TERM)
def lowest_terms_have_one_term(source: Source) -> Iterator[pd.DataFrame]:
    """One lowest level term under two preferred terms: an event is counted in another row, and no table tells.

    It is a question: two versions of the dictionary may differ so, and a report for a safety review does not wait for coding.
    """
    for name, frame in source.sdtm.items():
        yield from _under_two_terms(frame, name)


@rule("V02", "W", *_ONE_CLASS)
def terms_stand_in_one_class(source: Source) -> Iterator[pd.DataFrame]:
    """One preferred term under two system organ classes: it is a row under each, with fewer subjects in both."""
    for name, frame in source.sdtm.items():
        yield from _under_two_classes(frame, name)


@adam_rule("V02", "W", "a coded term has one spelling", _ADVICE)
def analysis_terms_have_one_spelling(given: Supplied) -> Iterator[pd.DataFrame]:
    """The same of ADaM."""
    for name, frame in given.adam.items():
        yield from _spelt_otherwise(frame, name)


@adam_rule("V02", "W", *_ONE_TERM, studies="any")
def analysis_lowest_terms_have_one_term(given: Supplied) -> Iterator[pd.DataFrame]:
    """The same of ADaM."""
    for name, frame in given.adam.items():
        yield from _under_two_terms(frame, name)


@adam_rule("V02", "W", *_ONE_CLASS, studies="any")
def analysis_terms_stand_in_one_class(given: Supplied) -> Iterator[pd.DataFrame]:
    """The same of ADaM."""
    for name, frame in given.adam.items():
        yield from _under_two_classes(frame, name)


@adam_rule(
    "V02", "E", "a parameter has one name, a class one code", "keep parameters of other units apart by PARAMCD", studies="any"
)
def parameters_have_one_name(given: Supplied) -> Iterator[pd.DataFrame]:
    """Two PARAM of one PARAMCD, which tell two units under one code; other names of one code are a question."""
    for name, frame in given.adam.items():
        for (code, term), severity in ANALYSIS_CODES.items():
            if {code, term} <= set(frame.columns):
                yield from _several(frame, name, code, term, severity)
                yield from _several(frame, name, term, code, "W")
