"""The bill of materials: valid by the standard's own schema, whole, and the same each time."""

from __future__ import annotations

import json
import re
from importlib import resources
from importlib.metadata import distribution
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from cgbm1_report.assets import asset
from cgbm1_report.build.sbom import tell_sbom
from cgbm1_report.doctor import list_licences
from cgbm1_report.system.manifest import sha256_of


def schema(name: str) -> dict[str, Any]:
    """A schema as CycloneDX publishes it; its library for Python brings them all."""
    file = resources.files("cyclonedx.schema").joinpath("_res", f"{name}.SNAPSHOT.schema.json")
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return json.loads(tell_sbom())


def problems_of(content: dict[str, Any]) -> list[str]:
    """What the published schema of CycloneDX 1.6, that of SPDX's licences beside it, has against it."""
    bom = schema("bom-1.6")
    beside = [("spdx.schema.json", "spdx"), ("jsf-0.82.schema.json", "jsf-0.82")]
    base = "http://cyclonedx.org/schema/"
    found = [(f"{base}{name}", Resource.from_contents(schema(file))) for name, file in beside]
    found += [
        (f"{base}{name.replace('.schema', '.SNAPSHOT.schema')}", one) for (name, _), (_, one) in zip(beside, found, strict=True)
    ]
    return [
        error.message for error in jsonschema.Draft7Validator(bom, registry=Registry().with_resources(found)).iter_errors(content)
    ]


def test_it_is_what_the_standard_asks_for(told: dict[str, Any]) -> None:
    assert problems_of(told) == []
    # The schema is asked and does answer.
    assert problems_of({**told, "specVersion": 1.6}) != []
    assert problems_of({**told, "components": [{**told["components"][0], "type": "snake"}]}) != []
    assert problems_of({**told, "components": [{**told["components"][0], "hashes": [{"alg": "MD6", "content": "0"}]}]}) != []


def test_it_names_what_doctor_names_and_every_part_has_a_licence(told: dict[str, Any]) -> None:
    lines = [re.split(r" {2,}", line) for line in list_licences()]
    packages = {
        (name, number)
        for name, number, *_ in lines
        if name not in ("Python", "cgbm1-report") and "(" not in name and not name.startswith("font ")
    }
    libraries = {(one["name"], one["version"]) for one in told["components"] if one["type"] == "library"}
    assert libraries == packages
    assert {"cryptography", "pandas", "tornado"} <= {name for name, _ in libraries}
    assert {"pytest", "cyclonedx-python-lib", "distributed"} & {name for name, _ in libraries} == set()
    assert {one["name"] for one in told["components"] if one["type"] == "application"} == {"CPython", "pandoc"}
    assert [one["name"] for one in told["components"] if not one["licenses"]] == []
    by_name = {one["name"]: one for one in told["components"]}
    assert by_name["cryptography"]["licenses"] == [{"expression": "Apache-2.0 OR BSD-3-Clause"}]
    assert by_name["pandoc"]["licenses"] == [{"expression": "GPL-2.0-or-later"}]
    assert by_name["LiberationSans-Bold.ttf"]["licenses"] == [{"expression": "OFL-1.1"}]


def test_hashes_are_those_of_the_lock_and_of_the_files_themselves(told: dict[str, Any]) -> None:
    by_name = {one["name"]: one for one in told["components"]}
    font = asset("templates", "fonts", "LiberationSans-Bold.ttf")
    assert by_name[font.name]["hashes"] == [{"alg": "SHA-256", "content": sha256_of(font)}]
    lock = asset("requirements.lock").read_text()
    for name in ("pandas", "cryptography", "typing-extensions"):
        number = distribution(name).version
        entry = lock.partition(f"\n{name}=={number} \\\n")[2].partition("# via")[0]
        (reference,) = by_name[name]["externalReferences"]
        assert [one["content"] for one in reference["hashes"]] == re.findall(r"sha256:(\w+)", entry) != []


def test_what_needs_what_is_told_of_every_part(told: dict[str, Any]) -> None:
    refs = {one["bom-ref"] for one in told["components"]}
    needs = {one["ref"]: one.get("dependsOn", []) for one in told["dependencies"]}
    own = told["metadata"]["component"]["bom-ref"]
    assert needs.keys() == refs | {own}
    assert {ref for every in needs.values() for ref in every} <= refs
    named = {one["bom-ref"]: one["name"] for one in told["components"]}
    cryptography = next(ref for ref, name in named.items() if name == "cryptography")
    assert [named[ref] for ref in needs[cryptography]] == ["cffi"]
    assert cryptography in needs[own]
    reached, waiting = set(), [own]
    while waiting:
        ref = waiting.pop()
        reached.add(ref)
        waiting += [one for one in needs[ref] if one not in reached]
    assert reached == refs | {own}, "nothing stands there that nobody needs"


def test_no_time_and_no_serial_number_moves_it(told: dict[str, Any]) -> None:
    assert tell_sbom() == json.dumps(told, indent=1, ensure_ascii=False) + "\n"
    assert "serialNumber" not in told
    assert "timestamp" not in told["metadata"]
