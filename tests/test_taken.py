"""A build takes outputs that were made before of all that they are made of, and equals one that makes everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cgbm1_report import readback
from cgbm1_report.build import make as make_module
from cgbm1_report.build import recounted
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.render.order import Order
from cgbm1_report.system.manifest import read_manifest
from cgbm1_report.system.program import hash_program
from cgbm1_report.system.store import STORE
from cgbm1_report.tabulate.files import file_stem
from tests.test_report import digest

#: Of phase 2: of subjects alone, of events, of results of the laboratory.
ONLY = ("T14.1.2.2", "T14.3.1.1.2", "L16.2.7.1.2", "T14.3.4.1.2")
Change = Callable[[dict[str, pd.DataFrame]], dict[str, pd.DataFrame]]


def one_word(adam: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """One event of phase 2 was reported in another word, which no table counts."""
    adae = adam["ADAE"].copy()
    at = adae.index[adae["PHASE"].eq(2) & adae["TRTEMFL"].eq("Y")][0]
    adae.loc[at, "AETERM"] = "another word"
    return {**adam, "ADAE": adae}


def one_result(adam: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """One result of phase 2 was higher."""
    adlb = adam["ADLB"].copy()
    at = adlb.index[adlb["PHASE"].eq(2) & adlb["AVAL"].notna() & adlb["ANL01FL"].eq("Y")][0]
    adlb.loc[at, "AVAL"] = adlb.loc[at, "AVAL"] + 0.25
    return {**adam, "ADLB": adlb}


@pytest.fixture
def build(
    final_cut: Path, read_once: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Path, str]]:
    """Builds what is read after a change; where it lies, and what was said to be taken."""
    monkeypatch.delenv(STORE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def make(name: str, change: Change | None = None, **asked: Any) -> tuple[Path, str]:
        def read(*given: Any, **more: Any) -> Any:
            data = read_once(*given, **more)
            return replace(data, adam=change(dict(data.adam))) if change else data

        monkeypatch.setattr(make_module, "read_data", read)
        said: dict[str, str] = {}
        request = Request(cut=final_cut, out=tmp_path / name, phase=2, **{"only": ONLY, "formats": ("html",), **asked})
        named: dict[str, str] = {}
        made = build_report(request, lambda event, told: said.update({event: told}), named.update)
        # Each was made for a build of this test, and is named with it.
        assert set(named) <= set(read_manifest(made)["outputs"])
        assert all((tmp_path / one).is_dir() for one in named.values())
        assert len(named) == int(said.get("taken", "0").split()[0])
        return made, said.get("taken", "")

    return make


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """What a build that works in this process typesets, counts again and reads back."""
    found: dict[str, set[str]] = {}

    def hear(place: Any, name: str, kind: str, tell: Callable[..., list[str]]) -> None:
        inner = getattr(place, name)

        def heard(*given: Any, **named: Any) -> Any:
            found.setdefault(kind, set()).update(tell(*given, **named))
            return inner(*given, **named)

        monkeypatch.setattr(place, name, heard)

    hear(Order, "_run", "typeset", lambda order, documents: [one.name for one in documents])
    hear(recounted, "recount_some", "counted", lambda work, numbers, *more: list(numbers))
    hear(readback, "check_outputs", "read", lambda known, numbers: list(numbers))
    hear(readback, "check_whole", "read", lambda known, name, kind, *more: [f"{name}.{kind}"])
    return found


WHOLE = {"report.html", "report.pdf"}


@pytest.mark.long
def test_only_what_read_what_changed_is_made_again_and_all_equals_a_build_that_makes_everything(build, done):
    build = partial(build, formats=("html", "pdf"), jobs=1)
    first, taken = build("first")
    assert taken == ""
    assert (done["counted"], done["read"]) == (set(ONLY), {*ONLY, *WHOLE})
    assert {f"output-{number}" for number in ONLY} <= done["typeset"]
    done.clear()
    again, taken = build("again")
    assert taken.startswith("4 of 4 outputs")
    assert done == {}
    assert digest(again) == digest(first)
    # What changed                     what is taken   the outputs that read it and print anything else
    for name, change, count, other in (
        # A table of events reads their dataset, and no word as it was reported: neither who counts first nor who counts again.
        ("a word", one_word, 3, {"L16.2.7.1.2"}),
        ("a result", one_result, 3, {"T14.3.4.1.2"}),
    ):
        done.clear()
        some, taken = build(f"{name}, some taken", change)
        assert (done["counted"], done["read"]) == (other, {*other, *WHOLE}), name
        assert {one.removeprefix("output-") for one in done["typeset"] if one.startswith("output-")} == other, name
        assert taken.startswith(f"{count} of 4 outputs"), name
        if change is one_result:
            # What changed is another dataset: that all is equal was asked of the first.
            continue
        whole, taken = build(f"{name}, anew", change, anew=True)
        assert taken == ""
        assert digest(some) == digest(whole), name
        before, after = digest(first), digest(whole)
        moved = {file for file in before if file.startswith("outputs/") and before[file] != after[file]}
        assert {Path(file).stem for file in moved} == {file_stem(number) for number in other}, moved


def one_event_more(adam: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """One event more, as every next cut has: of its dataset the number of records changes, and of no other."""
    adae = adam["ADAE"]
    at = adae.index[adae["PHASE"].eq(2) & adae["TRTEMFL"].eq("Y")][0]
    more = adae.loc[[at]].assign(AESEQ=adae["AESEQ"].max() + 1, ASEQ=adae["ASEQ"].max() + 1)
    return {**adam, "ADAE": pd.concat([adae, more], ignore_index=True)}


def test_what_reads_other_datasets_is_taken_where_a_record_came(build):
    build("first", only=("T14.1.2.2", "T14.3.1.1.2"))
    _, taken = build("a record more", one_event_more, only=("T14.1.2.2", "T14.3.1.1.2"))
    assert taken.startswith("1 of 2 outputs")


def test_output_of_a_dose_group_is_taken_under_its_own_number(build):
    """Of two groups, one after the other: the names are held against the outputs of each build."""
    for group in ("P2LOW", "P2PBO"):
        _, taken = build(f"{group}, first", only=("T14.1.2.2",), dose_group=group)
        assert taken == ""
        _, taken = build(f"{group}, again", only=("T14.1.2.2",), dose_group=group)
        assert taken.startswith("1 of 1 output:")


def test_what_is_not_as_it_was_kept_is_made(build, done, tmp_path):
    build = partial(build, jobs=1)
    first, _ = build("first")
    made = dict(done)
    done.clear()
    for entry in (tmp_path / "cache" / "cgbm1-report").glob("*/*"):
        content = bytearray(entry.read_bytes())
        content[len(content) // 2] ^= 1
        entry.write_bytes(content)
    again, taken = build("again")
    assert (taken, done) == ("", made)
    assert digest(again) == digest(first)


def test_a_file_that_is_not_as_it_was_proved_is_read_again(build):
    made, _ = build("first")
    about = read_manifest(made)
    told = {"formats": about["report"]["formats"], "stamp": about["report"]["stamp"], "documents": about["documents"]}
    ask = partial(readback.read_back, made, list(about["outputs"]), engine=about["engine"]["name"], program=hash_program(), **told)
    assert ask().findings == ()
    # What is changed in the build     the file that a finding is of
    for name, old, new in (
        ("outputs/t-14-1-2-2.csv", b"Not dosed", b"Dosed"),
        ("outputs/t-14-1-2-2.html", b"Not dosed", b"Dosed"),
        ("report.html", b"Not dosed", b"Dosed"),
    ):
        content = (made / name).read_bytes()
        assert old in content
        (made / name).write_bytes(content.replace(old, new, 1))
        assert name in {finding.file for finding in ask().findings}, name
        (made / name).write_bytes(content)
    assert ask().findings == ()


@pytest.mark.long
def test_another_sheet_or_another_day_take_nothing(build, monkeypatch):
    build = partial(build, only=ONLY[:1])
    build("first")
    assert build("letter", paper="letter")[1] == ""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert build("dated")[1] == ""
