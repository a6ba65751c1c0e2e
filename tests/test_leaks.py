"""Nothing that any verb says or writes of a blind cut depends on who got what: two cuts that differ in that alone, byte by byte."""

from __future__ import annotations

import ast
import io
import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest
import typer.main
import yaml
from ipywidgets import Widget
from ipywidgets.embed import dependency_state

from cgbm1_report.cli import app
from cgbm1_report.read.cut import Cut, read_cut
from cgbm1_report.read.folder import hash_cut
from cgbm1_report.system.endings import _carry_out
from cgbm1_report.system.manifest import read_manifest
from cgbm1_report.system.signature import write_keys
from cgbm1_report.system.usage import call_app
from tests.drawn import our_trial
from tests.permuted import deal_anew, supply_adam, write_cut
from tests.small_cut import write_trial
from tests.test_blind_package import KIT, LOT, NUMBER, open_up, tell_treatment

TRIAL = our_trial()
BLIND = {arm.armcd: arm for arm in TRIAL.arms if TRIAL.phases[arm.phase].blinded}
RECORD = "PHASE,SCOPE,USUBJID,UNBLDTC,REASON,NAME\n2,PHASE,,2025-12-01,FINAL ANALYSIS,A Statistician\n"
ONLY = ("L16.2.7.1.2", "L16.2.5.1.2")
FORMATS = "html,docx,pdf,rtf,xlsx"
#: What a clock says, and what is made of times of files: no data.
CLOCK = re.compile(
    rb'"(?:time|written|started|finished|signature|seen|since|seconds|content)": ("[^"]*"|[\d.]+)|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?( UTC)?'
    rb'|"id": "[0-9a-f-]+"|"(?:end|start)_time": "[^"]*"|"duration": [\d.]+|\.failed\.cgbm1-\w+'
    rb"|<td class=\"n\">(?:\d+ min )?[\d.]+ s</td>| +\d+\.\d s|in \d+\.\d s"
)

# ---- the cuts


def sort_by_arm(frame: pd.DataFrame, arms: pd.Series) -> pd.DataFrame:
    """Records in the order of who got what."""
    if "USUBJID" not in frame:
        return frame
    return frame.iloc[frame["USUBJID"].map(arms).fillna("").argsort(kind="stable")].reset_index(drop=True)


def deal(cut: Cut, turn: int) -> dict[str, dict[str, pd.DataFrame]]:
    """SDTM and ADaM of a cut with its arms dealt out, which stand in it wherever they can, the order of records among it."""
    plain = deal_anew(cut, TRIAL, turn)
    sdtm = tell_treatment(plain)
    hidden = plain["EX"]["USUBJID"].isin(plain["DM"].loc[plain["DM"]["ARMCD"].isin(BLIND), "USUBJID"])
    # What is open may be read: words that are looked for stand with who is hidden alone.
    ex = sdtm["EX"]
    sdtm["EX"] = ex.assign(EXLOT=ex["EXLOT"].where(hidden, plain["EX"]["EXLOT"]), EXREFID=ex["EXREFID"].where(hidden))
    adam = supply_adam(sdtm, cut, TRIAL)
    arms = sdtm["DM"].set_index("USUBJID")["ARMCD"]
    told = sdtm["AE"]["USUBJID"].map(arms).map({code: f" after {arm.arm}" for code, arm in BLIND.items()}).fillna("")
    ae = sdtm["AE"]
    # One of each is serious: physicians are asked to write of it, under a term that tells the arm.
    serious = (told != "") & ~ae["USUBJID"].where(told != "").duplicated()
    sdtm["AE"] = ae.assign(
        AETERM=ae["AETERM"] + told, AESER=ae["AESER"].mask(serious, "Y"), AESHOSP=ae["AESHOSP"].mask(serious, "Y")
    )
    # Who was dealt a kit: a domain that no schema describes.
    kits = sdtm["EX"][["STUDYID", "USUBJID"]].assign(DOMAIN="DA", DASEQ=sdtm["EX"]["EXSEQ"], DAREFID=sdtm["EX"]["EXREFID"])
    sdtm["DA"] = kits[
        kits["USUBJID"].map(arms).isin([code for code, arm in BLIND.items() if arm.dose_per_infusion_e6_cells_per_kg])
    ]
    return {"sdtm": {name: sort_by_arm(frame, arms) for name, frame in sdtm.items()}, "adam": adam}


