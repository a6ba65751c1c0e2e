"""Makes the Table or Figure of a declaration: its body's numbers and layout with title, notes, source line, results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from cgbm1_report.analyse.numbers import COLUMNS, STAT_LABELS
from cgbm1_report.errors import PlanError
from cgbm1_report.protocol.packages import FINDINGS
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.wording import OF_SUPPLIED, fill, group_noun, tokens_in
from cgbm1_report.rows import number_repeats
from cgbm1_report.tabulate.abbreviations import drawn_words, find_abbreviations
from cgbm1_report.tabulate.chosen import Chosen, choose, chosen_variables, tell_chosen
from cgbm1_report.tabulate.declare import DOSE_GROUP, PROTOCOL, Declaration, Drawing, Listing, Summary
from cgbm1_report.tabulate.derivation import say_notes
from cgbm1_report.tabulate.files import ALL_GROUPS
from cgbm1_report.tabulate.masks import mask_body
from cgbm1_report.tabulate.narrated import tell_facts
from cgbm1_report.tabulate.results import list_numbers, list_texts, tabulate
from cgbm1_report.tabulate.table import BLINDED_DATA, POOLED_GROUPS, Column, Figure, Output, Row, Table
from cgbm1_report.tabulate.treated import tell_treated_otherwise
from cgbm1_report.tabulate.view import View

#: What stands for the first dose where the page has subjects who never had one: for the baseline, and for days.
_NEVER_DOSED = {
    "never_dosed": "; in subjects never dosed at or before randomisation",
    "never_dosed_days": "; in subjects never dosed from randomisation",
}


#: What names the visit of a record.
_VISIT = "AVISIT"


def make_output(declared: Declaration, number: str, view: View) -> Output:
    """Run the body and make the Table or Figure of it: title, footnotes, abbreviations, source line, results."""
    of_data = bool(declared.source)
    content = mask_body(declared, view) if view.masked and of_data else declared.body(view)
    if not isinstance(content, (Summary, Listing, Drawing)):
        raise PlanError(
            f"{getattr(declared.body, '__name__', 'its function')} returns a {type(content).__name__}",
            rule="the body of an output", place=number,
            remedy='return Summary(*count_rows(view, rows), "head of the rows"), a Listing or a Drawing',
        )  # fmt: skip
    if not isinstance(content, Listing):
        _check_numbers(declared, number, content)
    # What explains records stands where there are some.
    bare = isinstance(content, Listing) and not len(content.records)
    notes = (
        *(() if bare else _footnotes(declared, view, content)),
        *say_notes(content.footnotes, view),
        *(_tell_derived(view) if of_data else ()),
        *(tell_treated_otherwise(view) if of_data else ()),
    )
    if of_data and not any(view.population_counts.values()):
        notes = (*notes, f"{view.population.label}: no subject in this {_extent(view)}.")
    told: dict[str, Any] = {
        "number": number,
        "title": declared.title if view.compared else declared.alone or declared.title,
        "subtitle": _subtitle(view),
        "population": view.population.label if of_data else "",
        "source": (content.source if isinstance(content, Listing) else "") or _source(declared, view),
        "stamp": view.stamp,
        "program": _program(declared, number, view),
    }
    made: Output
    if isinstance(content, Drawing):
        made = Figure(
            **told, svg=content.svg, alt=content.alt, footnotes=notes,
            ard=list_numbers(number, content.numbers, view.columns), width_in=content.width_in, height_in=content.height_in,
        )  # fmt: skip
    elif isinstance(content, Listing):
        rows, ard = _list_records(content, number)
        doses = _dose_note(content.columns, view) if rows else ()
        made = Table(
            **told, columns=tuple(content.columns), rows=rows, footnotes=(*notes, *doses), ard=ard,
            kind="listing", stub_label=None, blocks=tuple(content.blocks), marks=tuple(content.marks),
        )  # fmt: skip
    else:
        columns = tuple(content.columns or view.columns)
        rows, ard = tabulate(number, content.numbers, content.lines, columns, view.columns)
        blocks = tuple(index for index, line in enumerate(content.lines) if line.block)
        made = Table(
            **told, columns=columns, rows=rows, footnotes=(*notes, *_dose_note(columns, view)), ard=ard,
            stub_label=content.stub_label, stub_width=content.stub_width, blocks=blocks,
        )  # fmt: skip
    if isinstance(content, Listing) and content.explains:
        return made
    return replace(made, abbreviations=find_abbreviations(printed_words(made), view.trial.abbreviations))


def _check_numbers(declared: Declaration, number: str, content: Summary | Drawing) -> None:
    """Refuse what is no frame of results: a body of an analyst's own may return any."""
    told, named = "", getattr(declared.body, "__name__", "its function")
    if not isinstance(content.numbers, pd.DataFrame):
        told = f"are a {type(content.numbers).__name__}"
    elif lacking := [name for name in COLUMNS if name not in content.numbers]:
        told = f"have no {', '.join(lacking)}"
    elif strange := sorted(set(content.numbers["stat_name"].astype("str")) - STAT_LABELS.keys()):
        told = f"have statistics that no result has: {', '.join(strange)}"
    if told:
        remedy = (
            f"numbers of a {type(content).__name__} are results with the columns {', '.join(COLUMNS)}: take those of "
            "count_rows(view, rows).numbers, or make them by make_numbers of cgbm1_report.analyse.numbers"
        )
        raise PlanError(f"the numbers that {named} returns {told}", rule="the body of an output", place=number, remedy=remedy)


