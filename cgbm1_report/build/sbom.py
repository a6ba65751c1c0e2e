"""What a build stands on, as a bill of materials that programs read: CycloneDX 1.6.

Python, the packages this one needs, directly or not, with their licences and what each of them needs, pandoc and the fonts. It has
no serial number and no clock time: two builds on one machine are equal in every file.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from cgbm1_report.assets import __version__, asset
from cgbm1_report.system.manifest import sha256_of
from cgbm1_report.system.packages import (
    FONT_LICENCES,
    ITSELF,
    PANDOC_LICENCE,
    expression_of,
    licence_of,
    locked_hashes,
    needed_by,
    needed_packages,
    version_of,
)

SBOM = "sbom.json"


def write_sbom(folder: Path) -> None:
    """Write what the build in a folder stands on."""
    (folder / SBOM).write_text(tell_sbom(), encoding="utf-8")


@cache
def tell_sbom() -> str:
    """The bill of materials of this environment, as JSON."""
    needed = [name for name in needed_packages() if name != ITSELF]
    beside = [_python(), _pandoc(), *_fonts()]
    parts = [*beside, *map(_package, needed)]
    own = _purl(ITSELF, __version__)
    direct = (
        sorted([one["bom-ref"] for one in beside] + [_purl(name, version_of(name)) for name in needed_by(ITSELF)]) if needed else []
    )
    content = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": own, "name": ITSELF, "version": __version__, "purl": own}},
        "components": parts,
        "dependencies": [
            {"ref": own, "dependsOn": direct},
            *({"ref": one["bom-ref"]} for one in beside),
            *(
                {
                    "ref": _purl(name, version_of(name)),
                    "dependsOn": [_purl(each, version_of(each)) for each in needed_by(name) if each in needed],
                }
                for name in needed
            ),
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _purl(name: str, number: str) -> str:
    return f"pkg:pypi/{name}@{number}".replace("+", "%2B")


def _licensed(licence: str) -> list[dict[str, Any]]:
    return [{"expression": licence}]


def _package(name: str) -> dict[str, Any]:
    number = version_of(name)
    purl = _purl(name, number)
    expression = expression_of(name)
    part: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": number,
        "licenses": _licensed(expression) if expression else [{"license": {"name": licence_of(name)}}],
        "purl": purl,
    }
    hashes = locked_hashes().get((name, number), ())
    if hashes:
        # Which of these files was installed nobody wrote down: each is one of this version.
        told = [{"alg": "SHA-256", "content": one} for one in hashes]
        part["externalReferences"] = [
            {"type": "distribution", "url": purl, "comment": "files in requirements.lock", "hashes": told}
        ]
    return part


def _python() -> dict[str, Any]:
    number = platform.python_version()
    return {
        "type": "application",
        "bom-ref": f"pkg:generic/python@{number}",
        "name": platform.python_implementation(),
        "version": number,
        "licenses": _licensed("PSF-2.0"),
    }


def _pandoc() -> dict[str, Any]:
    from cgbm1_report.render.pandoc import pandoc_record

    found = pandoc_record()
    return {
        "type": "application",
        "bom-ref": f"pkg:generic/pandoc@{found['version']}",
        "name": "pandoc",
        "version": found["version"],
        "hashes": [{"alg": "SHA-256", "content": found["sha256"]}],
        "licenses": _licensed(PANDOC_LICENCE),
    }


def _fonts() -> Iterator[dict[str, Any]]:
    for family, licence, _ in FONT_LICENCES:
        for file in sorted(asset("templates", "fonts").glob(f"{family.replace(' ', '')}*.ttf")):
            yield {
                "type": "file",
                "bom-ref": f"font/{file.name}",
                "name": file.name,
                "description": f"font {family}",
                "hashes": [{"alg": "SHA-256", "content": sha256_of(file)}],
                "licenses": _licensed(licence),
            }
