"""14.3.1 Adverse events by their maximum grade, and those of special interest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pandas as pd

from cgbm1_report.analyse.counts import analyse_counts, take_highest
from cgbm1_report.analyse.numbers import join_numbers, make_numbers
from cgbm1_report.outputs.adverse_events import (
    BY_TERM,
    EMERGENT,
    EVERY,
    LISTINGS,
    MEANINGS,
    OF_RELATED,
    OF_SPECIAL,
    RELATED,
    SPECIAL,
    TERMS,
    Kind,
    choose_kinds,
)
from cgbm1_report.protocol.schema import schema_values
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import MISSING_LEVEL, Is, Key, Meaning, Part
from cgbm1_report.tabulate.builders import Rows, Selection, count_rows, join_rows
from cgbm1_report.tabulate.declare import Declaration, Summary, family, output
from cgbm1_report.tabulate.table import Line, count_percent, count_percent_events
from cgbm1_report.tabulate.terms import order_terms, term_rows
from cgbm1_report.tabulate.view import View, refuse_unexpected

_GRADE = "ATOXGR"
#: The part of a row's key that is the highest grade of a subject, which is another thing than a grade of an event.
HIGHEST = {"highest ATOXGR": _GRADE}
(_TOP,) = HIGHEST
#: Number, title, kind and footnotes of the tables by maximum grade.
_TABLES = (
    ("T14.3.1.3", "TEAEs by System Organ Class, Preferred Term and Maximum Grade", EVERY, ("F2", "F3", "F5", "F5b", "F21")),
    (
        "T14.3.1.5", "Related TEAEs by System Organ Class, Preferred Term and Maximum Grade", RELATED,
        ("F2", "F3", "F4", "F5", "F5b", "F21"),
    ),
)  # fmt: skip


def count_grades(view: View, events: pd.DataFrame, by: Sequence[str], keys: Sequence[Key], prefix: Key = ()) -> pd.DataFrame:
    """Subjects of each of these rows by their maximum grade: every grade, and without one those of whom none is known.

    A subject has one event here: how many there are is told by the row itself.
    """
    if not keys:
        return make_numbers([])
    worst = take_highest(events, by, pd.to_numeric(events[_GRADE], errors="coerce"))
    worst = worst.assign(**{_TOP: worst[_GRADE].fillna(MISSING_LEVEL)})
    grades, _ = schema_values("ADAE", _GRADE) or ((), True)
    wanted = [(*key, (_TOP, str(level))) for key in keys for level in (*grades, MISSING_LEVEL)]
    counted = analyse_counts(worst, (*by, _TOP), view.column_keys, view.population_counts, keys=wanted, prefix=prefix)
    found = set(counted.loc[(counted["stat_name"] == "n") & (counted["stat"] > 0), "row"])
    unseen = [key for key in wanted if key[-1][1] == MISSING_LEVEL and key not in found]
    return counted[~counted["row"].isin(unseen) & (counted["stat_name"] != "n_events")]


def add_grades(rows: Rows, graded: pd.DataFrame) -> Rows:
    """Below each row its subjects by maximum grade."""
    below: dict[Key, list[Key]] = {}
    for key in dict.fromkeys(graded["row"]):
        below.setdefault(key[:-1], []).append(key)
    lines = []
    for line in rows.lines:
        lines.append(line)
        for key in below.get(line.row, ()):
            level = str(key[-1][1])
            lines.append(Line(key, f"Grade {level.lower()}", count_percent, line.indent + 1))
    return Rows(join_numbers([rows.numbers, graded]), lines)


def tabulate_grades(view: View, kind: Kind) -> Summary:
    """Any event of a kind, system organ classes and preferred terms, each by the maximum grade of its subjects."""
    (events,) = choose_kinds(view, [kind], _GRADE)
    overall = count_rows(view, [Selection(kind.key, f"Subjects with at least one {kind.words}", events)], block=True)
    terms = term_rows(view, events, TERMS, count_percent)
    keys = [line.row for line in terms.lines]
    graded = [count_grades(view, events, (), [kind.key], kind.key)]
    graded += [count_grades(view, events, TERMS[:depth], [key for key in keys if len(key) == depth]) for depth in (1, 2)]
    rows = add_grades(join_rows([overall, terms]), join_numbers(graded))
    return Summary(*rows, "System Organ Class\n  Preferred Term\n    Maximum Grade, n (%)", stub_width=4.2)


@family("Adverse events by maximum grade")
def tables_by_grade(trial: Trial) -> Iterator[Declaration]:
    """All treatment-emergent events, and the registry's related ones."""

    def body_of(kind: Kind) -> Callable[[View], Summary]:
        return lambda view: tabulate_grades(view, kind)

    for number, title, kind, footnotes in _TABLES:
        yield Declaration(
            number, title, "SAF", ("ADAE",), footnotes, body_of(kind), where={**EMERGENT, **kind.chosen}, needs=kind.needs,
            variables={"ADAE": (*BY_TERM, _GRADE, *kind.variables)}, methods=("events_by_grade",),
            listings=OF_RELATED if kind is RELATED else LISTINGS, highest=HIGHEST, meanings=MEANINGS,
        )  # fmt: skip


