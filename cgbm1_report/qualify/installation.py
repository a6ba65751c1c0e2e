"""Installation qualification: packages are those that were locked, their files unchanged, and nothing is missing."""

from __future__ import annotations

import base64
import hashlib
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from cgbm1_report.doctor import examine
from cgbm1_report.errors import number_of
from cgbm1_report.qualify.record import Check, Record, make_record, tell_moment
from cgbm1_report.system.packages import ITSELF, locked_hashes, needed_packages, version_of

#: Python as pyproject.toml asks for it.
_PYTHON = (3, 11)


def qualify_installation() -> Record:
    """Hold what is installed against requirements.lock and against what each package says of its files."""
    begun = tell_moment()
    names = needed_packages()
    checks = [_check_python(), *_check_versions(names), *(_check_files(distribution(name)) for name in names), _check_needed()]
    return make_record("iq", "Installation qualification", checks, begun)


def _check_python() -> Check:
    found = sys.version_info[:2]
    return Check(
        "Python", f"{'.'.join(map(str, _PYTHON))} or newer", ".".join(map(str, sys.version_info[:3])), tuple(found) >= _PYTHON
    )


def _check_versions(names: list[str]) -> list[Check]:
    locked = dict(locked_hashes().keys())
    checks = []
    for name in names:
        if name == ITSELF:
            continue
        wanted, found = locked.get(name, "none is locked"), version_of(name)
        checks.append(Check(f"Version of {name}", wanted, found, found == wanted))
    return checks


def _check_files(package: Distribution) -> Check:
    """That each file is as the package brought it; what it keeps beside them, as compiled code, says no hash and is not asked."""
    name, looked, changed = package.metadata["Name"], 0, []
    for file in package.files or ():
        if file.hash is None or file.hash.mode != "sha256":
            continue
        looked += 1
        if _hash_of(Path(str(package.locate_file(file)))) != file.hash.value:
            changed.append(str(file))
    told = f"{number_of(looked, 'file')}, {len(changed)} changed or missing" + (f": {', '.join(changed[:5])}" if changed else "")
    return Check(f"Files of {name}", "each as its package says (SHA-256)", told, not changed if looked else None)


def _hash_of(path: Path) -> str:
    """As a wheel writes it; nothing of a file that is not there."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _check_needed() -> Check:
    lines, healthy = examine()
    missing = [line for line in lines if line.startswith("missing")]
    return Check("All that a build needs (cgbm1-report doctor)", "nothing is missing", "; ".join(missing) or lines[-1], healthy)
