"""Qualification: what was expected and observed stands in a record, and what is not as expected fails it.

A performance qualification that is carried out is an example of docs/qualification.md, which tests/test_docs.py runs.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from cgbm1_report.errors import ReportError
from cgbm1_report.qualify import Check, qualify_operation, write_record
from cgbm1_report.qualify import performance as performance_module
from cgbm1_report.qualify.installation import _check_files, _check_versions, qualify_installation
from cgbm1_report.qualify.record import make_record
from cgbm1_report.system.packages import ITSELF, needed_packages, version_of


def install(folder: Path, **files: str) -> Distribution:
    """A package of these files, as an installer leaves it."""
    about = folder / "fake-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: fake\nVersion: 1.0\n")
    lines = []
    for name, text in files.items():
        (folder / name).write_text(text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(text)}")
    (about / "RECORD").write_text("\n".join([*lines, "fake-1.0.dist-info/RECORD,,", "cache.pyc,,"]) + "\n")
    return Distribution.at(about)


def test_file_that_was_changed_or_is_gone_fails_its_package(tmp_path: Path) -> None:
    package = install(tmp_path, one="a", two="b", three="c")
    whole = _check_files(package)
    assert (whole.passed, whole.observed) == (True, "3 files, 0 changed or missing")
    (tmp_path / "one").write_text("changed")
    (tmp_path / "two").unlink()
    found = _check_files(package)
    assert (found.passed, found.observed) == (False, "3 files, 2 changed or missing: one, two")


def test_version_other_than_the_locked_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    import cgbm1_report.qualify.installation as module

    monkeypatch.setattr(module, "locked_hashes", lambda: {("pandas", "1.0"): (), ("numpy", version_of("numpy")): ()})
    told = {one.what: (one.expected, one.passed) for one in _check_versions(["numpy", "pandas", "scipy", ITSELF])}
    assert told == {
        "Version of numpy": (version_of("numpy"), True),
        "Version of pandas": ("1.0", False),
        "Version of scipy": ("none is locked", False),
    }


def test_installation_is_asked_of_every_package_that_a_build_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    import cgbm1_report.qualify.installation as module

    # The files themselves are read in the tests above: hundreds of megabytes.
    monkeypatch.setattr(module, "_check_files", lambda package: Check(f"Files of {package.metadata['Name']}", "", "", True))
    record = qualify_installation()
    names = needed_packages()
    assert len(record.checks) == 2 * len(names) + 1
    assert len(names) > 40
    assert [one for one in record.failed if not one.what.startswith("Files")] == []


def test_operation_is_what_the_tests_of_a_checkout_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing --unknown-to-that-checkout")  # said to another run, not to this one
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text("")
    (tests / "test_good.py").write_text('"""Sums are right.\n\nMore."""\n\n\ndef test_sum():\n    assert 1 + 1 == 2\n')
    (tests / "test_bad.py").write_text(
        '"""Products are right."""\nimport pytest\n\n\ndef test_product():\n    assert 2 * 2 == 5\n\n\n'
        '@pytest.mark.skip(reason="no scale")\ndef test_weight():\n    pass\n'
    )
    record = qualify_operation(tmp_path)
    told = {one.what: (one.passed, one.observed.split(";")[0]) for one in record.checks}
    assert told == {
        "test_bad: Products are right.": (False, "0 passed, 1 failed, 1 not tried"),
        "test_good: Sums are right.": (True, "1 passed, 0 failed, 0 not tried"),
    }
    assert "no scale" in record.checks[0].observed
    with pytest.raises(ReportError, match="holds no tests"):
        qualify_operation(tmp_path / "tests")


def test_builds_that_differ_in_a_byte_fail(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "outputs").mkdir(parents=True)
        for file in ("a", "outputs/b"):
            (tmp_path / name / file).write_text(file)
    same = performance_module._check_same(tmp_path / "one", tmp_path / "two")
    assert (same.passed, same.observed) == (True, "2 files, 0 differ")
    (tmp_path / "two" / "outputs" / "b").write_text("x")
    (tmp_path / "two" / "more").write_text("x")
    apart = performance_module._check_same(tmp_path / "one", tmp_path / "two")
    assert (apart.passed, apart.observed) == (False, "2 files, 2 differ: outputs/b, more")


def test_record_is_a_page_to_sign_and_is_never_overwritten(tmp_path: Path) -> None:
    checks = [Check("<b>bold</b>", "1", "2", False), Check("this", "1", "1", True), Check("that", "1", "nothing is here", None)]
    record = make_record("pq", "Performance qualification: x", checks, "2026-01-01 00:00:00 UTC")
    page = write_record(record, tmp_path / "records")
    text = page.read_text(encoding="utf-8")
    assert "&lt;b&gt;bold&lt;/b&gt;" in text
    assert "1 of 2 checks passed; 1 could not be tried here" in text
    assert [text.count(word) for word in (">FAILED<", ">passed<", ">not tried<")] == [1, 1, 1]
    assert all(who in text for who in ("Carried out by", "Reviewed by", "Approved by"))
    told = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert (told["failed"], len(told["checks"]), told["checks"][0]["observed"]) == (1, 3, "2")
    with pytest.raises(ReportError, match="is not overwritten"):
        write_record(record, tmp_path / "records")
