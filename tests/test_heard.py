"""The second count asks for what it is heard to ask for: whatever else stands in the data, it computes the same."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.recount import Facts, Recounted, datasets_of, recount
from cgbm1_report.recount.behind import Found
from cgbm1_report.recount.database import Database
from cgbm1_report.recount.heard import Heard, of_named
from tests.drawn import our_trial
from tests.test_noted import _one_of_each, _scramble
from tests.test_snapshots import derive_whole, make_whole

TRIAL = our_trial()

# A question                                                          | what it is heard to ask for
QUESTIONS = """
SELECT count(*) FROM "ADAE"                                           |
SELECT r."AETERM" FROM ADAE r                                         | ADAE.AETERM
select aeterm from adae                                               | ADAE.AETERM
SELECT USUBJID FROM ADSL                                              | ADSL.USUBJID
SELECT a.USUBJID FROM ADSL s JOIN ADAE a ON a.USUBJID = s.USUBJID     | ADSL.USUBJID ADAE.USUBJID
SELECT AETERM FROM records                                            |
SELECT s.*, h.head FROM ADSL s JOIN h ON h.treatment = s."TRT01A"     | ADSL.TRT01A
SELECT "my ""own"" value" FROM ADAE                                   | ADAE.my~"own"~value
SELECT AETERM2 FROM ADAE                                              |
"""
COLUMNS = {"ADSL": {"USUBJID": "", "TRT01A": ""}, "ADAE": {"USUBJID": "", "AETERM": "", 'my "own" value': ""}}


@pytest.mark.parametrize("case", QUESTIONS.strip().splitlines())
def test_a_question_asks_for_the_variables_that_it_names(case: str) -> None:
    question, wanted = (part.strip() for part in case.rsplit("|", 1))
    heard = Heard(COLUMNS)
    with heard.alone() as names:
        heard.hear(question)
    told = {f"{dataset}.{one}".replace(" ", "~") for dataset, variables in of_named(names).items() for one in variables}
    assert told == set(wanted.split())


def test_what_was_answered_before_is_heard_again(tmp_path: Path) -> None:
    pd.DataFrame({"USUBJID": ["1"], "AGE": [5.0]}).to_parquet(tmp_path / "adsl.parquet")
    with Database(tmp_path, ["ADSL"]) as database:
        for _ in range(2):
            with database.hearing() as heard:
                assert database.once("age", lambda: database.ask("SELECT AGE FROM ADSL")) == [(5.0,)]
            assert of_named(heard) == {"ADSL": {"AGE"}}
        with database.hearing() as heard:
            pass
        assert heard == {}


def _count(folder: Path, adam: dict[str, pd.DataFrame], ard: pd.DataFrame, facts: Facts) -> tuple[Recounted, list[object]]:
    for name in {"ADSL", *datasets_of(facts)} & adam.keys():
        adam[name].to_parquet(folder / f"{name.lower()}.parquet", index=False)
    found: list[object] = []

    def hear(number: str, context: str, behind: Found) -> None:
        found.append((number, context, behind))

    return recount(folder, ard, [facts], hear), found


@pytest.mark.parametrize(
    ("every", "more"), [pytest.param(12, 150, id="some"), pytest.param(1, 2_000, id="all", marks=pytest.mark.long)]
)
def test_the_second_count_is_the_same_whatever_stands_in_variables_it_did_not_ask_for(
    every: int, more: int, tmp_path: Path
) -> None:
    adam, _ = derive_whole("full")
    spared = 0
    for entry in [one for one in _one_of_each() if one.source][::every]:
        ard = make_whole("full", entry.number).ard
        facts = tell_facts(entry.number, entry, TRIAL)
        made, found = _count(tmp_path, dict(adam), ard, facts)
        assert made.differences == [], entry.number
        heard = made.reads.get(entry.number, {})
        other = {name: _scramble(frame, heard.get(name, set())) for name, frame in adam.items()}
        again, also = _count(tmp_path, other, ard, facts)
        assert (again.differences, again.compared, again.unasked) == ([], made.compared, made.unasked), entry.number
        assert repr(also) == repr(found), entry.number
        assert again.reads == made.reads
        spared += sum(len(set(adam[name]) - heard.get(name, set())) for name in datasets_of(facts) if name in adam)
    assert spared > more
