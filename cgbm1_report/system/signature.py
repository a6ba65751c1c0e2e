"""Detached signatures of a build: who holds the private key made this manifest, and nobody changed it since.

The signature is Ed25519 (RFC 8032) over the bytes of ``manifest.json``, which holds the SHA-256 of every other file. It lies beside
it as ``manifest.json.sig``, 64 bytes, as OpenSSL writes and reads them, so that it can be checked without this program:

    openssl pkeyutl -verify -rawin -pubin -inkey KEY.pub -in manifest.json -sigfile manifest.json.sig

The manifest names its signer by the SHA-256 of the public key: with it a signature that was taken away is missed without any key,
and another key is told from a changed manifest. Ed25519 has no chance in it: the same manifest and key give the same bytes.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.system.manifest import MANIFEST, SIGNATURE
from cgbm1_report.system.room import tell_unwritten

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

#: Where the passphrase of a key is taken from; a command line is seen by everybody on the machine.
PASSPHRASE = "CGBM1_REPORT_PASSPHRASE"  # noqa: S105 - the name of the variable
_RULE = "signature of the build"
_OURS = "make a pair of keys with cgbm1-report key FILE"


@dataclass(frozen=True)
class Signer:
    """A private key that was read, and the SHA-256 of its public key."""

    key: Ed25519PrivateKey
    name: str

    def sign(self, folder: Path) -> None:
        """Sign the manifest in a folder."""
        (folder / SIGNATURE).write_bytes(self.key.sign((folder / MANIFEST).read_bytes()))


def name_key(key: Ed25519PublicKey) -> str:
    """SHA-256 of a public key (SubjectPublicKeyInfo, DER)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def read_signer(file: Path, *, asks: bool = True) -> Signer:
    """Read the private key that builds are signed with, a PEM file; its passphrase is in `PASSPHRASE`, or asked for on a terminal.

    The variable is taken out of the environment: notebooks and programs that a build runs inherit it.

    Raises
    ------
    ReportError
        It cannot be read, is no private Ed25519 key, or the passphrase is missing or wrong.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    given = os.environ.pop(PASSPHRASE, "")
    content = _read(file)
    try:
        key = load_pem_private_key(content, None)
    except TypeError:
        key = _open(file, content, given or _ask(file, "Passphrase of", asks=asks))
    except (ValueError, UnsupportedAlgorithm):
        raise PlanError("is no private key in PEM", file=file, rule=_RULE, remedy=_OURS) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise PlanError("is a private key, but not of Ed25519", file=file, rule=_RULE, remedy=_OURS)
    return Signer(key, name_key(key.public_key()))


def require_signer(file: Path) -> None:
    """Refuse a private key with which no later process of this run could sign, none of which can ask for a passphrase.

    Raises
    ------
    ReportError
        As `read_signer`; also where it has a passphrase that the environment does not hold.
    """
    given = os.environ.get(PASSPHRASE, "")
    try:
        read_signer(file, asks=False)
    finally:
        if given:
            os.environ[PASSPHRASE] = given


def _open(file: Path, content: bytes, passphrase: str) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(content, passphrase.encode())
    except ValueError:
        raise PlanError(
            "cannot be opened: the passphrase is wrong",
            file=file,
            rule=_RULE,
            remedy=f"correct it, in {PASSPHRASE} or as it is typed; or name the key that it is of",
        ) from None


def _ask(file: Path, what: str, *, asks: bool = True) -> str:
    if not (asks and sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise PlanError("has a passphrase, and none is given", file=file, rule=_RULE, remedy=f"give it in {PASSPHRASE}")
    return getpass.getpass(f"{what} {file}: ", stream=sys.stderr)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise PlanError(f"cannot be read: {error.strerror}", file=file, rule=_RULE, remedy="name the key's file") from error


def _read_public(file: Path) -> Ed25519PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    content = _read(file)
    if b"PRIVATE KEY" in content:
        remedy = "name the public key, KEY.pub: a private one is for who signs alone"
        raise PlanError("is a private key", file=file, rule=_RULE, remedy=remedy)
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise PlanError("is no public key in PEM", file=file, rule=_RULE, remedy="name the public key, KEY.pub") from None
    if not isinstance(key, Ed25519PublicKey):
        raise PlanError("is a public key, but not of Ed25519", file=file, rule=_RULE, remedy="name the signer's public key")
    return key


def check_signature(folder: Path, manifest: Mapping[str, Any], public: Path | None) -> tuple[str, list[Problem]]:
    """Whether the signature beside a manifest is of this manifest and by this key; without a key, whether it is there.

    Returns
    -------
    tuple
        What is said of it in a line, and what is wrong.

    Raises
    ------
    ReportError
        The key cannot be read.
    """
    key = _read_public(public) if public else None
    own = name_key(key) if key else ""
    signer = str(manifest.get("signed_by", ""))
    place = folder / SIGNATURE
    try:
        content = place.read_bytes()
    except OSError as error:
        if not signer and key is None:
            return "not signed", []
        told = f"the manifest was signed with key {signer}" if signer else "the manifest names no signer"
        said = f"cannot be read ({error.strerror}): {told}"
        again = f"put {SIGNATURE} back, or get the build anew from who made it"
        return "the signature is missing", [
            _wrong(place, said, again if signer else "build again with --sign, or verify without --key")
        ]
    if key is None:
        return f"signed with key {signer or 'that the manifest does not name'}: not checked, name the public key with --key", []
    if signer and signer != own:
        said = f"the manifest names key {signer} as its signer, and {public} is key {own}"
        return "signed with another key", [_wrong(place, said, "name the public key of who signed it")]
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(content, (folder / MANIFEST).read_bytes())
    except InvalidSignature:
        said = f"is not the signature of this manifest by key {own}: one of the two was changed since, or made anew"
        return "the signature does not hold", [_wrong(place, said, "do not use the build: get it anew from who made it")]
    return f"the signature holds: key {own}", []


def _wrong(place: Path, said: str, remedy: str) -> Problem:
    return Problem(said, str(place), _RULE, remedy=remedy)


def write_keys(file: Path) -> list[Path]:
    """Make a pair of keys: the private one into a new file that only its owner may read, the public one beside it, ``FILE.pub``.

    The private key is encrypted where `PASSPHRASE` is set, or one is given on the terminal.

    Raises
    ------
    ReportError
        One of the files is there already, or cannot be written.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        KeySerializationEncryption,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    public = file.with_name(f"{file.name}.pub")
    there = [path for path in (file, public) if os.path.lexists(path)]
    if there:
        remedy = "name another file: what was signed with a key that is gone can still be checked, but nothing signed again"
        raise PlanError.of(Problem("exists, and no key is overwritten", str(path), _RULE, remedy=remedy) for path in there)
    passphrase = os.environ.pop(PASSPHRASE, "") or _ask_twice(file)
    how: KeySerializationEncryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    key = Ed25519PrivateKey.generate()
    contents = {
        file: (key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how), 0o600),
        public: (key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), 0o644),
    }
    made: list[Path] = []
    for path, (content, rights) in contents.items():
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, rights), "wb") as written:
                made.append(path)
                written.write(content)
        except OSError as error:
            # Half a pair is none, and would keep the next one from being made.
            for half in made:
                half.unlink(missing_ok=True)
            raise tell_unwritten(error, path, rule=_RULE, remedy="name another file") from error
    return list(contents)


def _ask_twice(file: Path) -> str:
    """A passphrase for a new key, given twice; none away from a terminal."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return ""
    first = _ask(file, "Passphrase for")
    if first and _ask(file, "The same again for") != first:
        raise PlanError("the two passphrases are not the same", file=file, rule=_RULE, remedy="try again")
    return first