def spoil(sdtm: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The same with errors that one arm alone has, in all that tells it, and an error that may be told."""
    dm, ex, ae = sdtm["DM"], sdtm["EX"], sdtm["AE"]
    one = next(iter(BLIND))
    theirs = ex["USUBJID"].isin(dm.loc[dm["ARMCD"] == one, "USUBJID"])
    number = dm["RANDNO"].mask(dm["ARMCD"] == one, f"{NUMBER}SAME")
    return sdtm | {
        "DM": dm.assign(RANDNO=number, ACTARMCD=dm["ACTARMCD"].mask(dm["ARMCD"] == one, "P2QQQ")),
        "EX": ex.assign(EXDOSE=ex["EXDOSE"].mask(theirs, -7.25), EXLOT=ex["EXLOT"].mask(theirs)),
        "AE": ae.assign(AETOXGR=ae["AETOXGR"].mask(ae.index == ae.index[ae["USUBJID"] == ae["USUBJID"].min()][0], "9")),
    }


def break_values(sdtm: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The same with values that one arm alone has and nobody can read."""
    one = next(iter(BLIND))
    theirs = sdtm["EX"]["USUBJID"].isin(sdtm["DM"].loc[sdtm["DM"]["ARMCD"] == one, "USUBJID"])
    return {"DM": sdtm["DM"], "EX": sdtm["EX"].assign(EXDOSE=sdtm["EX"]["EXDOSE"].mask(theirs, float("inf")))}


def write_failing(folder: Path) -> None:
    """A study whose notebook raises an error that says all it was given."""
    write_trial(folder, "05_listings.ipynb")
    notebook = json.loads((folder / "05_listings.ipynb").read_text())
    told = "raise ValueError({name: frame.to_csv() for name, frame in report.data.items()})"
    notebook["cells"] = [one for one in notebook["cells"] if one["cell_type"] == "code"][:3]
    notebook["cells"][2] |= {"source": told}
    (folder / "failing.ipynb").write_text(json.dumps(notebook))
    (folder / "trial.yaml").write_text(
        (folder / "trial.yaml").read_text().replace("notebooks: [05_listings", "notebooks: [failing")
    )


@dataclass
class Desk:
    """A folder with cuts that are dealt in one way, in which verbs are carried out; ``told`` is what each said."""

    place: Path
    told: dict[str, bytes] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)

    def run(self, *words: str) -> int:
        """A command line in this process, from this folder."""
        said, erred = io.StringIO(), io.StringIO()
        handler = logging.StreamHandler(erred)
        logging.getLogger("cgbm1_report").addHandler(handler)
        before, argv = Path.cwd(), sys.argv
        os.chdir(self.place)
        sys.argv = ["cgbm1-report", *words]
        try:
            with redirect_stdout(said), redirect_stderr(erred):
                code = _carry_out(lambda: call_app(app, "cgbm1-report", list(words)), debug=False)
        finally:
            os.chdir(before)
            sys.argv = argv
            logging.getLogger("cgbm1_report").removeHandler(handler)
        name = " ".join(words)
        self.told[f"{name}: out"], self.told[f"{name}: err"] = said.getvalue().encode(), erred.getvalue().encode()
        self.codes[words[0], len(self.codes)] = code
        return code

    def files(self) -> Iterator[tuple[str, bytes]]:
        """All that verbs wrote into this folder; nothing of the cuts, and nothing that is the user's own."""
        for file in sorted(self.place.rglob("*")):
            name = file.relative_to(self.place).as_posix()
            if file.is_file() and not name.startswith(("cuts/", "other/", "key")) and file.name != ".watch.key":
                yield name, file.read_bytes()

    def everything(self) -> dict[str, bytes]:
        """What verbs said and wrote, without clocks and without the name of this folder."""
        plain = str(self.place).encode()
        said = {name.replace(str(self.place), "<here>"): told for name, told in self.told.items()} | dict(self.files())
        return {
            name: CLOCK.sub(b"", content.replace(plain, b"<here>"))
            if name.endswith((": out", ": err"))
            or name.startswith(("builds/status", "failed-", "explore"))
            # A portfolio names the whole path of what was refused, as the page of a watch does.
            or name in ("portfolio.txt", "many/portfolio.html", "many/portfolio.json")
            else content
            for name, content in said.items()
            # The checksums of a notebook that says when it was run, and numbers its cells by chance; those of a portfolio
            # whose pages name this folder.
            if name not in ("failed-failed/failed.sha256", "many/portfolio.sha256")
        }


