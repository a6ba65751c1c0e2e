"""A build that is there already: of just these files, and as it is asked for now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cgbm1_report.build.request import settle_request
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.read.find import SEAL
from cgbm1_report.read.seal import measure_files
from cgbm1_report.system.manifest import read_manifest, sha256_of
from cgbm1_report.system.program import hash_code
from cgbm1_report.watch.asked import Asked


def find_earlier(target: Path, files: Mapping[str, Mapping[str, Any]], asked: Asked) -> bool:
    """Whether a finished build is there of a cut whose record was lost: the watch was killed before it wrote it down."""
    trial = asked.protocol
    try:
        manifest = read_manifest(target)
        wanted = settle_request(asked.request, read_trial(trial))
    except ReportError:
        # What is wrong with the protocol file the build tells.
        return False
    if manifest["report"]["building"] or not manifest["inputs"] or inputs_that_differ(manifest, files):
        return False
    report, parameters = manifest["report"], manifest["parameters"]
    only = None if report["only"] is None else tuple(report["only"])
    made_as = (only, tuple(report["formats"]), parameters.get("phase"), bool(parameters.get("use_adam")))
    same = made_as == (wanted.only, wanted.formats, wanted.phase, wanted.use_adam)
    # Two programs of one version need not be one; of one that was replaced while it made the build no files tell.
    by_this_program = bool(manifest.get("code_sha256")) and manifest["code_sha256"] == hash_code()
    by_this_protocol = manifest.get("trial", {}).get("sha256") == sha256_of(trial)
    return bool(same and by_this_program and by_this_protocol and report["stamp"].get("paper") == wanted.paper)


def is_of_other_files(manifest: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]], cut: Path) -> bool:
    """Whether a build is of other files than those that were seen before it; a blind one names none: they are looked at again."""
    if manifest["inputs"]:
        return bool(inputs_that_differ(manifest, files))
    try:
        return measure_files(cut) != files
    except (ReportError, OSError):
        return True


def inputs_that_differ(manifest: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Files that a build read and that are not those of the cut as it was seen; the seal says nothing of its own."""
    read = {name: value for name, value in manifest["inputs"].items() if name != SEAL}
    return sorted(name for name, value in read.items() if files.get(name, {}).get("sha256") != value)
