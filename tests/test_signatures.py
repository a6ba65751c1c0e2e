"""Signatures of builds: who made the manifest, whatever else was made anew; checked by OpenSSL's own command too."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.errors import PlanError, number_of
from cgbm1_report.system.manifest import read_manifest
from cgbm1_report.system.signature import Signer, check_signature, read_signer, require_signer, write_keys

CarryOut = Callable[..., tuple[int, str, str]]

#: RFC 8032, 7.1, TEST 1 as PEM: PKCS #8 (RFC 8410) of its secret key, and what an empty file is signed with.
RFC_KEY = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"
RFC_SIGNATURE = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key, its public one beside it, and those of somebody else."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ours", "theirs"):
        write_keys(folder / name)
    return folder


@pytest.fixture(scope="module")
def signed(young_phase_cut: Path, keys: Path, read_once: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed build of one table. Nobody writes into it."""
    from cgbm1_report.build import make

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "read_data", read_once)
        return build_report(ask(young_phase_cut, tmp_path_factory.mktemp("signed") / "build", keys / "ours"))


def ask(cut: Path, out: Path, key: Path | None) -> Request:
    return Request(cut=cut, out=out, only=("T14.1.4.1",), phase=1, dose_group="all", formats=("html",), sign=key)


@pytest.fixture
def build(signed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(signed, tmp_path / "build")


def said(build: Path, key: Path | None) -> tuple[str, list[str]]:
    told, problems = check_signature(build, read_manifest(build), key)
    return told, [str(problem) for problem in problems]


def test_a_signature_is_that_of_the_standard(tmp_path: Path) -> None:
    key = tmp_path / "rfc.pem"
    key.write_text(f"-----BEGIN PRIVATE KEY-----\n{RFC_KEY}\n-----END PRIVATE KEY-----\n")
    (tmp_path / "manifest.json").write_bytes(b"")
    read_signer(key).sign(tmp_path)
    assert (tmp_path / "manifest.json.sig").read_bytes().hex() == RFC_SIGNATURE


def test_a_build_is_signed_and_its_signature_holds(build: Path, keys: Path, carry_out: CarryOut) -> None:
    assert (build / "manifest.json.sig").stat().st_size == 64
    assert "manifest.json.sig" not in read_manifest(build)["files"]
    name = read_manifest(build)["signed_by"]
    assert said(build, keys / "ours.pub") == (f"the signature holds: key {name}", [])
    code, printed, _ = carry_out("verify", build, "--key", keys / "ours.pub")
    assert code == 0
    assert f"signature: the signature holds: key {name}\n" in printed
    code, printed, _ = carry_out("verify", build)
    assert code == 0
    assert f"signature: signed with key {name}: not checked, name the public key with --key\n" in printed


@pytest.mark.runs("openssl")
def test_openssl_checks_our_signature_and_we_check_that_of_openssl(build: Path, tmp_path: Path, keys: Path) -> None:
    def openssl(*words: object) -> bytes:
        return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=build).stdout

    checked = ("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", keys / "ours.pub", "-in", "manifest.json", "-sigfile")
    assert b"Signature Verified Successfully" in openssl(*checked, "manifest.json.sig")
    openssl("genpkey", "-algorithm", "ed25519", "-out", tmp_path / "other.pem")
    openssl("pkey", "-in", tmp_path / "other.pem", "-pubout", "-out", tmp_path / "other.pub")
    manifest = json.loads((build / "manifest.json").read_text())
    # A build that was not signed when it was made, signed afterwards.
    del manifest["signed_by"]
    (build / "manifest.json").write_text(json.dumps(manifest))
    openssl("pkeyutl", "-sign", "-rawin", "-inkey", tmp_path / "other.pem", "-in", "manifest.json", "-out", "manifest.json.sig")
    assert said(build, None) == ("signed with key that the manifest does not name: not checked, name the public key with --key", [])
    told, problems = said(build, tmp_path / "other.pub")
    assert told.startswith("the signature holds: key ")
    assert problems == []
    with pytest.raises(PlanError, match=r"manifest\.json\.sig: is a file that the build did not make: it is not replaced"):
        build_report(Request(cut=tmp_path / "no cut", out=build))