# ---- what each verb is asked


def ask_validate(desk: Desk) -> None:
    assert desk.run("validate", "cuts/blind", "--all", "--out", "validated") == 0
    for words in (["--all", "--out", "validated-wrong"], ["--json"]):
        assert desk.run("validate", "other/wrong", *words) == 1
    assert desk.run("validate", "other/unread") == 1


def ask_build(desk: Desk) -> None:
    """Made by the watch; here it is kept, and refused. Of supplied ADaM: tests/test_blinding.py."""
    only = [word for number in ONLY for word in ("--only", number)]
    same = ["--trial", "study/trial.yaml", "--phase", "2"]
    assert (
        desk.run("build", "cuts/blind", "--out", "builds/blind", *only, *same, "--sign", "key", "--formats", FORMATS, "--json") == 0
    )
    assert desk.run("build", "other/wrong", "--out", "nothing", "--json") == 1
    assert desk.run("build", "cuts/blind", "--out", "nothing", "--dose-group", next(iter(BLIND))) == 78
    assert desk.run("build", "other/unread", "--out", "nothing", "--json") == 1
    # A notebook that fails with all it was given in its mouth, and what is kept of it.
    failing = ["--trial", "failing/trial.yaml", "--phase", "2", "--only", ONLY[0]]
    assert desk.run("build", "cuts/blind", "--out", "failed", *failing) == 78
    assert (desk.place / "failed-failed" / "failing_phase2.ipynb").is_file()


def ask_watch(desk: Desk) -> None:
    (desk.place / "hear.py").write_text("import sys\nopen(sys.argv[1], 'ab').write(sys.stdin.buffer.read())\n")
    only = [word for number in ONLY for word in ("--only", number)]
    told = f"{sys.executable} {desk.place / 'hear.py'} {desk.place / 'builds' / 'status.heard'}"
    words = ["cuts", "--out", "builds", "--once", "--rested", "0", "--chain", "--json", "--notify", told, "--formats", FORMATS]
    words += ["--trial", "study/trial.yaml", "--phase", "2", "--sign", "key"]
    desk.run("watch", *words, *only)
    assert (desk.place / "builds" / "blind" / "report.pdf").is_file(), desk.told


def ask_show(desk: Desk) -> None:
    for where in ("cuts/blind", "builds/blind"):
        for form in ("text", "html", "json", "csv"):
            assert desk.run("show", ONLY[1], where, "--format", form) == 0
    assert desk.run("show", ONLY[0], "cuts/blind", "--use-adam") == 0
    assert desk.run("show", ONLY[0], "cuts/blind", "--format", "xlsx", "--out", "shown.xlsx") == 0
    assert desk.run("show", "DSMB-9a", "cuts/blind") == 0
    assert desk.run("show", ONLY[0], "cuts/blind", "--dose-group", next(iter(BLIND))) == 78
    assert desk.run("show", ONLY[0], "other/wrong") == 1