def read_special(view: View, *variables: str) -> pd.DataFrame:
    """Events of special interest, each in every category it belongs to; a category that the trial does not declare is refused."""
    (events,) = choose_kinds(view, [SPECIAL], "AESICAT", *variables)
    events = events.assign(AESICAT=events["AESICAT"].str.split(";")).explode("AESICAT")
    events = events.assign(AESICAT=events["AESICAT"].astype("str").str.strip())
    refuse_unexpected("ADAE", events, "AESICAT", [category.code for category in view.trial.aesi])
    return events.reset_index(names="EVENT").drop_duplicates(["EVENT", "AESICAT"], ignore_index=True)


def means_categories(trial: Trial) -> dict[Part, Meaning]:
    """What the rows of the categories mean: an event may be of several."""
    chosen = {name: Is("=", str(value)) for name, value in {**EMERGENT, **SPECIAL.chosen}.items()}
    return {("AESICAT", category.code): ({**chosen, "AESICAT": Is("among", category.code)},) for category in trial.aesi}


def _category_rows(view: View, events: pd.DataFrame) -> list[Rows]:
    """Every category, below it its subjects by maximum grade and its preferred terms, the most frequent first."""
    parts, columns, base = list[Rows](), view.column_keys, view.population_counts
    categories: list[Key] = [(("AESICAT", category.code),) for category in view.trial.aesi]
    counted = analyse_counts(events, ["AESICAT"], columns, base, keys=categories)
    terms = analyse_counts(events, ["AESICAT", "AEDECOD"], columns, base)
    order = order_terms(join_numbers([counted, terms]), view.deciding_column)
    filled = [key for key in categories if key[0][1] in set(events["AESICAT"])]
    graded = count_grades(view, events, ["AESICAT"], filled)
    for category, key in zip(view.trial.aesi, categories, strict=True):
        whole = Rows(counted[counted["row"] == key], [Line(key, category.label, count_percent_events, block=True)])
        below = graded[graded["row"].isin([row for row in graded["row"].unique() if row[:1] == key])]
        own = [one for one in order if len(one) > 1 and one[:1] == key]
        lines = [Line(one, str(one[-1][1]), count_percent_events, 1) for one in own]
        parts += [add_grades(whole, below), Rows(terms[terms["row"].isin(own)], lines)]
    return parts


@output(
    "T14.3.1.8", "TEAEs of Special Interest by Category", population="SAF", source=("ADAE",), footnotes=("F2", "F5", "F5b", "F21"),
    where={**EMERGENT, **SPECIAL.chosen}, needs={"aesi": lambda trial: bool(trial.aesi)},
    variables={"ADAE": (*BY_TERM, *SPECIAL.variables, "AESICAT", _GRADE)}, listings=OF_SPECIAL, highest=HIGHEST,
    meanings=lambda trial, _: means_categories(trial),
)  # fmt: skip
def special_events(view: View) -> Summary:
    """Every category with its subjects by maximum grade and its preferred terms, the most frequent first."""
    events = read_special(view, _GRADE)
    label = f"Subjects with at least one {SPECIAL.words}"
    parts = [count_rows(view, [Selection(SPECIAL.key, label, events.drop_duplicates("EVENT"))], show=count_percent_events)]
    stub = "Category, n (%) [events]\n  Maximum Grade, n (%)\n  Preferred Term, n (%) [events]"
    several = events["EVENT"].duplicated().any()
    notes = ("An event that belongs to several categories counts in each of them.",) if several else ()
    return Summary(*join_rows([*parts, *_category_rows(view, events)]), stub, stub_width=4.2, footnotes=notes)
