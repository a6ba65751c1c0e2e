"""A study with the mouse: outputs of chosen subjects, records of chosen parameters and visits, one subject; in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from cgbm1_report.errors import ReportError, ToolError
from cgbm1_report.protocol.trial import TOTAL

if TYPE_CHECKING:
    from ipywidgets import DOMWidget, VBox

    from cgbm1_report.explore.study import Study

#: So many records are sent to the page; more are told, and narrowed by what is chosen.
_SENT = 2_000
_EVERY = ("all", None)
#: What records are chosen by besides the subject, with the word for it, where a dataset has it.
_CHOSEN = {"PARAM": "Parameter", "AVISIT": "Visit"}


def make_widget(study: Study) -> VBox:
    """Three leaves: outputs, records, subjects; what is chosen is shown at once.

    Raises
    ------
    ReportError
        ipywidgets or itables is not installed.
    """
    try:
        import ipywidgets as made
        from itables.widget import ITable
    except ImportError as error:
        remedy = "pip install 'cgbm1-report[explore]'"
        raise ToolError(f"{error.name} is not installed", rule="study.widget", remedy=remedy) from error
    leaves = {
        "Outputs": _show_outputs(study, made),
        "Records": _show_records(study, made, ITable),
        "Subjects": _show_subjects(study, made),
    }
    return made.VBox([made.HTML(f"<b>{escape(repr(study)[1:-1])}</b>"), made.Tab(list(leaves.values()), titles=list(leaves))])


def _show_outputs(study: Study, made: Any) -> DOMWidget:
    """An output of a population, a treatment, or of whom a condition holds."""
    phase = study.trial.phases[study.phase]
    sets = [("as declared", None), *((one.label, one.code) for one in study.trial.populations if _has_set(study, one.code))]
    arms = [_EVERY, *((key, key) for key in (() if study.pooled else phase.columns) if key != TOTAL)]
    words = made.Text(description="Words", placeholder="liver", continuous_update=False)
    which = made.Select(description="Output", options=_name_outputs(study, ""), rows=6, layout={"width": "95%"})
    population = made.Dropdown(description="Population", options=sets)
    arm = made.Dropdown(description="Treatment", options=arms)
    where = made.Text(description="Where", placeholder="AGE >= 60", continuous_update=False)
    shown = made.HTML()

    def choose(change: Any) -> None:
        which.options = _name_outputs(study, words.value)

    def show(change: Any = None) -> None:
        shown.value = _tell(lambda: _draw(_narrow(study, population.value, arm.value, where.value), which.value))

    words.observe(choose, "value")
    for one in (which, population, arm, where):
        one.observe(show, "value")
    show()
    return made.VBox([words, which, made.HBox([population, arm, where]), shown])


def _has_set(study: Study, code: str) -> bool:
    adsl = study.data["ADSL"]
    return study.trial.has_population(code, study.phase) and study.trial.population(code).flag in adsl


def _name_outputs(study: Study, words: str) -> list[tuple[str, str]]:
    return [(f"{number}  {title}", str(number)) for number, title in study.find(words)["title"].items()]


def _narrow(study: Study, population: str | None, arm: str | None, where: str) -> Study:
    chosen = {"population": population, "arm": arm, "where": where.strip() or None}
    return study.filter(**chosen) if any(chosen.values()) else study


def _draw(study: Study, number: str | None) -> str:
    from cgbm1_report.emit import emit_html, take_page

    return emit_html(take_page(study.output(number), 1, number)) if number else "<p>No output has these words.</p>"


def _tell(make: Callable[[], str]) -> str:
    """What is shown; of what cannot be made, why."""
    try:
        return make()
    except ReportError as error:
        return f"<p>{escape(str(error))}</p>"


def _show_records(study: Study, made: Any, table: Any) -> DOMWidget:
    """The records of a dataset, of a parameter, a visit, a subject: sorted and searched where they stand."""
    dataset = made.Dropdown(description="Dataset", options=list(study.data))
    chosen = {name: made.Dropdown(description=word, options=[_EVERY]) for name, word in _CHOSEN.items()}
    subject = made.Combobox(description="Subject", options=_list_subjects(study), placeholder="all", continuous_update=False)
    told, records = made.HTML(), table(pd.DataFrame({"": []}))

    def choose(change: Any = None) -> None:
        frame = _of_phase(study, dataset.value)
        for name, one in chosen.items():
            one.options = [_EVERY, *((value, value) for value in _levels(frame, name))]
            one.layout.display = "" if name in frame else "none"
        show()

    def show(change: Any = None) -> None:
        wanted = {name: one.value for name, one in chosen.items() if one.value is not None}
        frame = _pick(_of_phase(study, dataset.value), wanted, subject.value)
        more = f" of {len(frame)}: choose fewer to see the others" if len(frame) > _SENT else ""
        told.value = f"{min(len(frame), _SENT)} record{'s' * (len(frame) != 1)}{more}"
        # All that is told is sent: the library would leave out rows and columns of large frames.
        records.update(_print_values(frame.head(_SENT)), maxBytes=0, maxRows=0, maxColumns=0)

    dataset.observe(choose, "value")
    for one in (*chosen.values(), subject):
        one.observe(show, "value")
    choose()
    return made.VBox([made.HBox([dataset, *chosen.values(), subject]), told, records])


def _of_phase(study: Study, name: str) -> pd.DataFrame:
    """The records of a dataset that are of the study's phase, as far as they are of subjects."""
    frame = study.data[name]
    return frame[frame["USUBJID"].isin(_list_subjects(study))] if "USUBJID" in frame else frame


def _print_values(frame: pd.DataFrame) -> pd.DataFrame:
    """Whole numbers without a point, nothing where there is none, and no column that nobody has."""
    kept = frame.dropna(axis="columns", how="all").convert_dtypes()
    for name in kept.columns[kept.isna().any()]:
        kept[name] = kept[name].astype("object").where(kept[name].notna(), "")
    return kept


def _levels(frame: pd.DataFrame, name: str) -> list[str]:
    """The values of a variable in the order of its number, where it has one: visits as they came."""
    if name not in frame:
        return []
    number = f"{name}N"
    known = frame.dropna(subset=[name]).sort_values(number, kind="stable") if number in frame else frame.dropna(subset=[name])
    found = known[name].drop_duplicates().tolist()
    return found if number in frame else sorted(found)


def _pick(frame: pd.DataFrame, wanted: dict[str, str], subject: str) -> pd.DataFrame:
    for name, value in wanted.items():
        frame = frame[frame[name] == value] if name in frame else frame
    if subject and "USUBJID" in frame:
        frame = frame[frame["USUBJID"].astype("str").str.endswith(subject)]
    return frame.reset_index(drop=True)


def _show_subjects(study: Study, made: Any) -> DOMWidget:
    """All that is known of one subject."""
    subject = made.Dropdown(description="Subject", options=_list_subjects(study))
    shown = made.HTML()

    def show(change: Any = None) -> None:
        shown.value = _tell(lambda: study.profile(subject.value)._repr_html_())

    subject.observe(show, "value")
    show()
    return made.VBox([subject, shown])


def _list_subjects(study: Study) -> Sequence[str]:
    """The subjects of the phase, in their order."""
    adsl = study.data["ADSL"]
    own = adsl[adsl["PHASE"] == study.phase] if "PHASE" in adsl else adsl
    return sorted(own["USUBJID"].dropna())