def ask_compare(desk: Desk) -> None:
    for form in ("text", "json", "html"):
        assert desk.run("compare", "cuts/blind", "other/later", "--format", form) == 1
    for form in ("docx", "xlsx"):
        assert desk.run("compare", "cuts/blind", "other/later", "--format", form, "--out", f"compared.{form}") == 1
    # A cut with the same subjects in which everybody got another treatment.
    assert desk.run("compare", "cuts/blind", "other/dealt") == 0
    assert desk.run("compare", "other/dealt", "other/opened", "--json") == 2
    assert desk.run("compare", "cuts/blind", "other/unread", "--json") == 1
    assert desk.run("compare", "builds/blind", "builds/blind", "--json") == 0


def ask_refresh(desk: Desk) -> None:
    shutil.copy(desk.place / "builds" / "blind" / "report.docx", desk.place / "csr.docx")
    assert desk.run("refresh", "csr.docx", "--from", "builds/blind", "--since", "builds/blind") == 0


def ask_verify(desk: Desk) -> None:
    assert desk.run("verify", "builds/blind", "cuts/blind") == 0
    # What is the same whoever got what is all that a build can be held against.
    assert desk.run("verify", "builds/blind", "other/dealt") == 0
    assert desk.run("verify", "builds/blind", "other/opened", "--json") == 1


def ask_seal(desk: Desk) -> None:
    """The seal is part of the cut: of the closed data itself."""
    shutil.copytree(desk.place / "cuts" / "blind" / "sdtm", desk.place / "other" / "sealed" / "sdtm")
    desk.run("seal", "other/sealed")
    desk.told["seal other/sealed: out"] = re.sub(rb"[\d,]+ bytes", b"", desk.told["seal other/sealed: out"])
    (desk.place / "other" / "sealed" / "sdtm" / "ex.parquet").write_bytes(b"")
    assert desk.run("validate", "other/sealed") == 1


def ask_narratives(desk: Desk) -> None:
    assert desk.run("narratives", "cuts/blind", "--out", "narratives.csv") == 0
    assert b",withheld," in (desk.place / "narratives.csv").read_bytes()


def ask_portfolio(desk: Desk) -> None:
    builds = [{"name": name, "cut": f"other/{name}", "only": [ONLY[0]]} for name in ("wrong",)]
    (desk.place / "portfolio.yaml").write_text(yaml.safe_dump({"out": "many", "builds": builds}))
    assert desk.run("portfolio", "portfolio.yaml", "--quiet", "--json", "--jobs", "1") == 1


def ask_explore(desk: Desk) -> None:
    for where in ("builds/blind", "cuts/blind"):
        name = f"explore-{where[:4]}.ipynb"
        assert desk.run("explore", where, "--phase", "2", "--out", name, "--write-only") == 0
        follow_notebook(desk, name)
    assert desk.run("explore", "cuts/blind", "--out", name, "--write-only") == 78


def ask_qualify(desk: Desk) -> None:
    """What it says of a build is what build.log says, which is looked at; without a cut it says that it lacks one."""
    assert desk.run("qualify", "pq", "--out", "qualified") == 78


#: In the order in which they are asked: the watch builds what others look at.
ASKED: dict[str, Callable[[Desk], None]] = {
    "watch": ask_watch,
    "validate": ask_validate,
    "build": ask_build,
    "show": ask_show,
    "compare": ask_compare,
    "refresh": ask_refresh,
    "verify": ask_verify,
    "seal": ask_seal,
    "narratives": ask_narratives,
    "portfolio": ask_portfolio,
    "explore": ask_explore,
    "qualify": ask_qualify,
}
#: Verbs that read no cut and no build.
WITHOUT_DATA = {"demo", "simulate", "list", "define", "doctor", "key"}


