"""The package of the monitoring board is blind in every byte: arms, doses, lots, kits and numbers dealt out anew change no file."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pikepdf
import pytest
from pypdf import PdfReader

from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import KNOWN, Request
from cgbm1_report.read.cut import Cut, read_cut
from cgbm1_report.read.folder import hash_cut
from cgbm1_report.readback import verify_build
from cgbm1_report.system.manifest import read_manifest
from tests.drawn import our_trial
from tests.permuted import Frames, deal_anew, write_cut

TRIAL = our_trial()
BLIND = [arm for arm in TRIAL.arms if TRIAL.phases[arm.phase].blinded]
#: What begins each lot, kit and randomisation number of these cuts, and stands nowhere else in the world.
LOT, KIT, NUMBER = "LOTXQ", "KITXQ", "RNDXQ"
RECORD = "PHASE,SCOPE,USUBJID,UNBLDTC,REASON,NAME\n2,PHASE,,2025-12-01,FINAL ANALYSIS,A Statistician\n"


def tell_treatment(sdtm: Frames) -> Frames:
    """The same with lots, kits and randomisation numbers that can be found wherever they are written."""
    dm, ex = sdtm["DM"], sdtm["EX"]
    arms = ex["USUBJID"].map(dm.set_index("USUBJID")["ARMCD"])
    kits = KIT + arms + ex["EXSEQ"].map("{:.0f}".format)
    return sdtm | {"DM": dm.assign(RANDNO=NUMBER + dm["RANDNO"]), "EX": ex.assign(EXLOT=LOT + ex["EXLOT"], EXREFID=kits)}


@pytest.fixture(scope="module")
def young_phase(young_phase_cut: Path) -> Cut:
    return read_cut(young_phase_cut, TRIAL)


def write_dealt(folder: Path, cut: Cut, turn: int) -> Path:
    """The cut with its arms dealt out, in a folder of the same name: the stamp of a build names it."""
    dealt = write_cut(folder / "cut", cut, tell_treatment(deal_anew(cut, TRIAL, turn)), {})
    (dealt / "unblinding.csv").write_text(RECORD)
    return dealt


@pytest.fixture(scope="module")
def builds(young_phase: Cut, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two packages of cuts that differ in who got what and in nothing else, with a record by which treatment could be read.

    Of cuts without one nothing can be read by anybody: tests/test_leaks.py and test_blinding.py.
    """
    folder, made = tmp_path_factory.mktemp("packages"), []
    for turn in (0, 1):
        cut = write_dealt(folder / str(turn), young_phase, turn)
        made.append(build_report(Request(cut=cut, out=folder / str(turn) / "build", package="dsmb", formats=KNOWN)))
    return made


def read_files(build: Path) -> dict[str, bytes]:
    return {file.relative_to(build).as_posix(): file.read_bytes() for file in sorted(build.rglob("*")) if file.is_file()}


#: A picture as text: its letters are packed dots, among which any four letters stand once in a million.
PICTURE = re.compile(rb"iVBORw0KGgo[A-Za-z0-9+/\\n]+=*")