def _tell_derived(view: View) -> tuple[str, ...]:
    """That records which were made of others stand for those of their visit."""
    return (f"Values of visits include derived ones (DTYPE {', '.join(view.dtypes)}).",) if view.dtypes else ()


def _extent(view: View) -> str:
    """Of what an output shows the subjects, in a word."""
    if view.dose_group != ALL_GROUPS:
        return group_noun(view.trial, view.phase)
    return "phase" if len(view.trial.phases) > 1 else "study"


def printed_words(output: Output) -> Iterator[str]:
    """Every text of ours that an output prints: of a listing of data no cell, which may be what a site has typed."""
    yield from (output.title, output.subtitle, output.population, *output.footnotes)
    if isinstance(output, Figure):
        yield from drawn_words(output.svg)
        return
    yield output.stub_label or ""
    yield from (text for column in output.columns for text in (column.label, column.spanner or ""))
    if output.kind == "table" or output.source == PROTOCOL:
        yield from (text for row in output.rows for text in (row.label, *row.cells.values()))


def _program(declared: Declaration, number: str, view: View) -> str:
    """The output's own program: the module that declares it, its number, the version; and that its data were blinded.

    The name of a file is the same before and after unblinding, so that a submission's links stay: what names
    the file on the page says which of both it is.
    """
    module = declared.body.__module__.rpartition(".")[2]
    blinded = BLINDED_DATA if view.pooled and declared.source else ""
    return ", ".join(text for text in (f"{module} {number}", view.stamp.program, blinded) if text)


def _dose_note(columns: Sequence[Column], view: View) -> tuple[str, ...]:
    """What the names of the dose groups stand for, where cells or rows name them, not heads."""
    named = any(column.key == DOSE_GROUP or column.statistic for column in columns)
    if view.pooled or not named or len(view.columns) < 2:
        return ()
    doses = [arm.heading for arm in view.trial.arms_of(view.phase) if arm.column in view.column_keys and arm.heading != arm.column]
    return (f"{view.trial.study.dose_label}: {'; '.join(doses)}.",) if doses else ()


def _subtitle(view: View) -> str:
    phase = view.trial.phases[view.phase]
    parts = [phase.label] if len(view.trial.phases) > 1 else []
    if view.pooled:
        parts.append(POOLED_GROUPS)
    elif view.dose_group != "all":
        parts.append(view.trial.arm(view.dose_group).heading)
    return ", ".join(parts)