def tell_shown(made: object) -> str:
    """All that is sent to the reader of what a cell ends with: of a widget the state of all its parts, without their numbers."""
    if isinstance(made, pd.DataFrame):
        return made.to_csv()
    if not isinstance(made, Widget):
        return repr(made) + getattr(made, "_repr_html_", str)()
    states = [part["state"] for part in dependency_state(made).values()]
    return re.sub(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", json.dumps(states, default=repr))


def follow_notebook(desk: Desk, name: str) -> None:
    """The notebook for analysts, cell by cell, as it was written for a build or a cut."""
    notebook = json.loads((desk.place / name).read_text())
    names: dict[str, object] = {"__name__": "__main__"}
    said = []
    for cell in [one for one in notebook["cells"] if one["cell_type"] == "code"]:
        source = "".join(cell["source"]).replace('"Total"', '"All subjects"')
        *steps, last = ast.parse(source).body
        exec(compile(ast.Module(steps, []), "cell", "exec"), names)  # noqa: S102 - our own notebook
        if isinstance(last, ast.Expr):
            made = eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307 - our own notebook
            said.append(tell_shown(made))
        else:
            exec(compile(ast.Module([last], []), "cell", "exec"), names)  # noqa: S102 - our own notebook
    frames = names["study"].data  # type: ignore[attr-defined]
    said += [frames[name].to_csv() + repr(frames[name].attrs) for name in frames]
    desk.told[f"{name}: out"] = "\n".join(said).encode()


def once(made_by: Callable[..., object], known: dict[object, object]) -> Callable[..., object]:
    """What is read, checked, derived or compared of one folder is so once: verbs differ in what they make of it."""

    def ask(*given: object, **more: object) -> object:
        first = getattr(given[0], "cut", given[0])
        place = getattr(first, "folder", first)
        others = [one for one in given[1:] if isinstance(one, (str, Path))]
        key = (
            made_by.__name__,
            str(Path(str(place)).absolute()),
            str(others),
            str(sorted(more.items())),
            str(getattr(given[0], "pooled", "")),
        )
        if key not in known:
            known[key] = made_by(*given, **more)
        return known[key]

    return ask


@pytest.fixture(scope="module")
def patched() -> Iterator[None]:
    from cgbm1_report.build import audit, compared, gate
    from cgbm1_report.read import cut

    known: dict[object, object] = {}
    with pytest.MonkeyPatch.context() as patch:
        for module, names in {
            gate: ("_validate_sdtm", "_derive", "_validate_supplied", "validate_everything"),
            compared: ("compare_places",),
            audit: ("read_cut",),
            cut: ("read_cut",),
        }.items():
            for name in names:
                patch.setattr(module, name, once(getattr(module, name), known))
        yield


@pytest.fixture(scope="module")
def desks(young_phase_cut: Path, tmp_path_factory: pytest.TempPathFactory, own_cache: None, patched: None) -> list[Desk]:
    """Two folders whose cuts differ in who got what; all verbs have been asked in each."""
    cut, root, found = read_cut(young_phase_cut, TRIAL), tmp_path_factory.mktemp("leaks"), []
    dealt, key = [deal(cut, turn) for turn in (0, 1)], root / "key"
    write_keys(key)
    for turn in (0, 1):
        place, (own, other) = root / str(turn), (dealt[turn], dealt[1 - turn])
        sdtm = own["sdtm"]
        write_cut(place / "cuts" / "blind", cut, sdtm, own["adam"])
        write_cut(place / "other" / "dealt", cut, other["sdtm"], other["adam"])
        later = sdtm | {"AE": sdtm["AE"].assign(AEACN="DOSE NOT CHANGED", AEOUT="UNKNOWN")}
        write_cut(place / "other" / "later", cut, later, own["adam"])
        write_cut(place / "other" / "wrong", cut, spoil(sdtm), {})
        (write_cut(place / "other" / "opened", cut, sdtm, {}) / "unblinding.csv").write_text(RECORD)
        write_cut(place / "other" / "unread", cut, break_values(sdtm), {})
        write_trial(place / "study", "05_listings.ipynb")
        write_failing(place / "failing")
        shutil.copy(key, place / "key")
        desk = Desk(place)
        for ask in ASKED.values():
            ask(desk)
        found.append(desk)
    return found


def test_every_verb_is_asked_or_reads_no_data() -> None:
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert set(verbs) == set(ASKED) | WITHOUT_DATA
    for name in WITHOUT_DATA - {"simulate"}:
        assert not {"cut", "place", "folder", "old", "build_folder"} & {one.name for one in verbs[name].params}, name


def tell_difference(one: bytes, other: bytes) -> str:
    """Where two contents differ first, and what stands there."""
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"{one[max(at - 90, 0) : at + 60]!r} {other[max(at - 90, 0) : at + 60]!r}"


def test_no_byte_that_a_verb_says_or_writes_depends_on_who_got_what(desks: list[Desk]) -> None:
    first, second = (desk.everything() for desk in desks)
    assert desks[0].codes == desks[1].codes
    assert first.keys() == second.keys()
    differ = [name for name, content in first.items() if content != second[name]]
    assert not differ, "\n".join(f"{name}: {tell_difference(first[name], second[name])}" for name in differ)
    assert len(first) > 120


def test_no_byte_names_a_lot_a_kit_a_number_or_the_checksum_of_a_file_of_the_cut(desks: list[Desk]) -> None:
    for desk in desks:
        files = hash_cut(desk.place / "cuts" / "blind", TRIAL)
        sums = [files[f"{name}.parquet"] for name in ("sdtm/dm", "sdtm/ex", "sdtm/da", "sdtm/ae", "adam/adsl", "adam/adex")]
        words = re.compile("|".join([LOT, KIT, NUMBER, "P2QQQ", r"-7\.25", *sums]).encode())
        seen = 0
        for name, content in {**desk.told, **dict(desk.files())}.items():
            for place, opened in open_up(name, content):
                found = words.search(opened)
                assert not found, f"{place}: {opened[max(found.start() - 80, 0) : found.end() + 80]!r}"
                seen += 1
        assert seen > 300


def test_no_byte_but_the_protocol_names_an_arm_of_somebody(desks: list[Desk]) -> None:
    """By its code: the names of arms are words of the protocol too, and stand where the design of the trial is told."""
    codes = re.compile("|".join(BLIND).encode())
    told = {**desks[0].told, **dict(desks[0].files())}
    for name, content in told.items():
        # The refusal says again what was asked for.
        if name.endswith("trial.yaml") or "--dose-group" in name:
            continue
        for place, opened in open_up(name, content):
            found = codes.search(opened)
            assert not found, f"{place}: {opened[max(found.start() - 80, 0) : found.end() + 80]!r}"


def test_build_names_what_may_be_seen_of_its_cut_and_is_kept_by_what_its_user_noted(desks: list[Desk]) -> None:
    build = desks[0].place / "builds" / "blind"
    manifest = read_manifest(build)
    assert (manifest["inputs"], "recipe" in manifest) == ({}, False)
    assert {"sdtm/DM", "sdtm/EX", "adam/ADSL", "src_decisions.csv", "cut.json"} <= manifest["blind"]["seen"].keys()
    kept = [name for name in desks[0].told if name.startswith("build cuts/blind --out builds/blind") and name.endswith("out")]
    assert json.loads(desks[0].told[kept[0]])["outputs"] == list(manifest["outputs"])


def texts_of_pages(build: Path) -> Iterator[tuple[str, str]]:
    """Each page, header and title of a build as it is read."""
    from pypdf import PdfReader

    for file in sorted(build.rglob("*")):
        name = file.relative_to(build).as_posix()
        if file.suffix == ".pdf":
            yield from ((f"{name}, page {at}", page.extract_text()) for at, page in enumerate(PdfReader(file).pages, 1))
        elif file.suffix in (".docx", ".xlsx"):
            for place, content in open_up(name, file.read_bytes()):
                if re.search(r"header\d*\.xml$|worksheets/sheet1\.xml$|sharedStrings\.xml$", place):
                    yield place, content.decode()
        elif (
            file.suffix in (".html", ".rtf")
            or (name.startswith("outputs/") and file.suffix in (".json", ".csv"))
            or name in ("ars.json", "build.log", "manifest.json", "index.html")
        ):
            yield name, file.read_text(encoding="utf-8")


def test_every_page_header_and_file_of_a_blind_build_says_blinded(desks: list[Desk]) -> None:
    silent = [name for name, text in texts_of_pages(desks[0].place / "builds" / "blind") if "blinded" not in text.casefold()]
    assert silent == []
