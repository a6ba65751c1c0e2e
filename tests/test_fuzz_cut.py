"""Damaged files: whatever is flipped, cut off, put in or swapped, a reader gives data or one message.

A format without checksums cannot tell every flipped bit: those cases are counted and printed. Where the cut
holds checksums there is none. The SAS7BDAT file is ``date_test.sas7bdat`` of pyreadstat's tests (Apache
License 2.0); no Python package writes that format.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.assets import asset
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.read.cut import Cut, read_cut
from tests.drawn import our_trial
from tests.test_cut import write_any, write_xpt

TRIAL = our_trial()
#: Damaged files, over all kinds; each is read alone and in a cut with checksums.
FILES, SEED = 300, 20260314
#: Seconds no small file takes.
DEADLINE = 10

ROWS = 12
SOUND = pd.DataFrame(
    {
        "USUBJID": [f"NCT06740149-01-{row:03}" for row in range(ROWS)],
        "AESEQ": [float(row) for row in range(ROWS)],
        "AETERM": ["Fever", 'pain, "sharp"', "发热", "fièvre"] * (ROWS // 4),
        "AESTDTC": ["2025-03-10", "2025-03", "2025-03-10T10:30", ""] * (ROWS // 4),
        "AEPTCD": [10037660.0, float("nan"), -1.5, 1e-7] * (ROWS // 4),
    }
)
UNBLINDING = "PHASE,SCOPE,USUBJID,UNBLDTC,REASON,NAME\n2,PHASE,,2026-10-05,FINAL ANALYSIS,A. Statistician\n"


def write_kinds(folder: Path) -> dict[str, Path]:
    """One sound file of each kind, as it lies in a cut."""
    (folder / "sdtm").mkdir(parents=True)
    kinds = {}
    for version in (5, 8):
        kinds[f"xpt{version}"] = folder / f"{version}" / "sdtm" / "ae.xpt"
    for kind in ("parquet", "csv", "json", "ndjson", "sas7bdat"):
        kinds[kind] = folder / kind / "sdtm" / f"ae.{kind}"
    kinds |= {name: folder / name / name for name in ("cut.json", "unblinding.csv", "SHA256SUMS", "trial.yaml")}
    for kind, file in kinds.items():
        (file.parents[1] / "sdtm" if file.parent.name == "sdtm" else file.parent / "sdtm").mkdir(parents=True)
        if kind.startswith("xpt"):
            write_xpt(SOUND, file, int(kind[-1]), {"AETERM": "Reported Term", "AESEQ": "x" * 60 if kind == "xpt8" else "Number"})
        elif kind == "sas7bdat":
            file.write_bytes(gzip.decompress(asset("tests", "oracles", "date_test.sas7bdat.gz").read_bytes()))
        elif file.parent.name == "sdtm":
            write_any(SOUND, file)
        else:
            write_any(SOUND, file.parent / "sdtm" / "ae.csv")
    kinds["cut.json"].write_text('{"cutoff": "2025-06-30", "synthetic": true, "note": "é"}', encoding="utf-8")
    kinds["unblinding.csv"].write_text(UNBLINDING)
    # A record is believed between the first consent of its phase and the cut-off.
    (folder / "unblinding.csv" / "cut.json").write_text('{"cutoff": "2026-12-31"}')
    (folder / "unblinding.csv" / "sdtm" / "dm.csv").write_text("USUBJID,SCRPHASE,RFICDTC\nNCT06740149-01-001,2,2025-03-01\n")
    kinds["SHA256SUMS"].write_text(seal(kinds["SHA256SUMS"].parent))
    kinds["trial.yaml"].write_bytes(asset("trial.yaml").read_bytes())
    return kinds


def seal(cut: Path) -> str:
    """What sha256sum writes of the files of a cut."""
    files = [path for path in sorted(cut.rglob("*")) if path.is_file() and path.name != "SHA256SUMS"]
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(cut).as_posix()}\n" for path in files)


def damage(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """One of the things that happen to files, at a random place."""
    at, size = rng.randrange(len(data)), rng.choice((1, 2, 8, 80, 140, 500))
    how = rng.choice(("flip", "flip", "flip", "burst", "cut", "insert", "remove", "zero", "swap", "repeat", "splice"))
    if how in ("flip", "burst"):
        changed = bytearray(data)
        for _ in range(1 if how == "flip" else 20):
            changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return bytes(changed)
    if how == "cut":
        return data[:at]
    if how == "insert":
        return data[:at] + rng.randbytes(size) + data[at:]
    if how == "remove":
        return data[:at] + data[at + size :]
    if how == "zero":
        return data[:at] + bytes(len(data[at : at + size])) + data[at + size :]
    if how == "swap":
        return data[:at] + data[at + size : at + 2 * size] + data[at : at + size] + data[at + 2 * size :]
    if how == "repeat":
        return data[:at] + data[at : at + size] * rng.choice((2, 50)) + data[at + size :]
    return data[:at] + other[rng.randrange(len(other)) :]


@contextmanager
def deadline(what: str) -> Iterator[None]:
    """Fail where a read does not come back."""

    def fail(*_: object) -> None:
        raise AssertionError(f"{what} was still being read after {DEADLINE} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, DEADLINE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def content_of(cut: Cut) -> str:
    """Everything a cut says but the hashes: frames with their labels, and what lies beside them."""
    frames = [
        frame.to_json(orient="split", date_format="iso", double_precision=15) + json.dumps(frame.attrs, sort_keys=True)
        for _, frame in sorted((cut.sdtm | cut.adam).items())
    ]
    beside = None if cut.unblinding is None else cut.unblinding.to_json()
    return json.dumps([*frames, beside, str(cut.cutoff), cut.synthetic, cut.about], sort_keys=True)


def read(file: Path, kind: str) -> str:
    """What a file says, or ``refused``: nothing but one error of ours."""
    try:
        if kind == "trial.yaml":
            return read_trial(file).model_dump_json()
        return content_of(read_cut(file.parents[1] if file.parent.name == "sdtm" else file.parent, TRIAL))
    except ReportError as error:
        return "refused" if error.problems else "refused without a word"


def test_damaged_file_is_data_or_one_message_and_never_other_data_where_there_are_checksums(
    tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    kinds = write_kinds(tmp_path)
    rng = random.Random(SEED)  # noqa: S311 - damage that can be repeated
    sound = {kind: file.read_bytes() for kind, file in kinds.items()}
    said = {kind: read(file, kind) for kind, file in kinds.items()}
    assert "refused" not in said.values()
    outcomes: Counter[tuple[str, str]] = Counter()
    for number in range(FILES):
        kind = list(kinds)[number % len(kinds)]
        file, changed = kinds[kind], damage(sound[kind], sound[rng.choice(list(kinds))], rng)
        if changed == sound[kind]:
            continue
        cut = file.parents[1] if file.parent.name == "sdtm" else file.parent
        sums = cut / "SHA256SUMS"
        with deadline(f"file {number}, {kind}"):
            file.write_bytes(changed)
            found = read(file, kind)
            outcome = "refused" if found == "refused" else "the same" if found == said[kind] else "other data"
            outcomes[kind, outcome] += 1
            if kind not in ("SHA256SUMS", "trial.yaml"):
                file.write_bytes(sound[kind])
                sums.write_text(seal(cut))
                file.write_bytes(changed)
                assert read(file, kind) == "refused", f"file {number}, {kind}: other bytes than its checksum was made of"
                sums.unlink()
        file.write_bytes(sound[kind])
    told = {outcome: sum(count for (_, one), count in outcomes.items() if one == outcome) for _, outcome in outcomes}
    other = ", ".join(f"{kind} {count}" for (kind, outcome), count in sorted(outcomes.items()) if outcome == "other data")
    record_property(
        "counted", f"damaged files: {sum(told.values())} read, {told}; other data without a checksum: {other}; with one: 0"
    )
    assert sum(told.values()) > FILES * 0.9  # some damage leaves a file as it was
    assert told["refused"] > FILES / 3
    # A list of checksums that is damaged never lets other data pass: the data under it are sound.
    assert outcomes["SHA256SUMS", "other data"] == 0
