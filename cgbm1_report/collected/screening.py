"""What is known of a subject before the first infusion, for the rules about eligibility and MELD."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import pandas as pd

from cgbm1_report.collected import scores
from cgbm1_report.collected.look_up import look_up
from cgbm1_report.collected.procedures import RENAL_REPLACEMENT, is_dialysed, read_procedure_days
from cgbm1_report.collected.source import Source
from cgbm1_report.protocol.eligibility import Eligibility

Answer = TypeVar("Answer")


class Screening:
    """Pre-dose data of the subjects that were enrolled, one row per subject.

    Of ``everybody`` it has the screening of who did not enter too: up to the day that their study ended.
    """

    def __init__(self, source: Source, *, everybody: bool = False) -> None:
        self.source = source
        table = source.subjects
        # The arm of a blind phase is not seen; who was randomised, enrolled or infused has one.
        entered = table[["ARMCD", "RAND_FIRST", "ENRL_FIRST"]].notna().any(axis="columns") | (table["NINF"] > 0)
        self.entered = entered
        self.subjects = table if everybody else table[entered]
        ended = table["EOS_LAST"].where(~entered)
        entry = table["RAND_LAST"].fillna(table["ENRL_LAST"]).fillna(ended)
        self.entry = entry.fillna(table["TRTSDTM"]).reindex(self.subjects.index)
        self.anchor = table["TRTSDTM"].fillna(table["RAND_LAST"]).fillna(ended)
        visits = [visit for phase in source.trial.phases.values() for visit in phase.visits if visit.visitnum is not None]
        before = [v.visitnum for v in visits if v.avisitn == 0 or (v.protocol_window and v.protocol_window[1] < 0)]
        self.pre_dose_visits = before
        self._results: dict[str, pd.DataFrame] = {}
        #: What several criteria ask, by who is asked what.
        self._answers: dict[tuple[object, ...], Any] = {}
        self.limits = source.trial.eligibility or Eligibility()
        self.nobody = pd.Series(False, index=self.subjects.index)

    def once(self, find: Callable[..., Answer], *asked: object) -> Answer:
        """What this gives of these, found at the first time that it is asked; nobody changes it."""
        if (find, *asked) not in self._answers:
            self._answers[find, *asked] = find(*asked)
        found: Answer = self._answers[find, *asked]
        return found

    def yes(self, subjects: pd.Series | pd.Index) -> pd.Series:
        """Whether each enrolled subject is among those given."""
        return pd.Series(self.subjects.index.isin(list(subjects)), index=self.subjects.index)

    def _pre_dose(self, domain: str) -> pd.DataFrame:
        """All results of a findings domain taken before the first infusion."""
        source = self.source
        table = source.table(domain, f"{domain}TESTCD", f"{domain}STRESC", f"{domain}STRESN", "VISITNUM")
        table = table.set_axis(["USUBJID", "TEST", "TEXT", "VALUE", "VISITNUM"], axis="columns")
        table[["FIRST", "LAST"]] = source.moments(domain, f"{domain}DTC")[["first", "last"]]
        anchor = source.per_record(domain, self.anchor)
        on_day = table["FIRST"].dt.normalize() <= anchor.dt.normalize()
        taken: pd.DataFrame = table[(table["LAST"] <= anchor) | (on_day & table["VISITNUM"].isin(self.pre_dose_visits))]
        return taken

    def results(self, domain: str, test: str) -> pd.DataFrame:
        """Results of a test taken before the first infusion, oldest first.

        A date without a time on the day of the infusion counts where the visit is a pre-dose one.
        """
        return self.once(self._of_test, domain, test)

    def _of_test(self, domain: str, test: str) -> pd.DataFrame:
        if domain not in self._results:
            self._results[domain] = self._pre_dose(domain).sort_values(["USUBJID", "FIRST"], kind="stable")
        table = self._results[domain]
        return table[table["TEST"] == test]

    def last(self, domain: str, test: str) -> pd.Series:
        """Last numeric pre-dose result per enrolled subject."""
        return self.once(self._last_of_test, domain, test)

    def _last_of_test(self, domain: str, test: str) -> pd.Series:
        table = self.results(domain, test).dropna(subset=["VALUE"])
        return table.groupby("USUBJID")["VALUE"].last().reindex(self.subjects.index)

    @cached_property
    def _history_text(self) -> pd.Series:
        """What each record of medical history says, in lower case."""
        term, decoded, system = (
            self.source.column("MH", name).fillna("").str.lower() for name in ("MHTERM", "MHDECOD", "MHBODSYS")
        )
        text: pd.Series = term + " " + decoded + " " + system
        return text

    def history(self, *words: str, since_months: int | None = None) -> pd.Series:
        """Whether medical history names one of the words, optionally begun in the months before consent."""
        source = self.source
        found = self._history_text.str.contains("|".join(words))
        if since_months is not None:
            consent = source.of_subject("MH", "RFIC_FIRST")
            found &= source.moments("MH", "MHSTDTC")["last"] >= consent - pd.DateOffset(months=since_months)
        return self.yes(source.column("MH", "USUBJID")[found])

    def history_of(self, *patterns: str) -> pd.Series:
        """Whether one record of medical history holds all the patterns."""
        found = pd.Series(True, index=self._history_text.index)
        for pattern in patterns:
            found &= self._history_text.str.contains(pattern)
        return self.yes(self.source.column("MH", "USUBJID")[found])

    def procedures(self, name: str) -> pd.DataFrame:
        """Procedures of a name begun before the first infusion: subject and elapsed day."""
        source = self.source
        table = source.table("PR", "PRDECOD").assign(DAY=source.days_from_first_dose("PR", "PRSTDTC"))
        before = source.moments("PR", "PRSTDTC")["last"] < source.per_record("PR", self.anchor).dt.normalize()
        result: pd.DataFrame = table[(table["PRDECOD"] == name) & before]
        return result

    def taking(self, variable: str, value: str) -> pd.Series:
        """Whether a medication of this kind was taken between consent and the first infusion."""
        source = self.source
        given = source.moments("CM", "CMSTDTC")["first"].notna() & self.at_screening("CM")
        return self.yes(source.column("CM", "USUBJID")[given & (source.column("CM", variable) == value)])

    def present(self, domain: str, words: str, *variables: str) -> pd.Series:
        """Whether a record that says one of the words was there at screening: begun before the first
        infusion, not ended before consent. ``words`` is a pattern, ``variables`` is where to look.
        """
        source = self.source
        text = pd.Series("", index=source.column(domain, "USUBJID").index, dtype="str")
        for variable in variables:
            text = text + " " + source.column(domain, variable).fillna("").str.lower()
        return self.yes(source.column(domain, "USUBJID")[text.str.contains(words) & self.at_screening(domain)])

    def at_screening(self, domain: str) -> pd.Series:
        """Records that cover some of the time from consent to the first infusion, as far as is known."""
        source = self.source
        start, end = source.moments(domain, f"{domain}STDTC")["first"], source.moments(domain, f"{domain}ENDTC")["last"]
        begun = ~(start > source.per_record(domain, self.anchor))
        if domain == "PR":
            # A procedure without an end took place on its day.
            end = end.fillna(source.moments(domain, "PRSTDTC")["last"])
        over = end < source.of_subject(domain, "RFIC_FIRST")
        ended: pd.Series = source.column(domain, f"{domain}ENRTPT") == "BEFORE"
        return begun & ~over & ~(ended & end.isna())


def _components(screening: Screening) -> pd.DataFrame:
    """Creatinine, bilirubin (in the unit of MELD) and INR of each visit before entry; DAY and MOMENT of the latest."""
    trial, parts, days = screening.source.trial, [], []
    rule = scores.read_meld(trial)
    for test, unit in (("CREAT", rule.unit), ("BILI", rule.unit), ("INR", None)):
        table = screening.results("LB", test).dropna(subset=["VALUE", "FIRST"])
        table = table[table["FIRST"] <= look_up(table["USUBJID"], screening.entry)]
        latest = table.groupby(["USUBJID", "VISITNUM"])[["VALUE", "FIRST"]].last()
        parts.append(pd.Series(scores.value_in(unit, latest["VALUE"], test, trial), index=latest.index, name=test))
        days.append(latest["FIRST"].rename(test))
    visits, moments = pd.concat(parts, axis="columns"), pd.concat(days, axis="columns")
    day = moments.apply(lambda one: one.dt.normalize())
    together = (day.max(axis="columns") - day.min(axis="columns")) <= pd.Timedelta(days=rule.components_within_days)
    told: pd.DataFrame = visits.assign(DAY=day.max(axis="columns"), MOMENT=moments.max(axis="columns"))[together]
    complete: pd.DataFrame = told.dropna(subset=["CREAT", "BILI", "INR"]).reset_index()
    return complete


def meld_at_entry(screening: Screening) -> pd.Series:
    """Unrounded MELD of the last sample with all components before enrolment or randomisation, its inputs bounded."""
    return screening.once(_derive_meld, screening)


def _derive_meld(screening: Screening) -> pd.Series:
    visits = _components(screening)
    rule = scores.read_meld(screening.source.trial)
    done = screening.source.table("PR", "PRDECOD", "PRSTDTC", "PRENDTC", "PRENRTPT")
    dialysed = is_dialysed(visits.rename(columns={"DAY": "ADT"}), read_procedure_days(done, RENAL_REPLACEMENT), rule.dialysis)
    visits["MELD"] = scores.derive_meld(visits["CREAT"], visits["BILI"], visits["INR"], dialysed, rule=rule)
    last = visits.sort_values(["USUBJID", "DAY", "MOMENT", "VISITNUM"]).groupby("USUBJID")["MELD"].last()
    result: pd.Series = last.reindex(screening.subjects.index).astype("float64")
    return result