def remake(build: Path) -> None:
    """A number is changed, and the manifest made anew so that it fits."""
    import hashlib

    page = build / "outputs" / "t-14-1-4-1.csv"
    page.write_text(page.read_text().replace("1", "2"))
    manifest = json.loads((build / "manifest.json").read_text())
    manifest["files"]["outputs/t-14-1-4-1.csv"] = hashlib.sha256(page.read_bytes()).hexdigest()
    (build / "manifest.json").write_text(json.dumps(manifest))


def unsign(build: Path) -> None:
    (build / "manifest.json.sig").unlink()


def unname(build: Path) -> None:
    """The signature is taken away, and from the manifest that there was one."""
    unsign(build)
    manifest = json.loads((build / "manifest.json").read_text())
    del manifest["signed_by"]
    (build / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("act", "key", "told"),
    [
        (remake, "ours", "is not the signature of this manifest by key"),
        (lambda build: (build / "manifest.json.sig").write_bytes(b""), "ours", "is not the signature of this manifest by key"),
        (unsign, "ours", "cannot be read (No such file or directory): the manifest was signed with key"),
        (unsign, None, "cannot be read (No such file or directory): the manifest was signed with key"),
        (unname, "ours", "cannot be read (No such file or directory): the manifest names no signer"),
        (lambda build: None, "theirs", "as its signer, and "),
    ],
)
def test_what_was_made_anew_or_taken_away_is_one_message(
    build: Path, keys: Path, act: Callable[[Path], object], key: str | None, told: str, carry_out: CarryOut
) -> None:
    act(build)
    (problem,) = said(build, keys / f"{key}.pub" if key else None)[1]
    assert told in problem
    assert "[rule: signature of the build] Remedy: " in problem
    code, printed, _ = carry_out("verify", build, *(["--key", keys / f"{key}.pub"] if key else []))
    assert code == 1
    assert told in " ".join(printed.split())
    count = sum("[rule: " in line for line in printed.splitlines())
    assert printed.splitlines()[-1].endswith(f", {number_of(count, 'finding')}")
    assert count > 0


@pytest.mark.parametrize(
    ("act", "key", "remedy"),
    [
        (lambda build: None, "theirs", "name the public key of who signed it"),
        (unsign, "ours", "put manifest.json.sig back, or get the build anew from who made it"),
        (unname, "ours", "build again with --sign, or verify without --key"),
    ],
)
def test_what_is_wrong_with_a_signature_is_a_finding_with_a_remedy_that_can_be_followed(
    build: Path, keys: Path, act: Callable[[Path], object], key: str, remedy: str, carry_out: CarryOut
) -> None:
    act(build)
    (build / "index.html").write_text("<p>changed</p>")
    code, printed, _ = carry_out("verify", build, "--key", keys / f"{key}.pub", "--json")
    assert code == 1
    found = json.loads(printed)["findings"]
    assert (found[0]["rule"], found[0]["remedy"]) == ("signature of the build", remedy)
    told = "find out who changed it and why, and put the file of the build back, from an archive; build again only to replace it"
    assert found[1]["remedy"] == told
    assert {one["remedy"] for one in found[2:]} == {"put the files back that are not as the build left them, and verify again"}


