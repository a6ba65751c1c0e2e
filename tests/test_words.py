"""What outputs print in words: abbreviations are spelt out below them, signs are typographic, one name per analyte."""

from __future__ import annotations

import re

import pytest

from cgbm1_report.emit.layout import notes
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.protocol.schema import read_schema, schema_datasets
from cgbm1_report.protocol.wording import print_unit
from cgbm1_report.tabulate.abbreviations import drawn_words, find_abbreviations, say_coded
from cgbm1_report.tabulate.make import printed_words
from cgbm1_report.tabulate.table import Output
from tests.drawn import our_trial, stamp_of
from tests.test_snapshots import derive_whole, make_whole

TRIAL = our_trial()
_UPPER = re.compile(r"(?<![\w])([A-Z][A-Z0-9]+)s?(?!\w)")
#: No abbreviations: units, subjects and medications of the drawn study, the study and its product; numbers of outputs and assumptions; the flags by
#: which the appendix on methods and the source line name an analysis set; the program SAS; and Roman numerals, and the
#: concentration C15, in words of the registry record.
_NO_ABBREVIATION = re.compile(
    r"\b(IU/mL|NCT\d+(-\d\d-\d+)?|S\d-\d+|CG-BM1|[TFLA]\d[\d.]*[a-g]?|[A-Z]+FL(?= = Y)|SAS|P\d-[A-Z]{3}-\d+|(?<== )[A-Z]+|II|C15|Phase II|ENTECAVIR|ALBUMIN HUMAN|ACETYLSALICYLIC ACID)\b"
)

#: Appendices that name datasets and variables, their labels and codes as the data have them: what they define are no words of ours.
_NAMES_OF_THE_DATA = ("A16.1.9a", "A16.1.9b")


@pytest.fixture(scope="module")
def outputs() -> dict[str, Output]:
    """Every output of the study of the pages, phase 2 also blinded, and of a dose group of each phase: they say the same words."""
    made = {}
    for number, entry in catalogue(TRIAL).items():
        made[number] = make_whole("full", number)
        if TRIAL.phases[entry.phase].blinded:
            made[f"{number} pooled"] = make_whole("blinded", number)
    adam, _ = derive_whole("full")
    for arm in (TRIAL.arms_of(phase)[0] for phase in TRIAL.phases):
        for number, entry in catalogue(TRIAL, scope="dose group").items():
            if entry.phase == arm.phase and entry.declared.scope == "dose group":
                made[f"{number} {arm.armcd}"] = make_whole("full", number)
            elif entry.phase == arm.phase:
                made[f"{number} {arm.armcd}"] = make(entry, TRIAL, adam, stamp_of(TRIAL), dose_group=arm.armcd)
    return made


def source_of(output: Output) -> str:
    """The line that names data and program; what an output is linked with stands below it."""
    return next(line for line in notes(output) if "Program: " in line)


def test_no_output_prints_an_abbreviation_that_is_not_spelt_out(outputs):
    declared = {part for short in TRIAL.abbreviations for part in re.split(r"\W", short)}
    # Appendices name what they define and derive: datasets, variables and parameters.
    named = {
        name
        for dataset in (*schema_datasets("sdtm"), *schema_datasets("adam"))
        for name in (dataset, *read_schema(dataset)["columns"])
    } | set(TRIAL.parameters)
    strange = {
        (number, token)
        for number, output in outputs.items()
        if not number.startswith(_NAMES_OF_THE_DATA)
        for text in printed_words(output)
        for token in _UPPER.findall(_NO_ABBREVIATION.sub("", text))
        if token not in declared and not (number.startswith("A") and token in named)
    }
    assert strange == set()


def test_every_abbreviation_printed_is_in_the_notes_of_its_output(outputs):
    survival = next(line for line in notes(outputs["T14.2.1.2"]) if line.startswith("Abbreviations"))
    assert survival == "Abbreviations: CI, confidence interval; HR, hazard ratio; KM, Kaplan–Meier; NE, not estimable."
    # What is not printed is not explained: phase 1 compares nothing.
    assert "HR" not in outputs["T14.2.1.1"].abbreviations
    assert not outputs["T14.1.1.1"].abbreviations
    # Drawn in the picture alone.
    assert "MELD" in outputs["F14.2.4.1 P1LOW"].abbreviations


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Related TEAEs", ["TEAE"]),  # a plural
        ("TEAE of grade 3", ["TEAE"]),
        ("CLIF-C OF score", ["CLIF-C OF"]),  # the longest that fits, not OF
        ("DLT-evaluable", ["DLT"]),
        ("Ne pas; ne; NEAR; ALTO", []),  # whole words, in their case
        ("ALT and AST, again ALT", ["ALT", "AST"]),
    ],
)
def test_abbreviations_are_whole_words_in_their_case(text, found):
    words = dict.fromkeys(("OF", "CLIF-C OF", "TEAE", "NE", "ALT", "AST", "DLT"), "x")
    assert list(find_abbreviations([text], words)) == found