def open_up(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """A file and all that is packed in it: members of zip files, streams and text of a PDF, columns of parquet, IDAT of a PNG."""
    yield name, PICTURE.sub(b"", content)
    for at, picture in enumerate(PICTURE.findall(content)):
        yield from open_up(f"{name}/picture {at}", base64.b64decode(picture.replace(b"\\n", b"")))
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for member in packed.namelist():
                yield from open_up(f"{name}/{member}", packed.read(member))
    elif content.startswith(b"%PDF"):
        with pikepdf.open(io.BytesIO(content)) as document:
            for number, one in enumerate(document.objects):
                if isinstance(one, pikepdf.Stream) and "/Image" not in str(one.get("/Subtype")):
                    yield f"{name}/{number}", one.read_bytes()
            yield f"{name}/metadata", str(document.docinfo).encode() + document.open_metadata().__str__().encode()
        yield f"{name}/text", "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).encode()
    elif content.startswith(b"PAR1"):
        frame = pd.read_parquet(io.BytesIO(content))
        yield f"{name}/values", frame.to_csv().encode()
        yield f"{name}/attributes", json.dumps(frame.attrs, default=str).encode()
    elif content.startswith(b"\x89PNG"):
        yield (
            f"{name}/pixels",
            zlib.decompress(b"".join(re.findall(rb"IDAT(.*?)(?=.{4}....I(?:DAT|END))", content, re.S)) or zlib.compress(b"")),
        )


def names_of_treatment() -> re.Pattern[bytes]:
    """What of the protocol tells an arm: its code, name, heading, column and dose; what begins lots, kits and numbers."""
    told = {text for arm in BLIND for text in (arm.armcd, arm.arm, arm.heading, arm.column_label, f"{arm.column} dose")}
    told |= {str(TRIAL.phases[arm.phase].reference) for arm in BLIND} | {LOT, KIT, NUMBER}
    # That the trial is placebo-controlled is its design, and no arm of anybody.
    return re.compile(rb"(?:" + b"|".join(re.escape(text.encode()) for text in sorted(told)) + rb")(?!-controlled)", re.I)


def test_both_builds_are_equal_in_every_byte_of_every_file(builds: list[Path]) -> None:
    first, second = map(read_files, builds)
    assert first.keys() == second.keys()
    assert [name for name, content in first.items() if content != second[name]] == []
    asked = json.loads(first["manifest.json"])["report"]["formats"]
    assert {f".{one}" for one in asked} | {".json", ".csv", ".ipynb", ".parquet", ".log"} <= {Path(name).suffix for name in first}
    assert {"ard.parquet", "ars.json", "findings.xlsx", "adam/adex.parquet", "outputs/dsmb-10b.html"} <= first.keys()


def test_no_byte_names_a_treatment(builds: list[Path]) -> None:
    """Packed or not. The protocol alone, which is public and the same for everybody, names the arms that there are."""
    files = read_files(builds[0])
    assert files.pop("trial.yaml") == (Path(__file__).parents[1] / "trial.yaml").read_bytes()
    names, seen = names_of_treatment(), 0
    for file, content in files.items():
        for place, opened in open_up(file, content):
            found = names.search(opened)
            assert not found, f"{place}: {opened[max(found.start() - 60, 0) : found.end() + 60]!r}"
            seen += 1
    # Of what is packed far more is looked at than there are files.
    assert seen > 1.5 * len(files)


def test_search_finds_what_is_packed() -> None:
    """Of each kind one that names an arm: what is searched for would be found."""
    names, text = names_of_treatment(), f"{KIT} of P2PBO".encode()
    packed, frame = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", text)
    pd.DataFrame({"ARMCD": [text.decode()] * 99}).to_parquet(frame)
    document = pikepdf.new()
    document.add_blank_page()
    document.pages[0].contents_add(pikepdf.Stream(document, b"(" + text + b") Tj"))
    document.save(made := io.BytesIO(), compress_streams=True, recompress_flate=True)
    dots = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(one)) + kind + one + struct.pack(">I", zlib.crc32(kind + one))
        for kind, one in ((b"IHDR", bytes(13)), (b"IDAT", zlib.compress(text)), (b"IEND", b""))
    )
    page = b'{"image/png": "' + base64.encodebytes(dots).replace(b"\n", b"\\n") + b'"}'
    assert not names.search(page)
    for content in (packed.getvalue(), frame.getvalue(), made.getvalue(), dots, page):
        assert any(names.search(opened) for _, opened in open_up("file", content))


def test_package_names_no_checksum_of_what_holds_treatment_and_says_why_it_cannot_be_held_against_a_cut(builds: list[Path]) -> None:
    manifest = read_manifest(builds[0])
    assert manifest["inputs"] == {}
    assert {"adam/adsl.parquet", "adam/adex.parquet"} <= manifest["files"].keys()
    assert verify_build(builds[0], manifest).findings == ()
    (found,) = verify_build(builds[0], manifest, hash_cut(builds[0].parent / "cut")).findings
    assert found.message.startswith("names no file of a cut")