@pytest.mark.usefixtures("shared_cuts_are_read")
def test_a_signed_build_is_replaced_and_the_same_key_gives_the_same_bytes(young_phase_cut: Path, build: Path, keys: Path) -> None:
    before = {path.relative_to(build): path.read_bytes() for path in build.rglob("*") if path.is_file()}
    assert build_report(ask(young_phase_cut, build, keys / "ours")) == build
    assert {path.relative_to(build): path.read_bytes() for path in build.rglob("*") if path.is_file()} == before
    build_report(ask(young_phase_cut, build, None))
    assert not (build / "manifest.json.sig").exists()
    assert said(build, None) == ("not signed", [])
    unsigned, with_it = read_manifest(build), json.loads(before[Path("manifest.json")])
    assert unsigned == {name: told for name, told in with_it.items() if name != "signed_by"}


def test_keys_are_new_files_and_the_private_one_is_for_its_owner(tmp_path: Path, carry_out: CarryOut) -> None:
    code, printed, _ = carry_out("key", tmp_path / "k")
    assert (code, printed.split()) == (0, [str(tmp_path / "k"), str(tmp_path / "k.pub")])
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    code, _, told = carry_out("key", tmp_path / "k")
    assert code == 78
    assert told.count("exists, and no key is overwritten") == 2
    assert isinstance(read_signer(tmp_path / "k"), Signer)


def test_a_passphrase_is_heard_from_the_environment_and_leaves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGBM1_REPORT_PASSPHRASE", "open, sesame")
    write_keys(tmp_path / "k")
    assert "CGBM1_REPORT_PASSPHRASE" not in os.environ
    assert "ENCRYPTED" in (tmp_path / "k").read_text()
    with pytest.raises(PlanError, match=r"has a passphrase, and none is given .*Remedy: give it in CGBM1_REPORT_PASSPHRASE"):
        read_signer(tmp_path / "k")
    monkeypatch.setenv("CGBM1_REPORT_PASSPHRASE", "open, barley")
    with pytest.raises(PlanError, match="the passphrase is wrong"):
        read_signer(tmp_path / "k")
    monkeypatch.setenv("CGBM1_REPORT_PASSPHRASE", "open, sesame")
    assert len(read_signer(tmp_path / "k").name) == 64
    assert "CGBM1_REPORT_PASSPHRASE" not in os.environ


def test_a_night_that_signs_begins_with_a_key_that_opens_without_being_asked_for_and_leaves_its_passphrase_to_the_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CGBM1_REPORT_PASSPHRASE", "open, sesame")
    write_keys(tmp_path / "k")
    with pytest.raises(PlanError, match="has a passphrase, and none is given"):
        require_signer(tmp_path / "k")
    for given in ("open, barley", "open, sesame"):
        monkeypatch.setenv("CGBM1_REPORT_PASSPHRASE", given)
        if given == "open, barley":
            with pytest.raises(PlanError, match="the passphrase is wrong"):
                require_signer(tmp_path / "k")
        else:
            require_signer(tmp_path / "k")
        assert os.environ["CGBM1_REPORT_PASSPHRASE"] == given


def test_what_is_no_key_is_said_before_anything_is_built(tmp_path: Path, keys: Path, signed: Path) -> None:
    (tmp_path / "text").write_text("sesame")
    told = {
        "nowhere": "cannot be read: No such file or directory",
        "text": "is no private key in PEM",
        "ours.pub": "is no private key in PEM",
    }
    for name, message in told.items():
        file = keys / name if name.endswith(".pub") else tmp_path / name
        with pytest.raises(PlanError, match=message):
            build_report(Request(cut=tmp_path / "no such cut", out=tmp_path / "b", sign=file))
    for file, message in (
        (keys / "ours", "is a private key .*Remedy: name the public key"),
        (tmp_path / "text", "is no public key"),
    ):
        with pytest.raises(PlanError, match=message):
            said(signed, file)


def test_a_key_of_another_kind_is_refused(tmp_path: Path, signed: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = generate_private_key(SECP256R1())
    (tmp_path / "ec").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "ec.pub").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(PlanError, match="is a private key, but not of Ed25519"):
        read_signer(tmp_path / "ec")
    with pytest.raises(PlanError, match="is a public key, but not of Ed25519"):
        said(signed, tmp_path / "ec.pub")