def footnote_texts(view: View, codes: Sequence[str], of_page: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The trial's footnotes with their values filled in, those that a page tells first, each a sentence."""
    study = view.trial.study
    unstated = "synthetic dictionary" if view.stamp.synthetic else "version not declared"
    dictionaries = {token: version or unstated for token, version in study.dictionaries.items()}
    templates = [view.trial.footnotes[code] for code in codes]
    named = {token for template in templates for token in tokens_in(template)}
    words = {**view.trial.words(view.phase, named), **dictionaries}
    if view.stamp.supplied:
        words |= {token: tell(view.trial) for token, tell in OF_SUPPLIED.items() if token in named}
    # What only the data tell is asked of them where a footnote names it.
    if told := named & _NEVER_DOSED.keys():
        words |= {token: _NEVER_DOSED[token] if view.has_never_dosed else "" for token in told}
    texts = [fill(template, words | dict(of_page or {})) for template in templates]
    return tuple(text if text.endswith(".") else f"{text}." for text in texts)


def footnotes_of(declared: Declaration, phase: int, trial: Trial, adam: Mapping[str, pd.DataFrame]) -> list[str]:
    """Codes of the footnotes an output may print: not those of data that are not there, or of comparisons nobody makes."""
    left = {code for code, (name, variable) in declared.given.items() if variable not in adam.get(name, ())}
    left |= set() if trial.phases[phase].reference else set(declared.comparisons)
    return [code for code in declared.footnotes if code not in left]


#: The footnote that says what percentages are of.
PERCENTAGES = "F1"


def _footnotes(declared: Declaration, view: View, content: Summary | Listing | Drawing) -> tuple[str, ...]:
    codes = footnotes_of(declared, view.phase, view.trial, view.adam)
    if isinstance(content, Summary) and len(content.numbers) and "p" not in set(content.numbers["stat_name"].astype("str")):
        # A table of means alone has no percentage to explain.
        codes = [code for code in codes if code != PERCENTAGES]
    shown = [code for code in codes if code not in content.without and (view.compared or code not in declared.comparisons)]
    return footnote_texts(view, shown, content.words if isinstance(content, Summary) else None)


def _source(declared: Declaration, view: View) -> str:
    if not declared.source:
        return PROTOCOL
    if declared.source == (FINDINGS,):
        return FINDINGS
    chosen = {view.population.flag: "Y", **declared.chosen_in(view.trial)}
    # What another study's data do not have was not read; a dataset without records was.
    names = [name for name in dict.fromkeys((*declared.source, "ADSL")) if name in view.adam]
    return f"{', '.join(names)}; {tell_chosen(chosen)}{_tell_other_rows(declared, view, chosen)}"


def _tell_other_rows(declared: Declaration, view: View, chosen: Chosen) -> str:
    """The flag that the rows of a visit, as of the baseline, are read by, where data give them other records than their visit."""
    told = []
    for (name, level), meaning in declared.meanings_in(view.phase, view.trial).items():
        if view.masked or name != _VISIT or len(meaning) != 1 or len(meaning[0]) != 1:
            continue
        ((flag, asked),) = meaning[0].items()
        if any(_is_apart(view, dataset, {flag: str(asked.value)}, str(level), chosen) for dataset in declared.source):
            told.append(f"; {str(level).lower()} {flag} = {asked.value}")
    return "".join(told)


def _is_apart(view: View, dataset: str, meant: Chosen, level: str, chosen: Chosen) -> bool:
    """Whether a row so named has other records with a value than those of that visit which the page chooses."""
    asked = [name for name in (*meant, _VISIT, "AVAL", *chosen_variables(chosen)) if name != view.population.flag]
    if not set(asked) <= set(view.adam.get(dataset, ())):
        return False
    records = view.records(dataset, *asked, only=True)
    of = {name: told for name, told in chosen.items() if name in records and told != "Y"}
    records = choose(records[records["AVAL"].notna()], of)
    flags = {name: told for name, told in chosen.items() if name in records and told == "Y"}
    own, visit = choose(records, meant), choose(records, {**flags, _VISIT: level})
    return not own.index.equals(visit.index)


def _list_records(content: Listing, number: str) -> tuple[tuple[Row, ...], pd.DataFrame]:
    names = [column.key for column in content.columns]
    keys = number_repeats(content.keys)
    texts = content.records[names].astype("object").where(content.records[names].notna(), "")
    rows = tuple(
        Row(key, "", 0, dict(zip(names, values, strict=True)))
        for key, values in zip(keys, texts.itertuples(index=False, name=None), strict=True)
    )
    listed = list_texts(number, content.records[names], keys)
    return rows, listed if content.facts is None else tell_facts(number, listed, keys, content.facts)