def test_a_listing_spells_out_its_heads_and_notes_and_never_what_a_site_has_typed(outputs):
    listing = outputs["L16.2.7.1.1"]
    assert "SAE" in listing.abbreviations
    words = list(printed_words(listing))
    assert listing.rows
    assert not {text for row in listing.rows for text in row.cells.values() if " / " in text} & set(words)


#: Signs that ASCII stands in for, and ranges with a hyphen; dates and names of subjects have hyphens of their own.
_ASCII_SIGNS = re.compile(r">=|<=|\^|\bumol|\bug/|\d ?x ?10|(?<![\d-])\d+-\d+(?![\d-])|log\(-|day -\d|m2\b|Kaplan-|->")


def test_signs_are_typographic_in_every_word_of_ours(outputs):
    wrong = {
        (number, text)
        for number, output in outputs.items()
        if not number.startswith(_NAMES_OF_THE_DATA)
        for text in (*printed_words(output), *((output.alt,) if output.kind == "figure" else ()))
        if _ASCII_SIGNS.search(_NO_ABBREVIATION.sub("", text)) and not re.fullmatch(r"[-\d.,() %<>]+", text)
    }
    assert wrong == set()


def test_our_words_are_british(outputs):
    words = {text for output in outputs.values() for text in (output.title, output.population, *output.footnotes)}
    words |= {row.label for number, output in outputs.items() if number.startswith(("T14.1", "T14.2.5")) for row in output.rows}
    assert [
        text for text in words if re.search(r"(?i)\w(ize[ds]?|izing|ization)\b|\bedema|hemo|hemorr|natremi|tumor\b", text)
    ] == []


@pytest.mark.parametrize(
    ("unit", "printed"),
    [
        ("umol/L", "µmol/L"),
        ("ug/L", "µg/L"),
        ("10^9/L", "10⁹/L"),
        ("10^6 cells/kg", "10⁶ cells/kg"),
        ("xULN", "× ULN"),
        ("log10 IU/mL", "log₁₀ IU/mL"),
        ("C", "°C"),
        ("U/L", "U/L"),
        ("cup/L", "cup/L"),
        ("Low 1.0x10^6 cells/kg", "Low 1.0×10⁶ cells/kg"),
    ],
)
def test_units_of_the_data_are_printed_with_their_signs(unit, printed):
    assert print_unit(unit) == printed


def test_an_analyte_has_one_name_in_titles_heads_and_rows(outputs):
    name = TRIAL.parameter("BILI").name
    assert outputs["T14.2.15.1"].title.startswith(name)
    assert outputs["T14.2.15.1"].stub_label.startswith(f"{name} (µmol/L)\n")
    assert f"{name} (µmol/L)" in {row.label for row in outputs["T14.3.4.1.1"].rows}
    assert f"{name}\n(µmol/L)" in {column.label for column in outputs["L16.2.6.4.1"].columns}
    assert name in " ".join(drawn_words(outputs["F14.2.4.1 P1LOW"].svg))


def test_heads_name_dose_and_number_of_subjects_and_listings_say_the_doses(outputs):
    assert [column.heading for column in outputs["T14.3.1.1.2"].columns][:2] == ["Placebo\n(N=1)", "Low\n1.0×10⁶ cells/kg\n(N=1)"]
    assert "Dose per infusion: Low 1.0×10⁶ cells/kg; Medium 2.0×10⁶ cells/kg." in outputs["L16.2.7.1.2"].footnotes
    blind = outputs["L16.2.7.1.2 pooled"]
    assert not [text for text in printed_words(blind) if "cells/kg" in text or "Medium" in text]


def test_what_names_the_program_says_that_its_data_were_blinded(outputs):
    assert [source_of(outputs[number]).endswith(", blinded data") for number in ("T14.2.1.2", "T14.2.1.2 pooled")] == [False, True]
    # What tells the protocol has no data to be blind of.
    assert not source_of(outputs["A16.1.9.2 pooled"]).endswith("blinded data")


def test_the_source_names_data_and_selection_and_the_program_the_output(outputs):
    assert re.fullmatch(
        r"Source: ADTTE, ADSL; FASFL = Y, PARAMCD = LTFS; Program: survival T14\.2\.1\.2, cgbm1-report \S+",
        source_of(outputs["T14.2.1.2"]),
    )


def test_a_figure_without_intervals_and_comparisons_says_nothing_of_them(outputs):
    for number in ("F14.2.1.1", "F14.2.1.2"):
        assert not re.search(r"CI|log-rank|Cox|Greenwood", " ".join(outputs[number].footnotes))


@pytest.mark.parametrize(
    ("coded", "said"), [("MTD NOT REACHED", "MTD not reached"), ("ENROL 3", "Enrol 3"), ("ESCALATE", "Escalate")]
)
def test_a_coded_decision_is_said_in_words(coded, said):
    assert say_coded(coded, TRIAL.abbreviations) == said
