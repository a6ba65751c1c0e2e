"""A study in a notebook: a report that can be narrowed, varied, and asked what stands behind its numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cgbm1_report.build.gate import read_data
from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.errors import ArgumentError, ProofError, ReportError
from cgbm1_report.explore.behind import find_records
from cgbm1_report.explore.curves import estimate_curves
from cgbm1_report.explore.frames import Frames
from cgbm1_report.explore.own import OWN, UNLIKE, check_own, count_again, declare_own, is_own, own_among, tell_raised
from cgbm1_report.explore.person import Person
from cgbm1_report.explore.progress import follow_steps
from cgbm1_report.explore.query import ask_frames
from cgbm1_report.explore.sheets import open_output
from cgbm1_report.explore.subsets import choose_subjects, columns_left, find_arm, find_population, keep_subjects
from cgbm1_report.explore.switches import list_switches, switch_protocol
from cgbm1_report.explore.written import write_declared
from cgbm1_report.notebook.given import checked, require_kinds
from cgbm1_report.notebook.session import Report
from cgbm1_report.notebook.values import RowAsked
from cgbm1_report.outputs.catalogue import Entry, catalogue, scope_of
from cgbm1_report.recount.facts import Facts
from cgbm1_report.system.manifest import INTERACTIVE
from cgbm1_report.tabulate.declare import Body
from cgbm1_report.tabulate.files import split_group
from cgbm1_report.tabulate.shared import Shared
from cgbm1_report.tabulate.table import Output

if TYPE_CHECKING:
    from ipywidgets import VBox

    from cgbm1_report.compare import Comparison


@dataclass(frozen=True, repr=False)
class Study(Report):
    """A build or a cut as an analyst sees it: a `Report` of one phase and dose group, and what may be asked of it besides.

    ``label`` says how it was narrowed or varied, and stands in the title of every output that is made of it; ``chosen`` says by
    which conditions, for the line of its source; ``arm`` is the one treatment it was narrowed to; ``source`` is the cut it was
    derived of, None of a build.
    """

    label: str = ""
    chosen: str = ""
    arm: str = ""
    source: Path | None = None
    use_adam: bool = False
    _protocol: Path | None = field(default=None, repr=False)
    #: By which populations, treatments and conditions it was narrowed, one after the other.
    _narrowed: tuple[tuple[str | None, str | None, str | None], ...] = field(default=(), repr=False)
    #: Own outputs of which the second count found another number.
    _unlike: set[str] = field(default_factory=set, repr=False)
    #: Own outputs that could not be made of these data.
    _failed: dict[str, Entry] = field(default_factory=dict, repr=False)

    def _make(self, entry: Entry, shown: tuple[str, ...] = ()) -> Output:
        try:
            made = super()._make(entry, shown or columns_left(self, entry))
        except Exception as error:  # an analyst's function may raise anything
            self._failed.update(own_among([entry]))
            raised = error.__cause__ if isinstance(error, ReportError) else error
            if not is_own(entry) or raised is None or isinstance(raised, ReportError):
                raise
            raise tell_raised(entry, raised) from raised
        self._failed.pop(entry.number, None)
        source = [made.source, self.chosen if entry.source else ""]
        told = replace(made, title=self._mark(made.title, entry), source="; ".join(filter(None, source)))
        return open_output(told)

    def _facts(self, made: Output, entry: Entry) -> Facts:
        """What the second count asks an output of this study by: of one arm its columns alone are there."""
        group, shown = split_group(made.number)[1], columns_left(self, entry)
        return tell_facts(made.number, entry, self._trial, group, pooled=self.pooled, shown=shown)

    def _held(self) -> Iterable[Entry]:  # one that was declared anew is another entry
        return (entry for entry in super()._held() if self._failed.get(entry.number) is not entry)

    def _mark(self, title: str, entry: Entry) -> str:
        """A title, and how the study was narrowed or varied, or that the output is none of the report."""
        own = (f"{OWN}; {UNLIKE}" if entry.number in self._unlike else OWN) if is_own(entry) else ""
        return " ".join([title, *(f"[{text}]" for text in (self.label, own) if text)])

    @checked()
    def find(self, words: str) -> pd.DataFrame:
        listed = super().find(words)
        listed["title"] = [self._mark(title, self._entries[str(number)]) for number, title in listed["title"].items()]
        return listed

    find.__doc__ = Report.find.__doc__

    def __repr__(self) -> str:
        told = super().__repr__().replace("<Report ", "<Study ", 1)
        return f"{told[:-1]}; {self.label}>" if self.label else told

    @property
    def _opened_by(self) -> str:
        return "cg.open_cut" if self.source else "cg.open_report"

    # ---- narrowed and varied

    @checked("where")
    def filter(
        self, population: str | None = None, arm: str | None = None, where: str | None = None, *, label: str | None = None
    ) -> Study:
        """The same study of some subjects alone; the title of each output says of whom.

        ``study.filter(population="SAF", arm="High")``, ``study.filter(where="AGE >= 60", label="aged 60 or over")``

        Parameters
        ----------
        population
            An analysis set of trial.yaml, by its code or its label, as `list` has both.
        arm
            A treatment column of the phase, by its name in any case of letters: as planned, or as the ``population`` tells it.
            Columns in which nobody is left are not shown then, and nothing is compared with a reference that is not.
        where
            A condition on variables of ADSL, written as for `pandas.DataFrame.query`. What is compared
            with a missing value is unknown, as in SQL, and whoever it decides of is left out, whatever the condition
            negates; ``DTHFL.isna()`` and ``DTHFL.fillna('N') != 'Y'`` ask for them.
        label
            What the titles say; without it the conditions themselves. The line of the source says both.

        Raises
        ------
        ReportError
            There is no such population, arm or variable; the phase is blind, and an arm is asked for; nobody is left.
        """
        population = None if population is None else find_population(self.trial, population)
        arm = None if arm is None else find_arm(self, arm)
        subjects = choose_subjects(self, population, arm, where)
        asked = ", ".join(text for text in (population, arm, where) if text)
        told = f"{label}: {asked}" if label and asked else asked
        narrowed = self._of(keep_subjects(self.data, subjects), label or asked, told)
        return replace(narrowed, arm=arm or self.arm, _narrowed=(*self._narrowed, (population, arm, where)))

    @checked("condition")
    def where(self, condition: str, label: str | None = None) -> Study:
        """The subjects of ADSL of whom a condition holds: ``study.where("AGE >= 60", label="aged 60 or over")``; see `filter`."""
        return self.filter(where=condition, label=label)

    @property
    def switches(self) -> pd.DataFrame:
        """The switches of trial.yaml that `what_if` takes: what each decides, its value here, and the values it may have."""
        return list_switches(self._trial)

    @checked()
    def what_if(self, **switches: Any) -> Study:
        """The study as it were with other ``switches`` of trial.yaml (`switches` has all): derived anew of its cut.

        ``study.what_if(tte_plus_one=True)``; a study that was narrowed is of those of whom its conditions hold then.

        Raises
        ------
        ReportError
            No switch is named, there is no such one, or it has no such value; the study is of a build, whose data are derived
            already; nobody is left of a narrowed one.
        """
        trial = switch_protocol(self._trial, switches)
        if self.source is None or self._protocol is None:
            # A build does not know where its cut lies now: it holds no path of the machine that made it.
            remedy = f'open the cut of {self.stamp.cutoff} that it was built of: cg.open_cut("CUT").what_if(…)'
            raise ArgumentError("a build's data are derived already", file=self.folder, rule="study.what_if", remedy=remedy)
        told = ", ".join(f"{name} = {value}" for name, value in switches.items())
        with follow_steps(f"derived anew: {told}") as on_progress:
            data = read_data(self.source, trial, use_adam=self.use_adam, on_progress=on_progress)
        varied = self._of(data.adam, f"what if {told}", f"what if {told}")
        entries = catalogue(trial, scope=scope_of(self.dose_group, self.package)) | own_among(self._entries.values())
        varied = replace(varied, trial=trial.model_copy(deep=True), _trial=trial, _entries=entries)
        for asked in self._narrowed:
            varied = varied._with(keep_subjects(varied.data, choose_subjects(varied, *asked)))
        return varied

    def _of(self, adam: Mapping[str, pd.DataFrame], label: str, chosen: str = "") -> Study:
        """The same of other data, as the label says."""
        told, by = ("; ".join(filter(None, pair)) for pair in ((self.label, label), (self.chosen, chosen)))
        return replace(self._with(adam), label=told, chosen=by)

    def _with(self, adam: Mapping[str, pd.DataFrame]) -> Study:
        """The same of other data, of which nothing was shown and nothing quoted."""
        frames = Frames(adam)
        seen: dict[str, Any] = {"_read": {}, "_shown": set(), "_headed": set(), "_sections": set(), "_failed": dict(self._failed)}
        return replace(self, data=frames, _counted=Shared(frames), **seen)

    # ---- asked

    @checked("number", "row")
    def rows_behind(
        self,
        number: str,
        row: RowAsked | None = None,
        column: str | None = None,
        stat: str | None = None,
        dataset: str | None = None,
    ) -> pd.DataFrame:
        """The records that a count or a summary is of, as their dataset has them; the second count says which these are.

        ``study.rows_behind("T14.3.1.2", row={"AEDECOD": "Pyrexia"}, column="Total")``

        Parameters
        ----------
        row, column, stat
            As of `Report.value`.
        dataset
            Another dataset that the output is made of: its records of these subjects that the output uses, of the row's parameter
            and visit. A shift counts subjects, so that ADSL is what is behind it, and ``dataset="ADLB"`` gives the results.

        Returns
        -------
        DataFrame
            ``attrs["dataset"]`` names the dataset.

        Raises
        ------
        ReportError
            There is no such number, or it is no count and no summary.
        """
        made = self.output(number)
        return find_records(made, self._facts(made, self._found(number)), self.data, row, column, stat, dataset)

    def _contributing(self, number: str, told: Mapping[str, Any]) -> Collection[str]:
        return set(self.rows_behind(number, told["row"], told["column"], told["stat"] or None)["USUBJID"])

    @checked()
    def profile(self, usubjid: str | int) -> Person:
        """A subject: what ADSL says of it, and its records by dataset. An end of its number is enough where it is one's alone.

        Raises
        ------
        ReportError
            There is no such subject, or more than one.
        """
        page = self.folder / INTERACTIVE / "profile.html"
        usubjid = str(usubjid)
        return Person.find(usubjid, self.data, page if page.is_file() else None)

    @checked("question")
    def sql(self, question: str) -> pd.DataFrame:
        """What answers a question in SQL, in which datasets are tables.

        ``study.sql("SELECT SEX, count(*) FROM adsl GROUP BY SEX")``

        Nothing but the datasets can be read by it (DuckDB without access to files).

        Raises
        ------
        ReportError
            The question cannot be asked; DuckDB says why.
        """
        return ask_frames(question, self.data)

    @checked()
    def km(self, paramcd: str, population: str = "FAS", dataset: str | pd.DataFrame = "ADTTE") -> pd.DataFrame:
        """Kaplan-Meier estimates of a time to an event, by treatment column (R ``survfit``, log-log limits).

        Parameters
        ----------
        paramcd
            A parameter of the dataset, by PARAMCD or PARAM in any case of letters.
        population
            An analysis set of trial.yaml, by its code or its label; without it the full analysis set. The columns are the
            treatments by which that set is analysed, and the one of everybody.
        dataset
            The dataset of times to events, or a frame of your own with a record of each subject: ``USUBJID``, ``PARAMCD``, ``AVAL``
            in days and ``CNSR``, 0 where the event came.

        Returns
        -------
        DataFrame
            A row for each column and time: ``column, time, n_risk, n_event, n_censor, estimate, conf_low, conf_high``; times in
            days as the dataset has them, estimates from 0 to 1.

        Raises
        ------
        ReportError
            The dataset has no such parameter; there is no such population.
        """
        return estimate_curves(self, paramcd, population, dataset)

    @checked()
    def compare(self, other: Study | str | Path, *, unblind: bool = False) -> Comparison:
        """What differs between another build, or cut, which is the older one, and this: see ``compare`` on the command line.

        Parameters
        ----------
        unblind
            Compare also where one is blinded and the other open: for those who may know who got what, since the result tells it.

        Raises
        ------
        ReportError
            They are not alike, or one was narrowed or varied: what lies in the folders is compared.
        """
        from cgbm1_report.build.compared import compare_places

        old = (other.source or other.folder) if isinstance(other, Study) else Path(other)
        if any(isinstance(one, Study) and one.label for one in (other, self)):
            remedy = "compare studies that are neither narrowed nor varied"
            raise ArgumentError("compares what lies in folders", rule="study.compare", remedy=remedy)
        return compare_places(old, self.source or self.folder, self._protocol, unblind=unblind)

    @checked("number")
    def to_excel(self, number: str, file: str | Path) -> Path:
        """Write an output as a workbook into a folder that is there, in the place of one of its name; where it went."""
        return open_output(self.output(number)).to_excel(file)

    @checked()
    def widget(self) -> VBox:
        """Choose populations, treatments, outputs, parameters, visits and subjects with the mouse, in a notebook."""
        from cgbm1_report.explore.widget import make_widget

        return make_widget(self)

    # ---- outputs of one's own

    @checked()
    def own(self, number: str, title: str, **told: Any) -> Callable[[Body], Body]:
        """Declare the decorated function as an output of this study, as ``output`` of the package declares one.

        ``@study.own("T14.3.2.9", "Serious TEAEs", population="SAF", source=("ADAE",), where={"AESER": "Y"})`` above a function of
        a ``view``. `show`, `output`, `who`, `rows_behind` and `recount` know it by its number then, and so do studies narrowed or
        varied; its title says that it is none of the report. A cell that is run again declares it anew. One that could not be made
        is neither listed nor shown with its section, until it is declared anew or, asked for by its number, can be made.

        Parameters
        ----------
        number
            A number that no output of the package has, in a section of ICH E3, without the phase digit.
        told
            ``population``, ``source``, ``where``, ``variables``, ``footnotes`` and what else a declaration says (CONTRIBUTING.md).

        Raises
        ------
        ReportError
            The number is taken; a dataset, variable, population or footnote is not there.
        """

        def register(body: Body) -> Body:
            require_kinds({"body": body}, {"body": Body}, "study.own", number)
            entry = declare_own(number, title, body, told, self._trial, self.phase, self._entries)
            check_own(entry, self._trial, self.data)
            self._entries[entry.number] = entry
            self._unlike.discard(entry.number)
            return body

        return register

    @checked("number")
    def recount(self, number: str) -> dict[str, Any]:
        """Compute an output's numbers a second time, in SQL, by what each row says it is.

        Returns
        -------
        dict
            ``numbers`` that were computed again and are equal, ``not_again`` and the ``reasons``; ``unequal`` is 0. Of a figure
            ``drawing`` says that the picture is not checked.

        Raises
        ------
        ProofError
            A number is not the same in both computations; the title of an output of `own` says so from then on.
        """
        made, entry = self.output(number), self._found(number)
        try:
            return count_again(made, self._facts(made, entry), self.data)
        except ProofError:
            self._unlike.add(entry.number)
            raise

    @checked("number")
    def write_declaration(self, number: str, folder: str | Path | None = None) -> Path:
        """Turn an output of `own` into a declared one: a file for ``cgbm1_report/outputs/``, where outputs are found by looking.

        Its numbers are computed again first (`recount`), and the file's text is run: what it makes of this study must be what
        the notebook's function makes.

        Parameters
        ----------
        folder
            Where the file goes, named by the function; without it the folder of the installed package.

        Raises
        ------
        ReportError
            It is none of this study's own; it stands on what cannot be written down; the file is there already.
        ProofError
            Its rows do not say what they count.
        """
        return write_declared(self._found(number), Path(folder) if folder else None, self._make_of, self.recount)

    def _make_of(self, entry: Entry) -> Output:
        return super()._make(entry)
