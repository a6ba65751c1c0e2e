"""What a build says of itself: its manifest, its index page.

When all is made the manifest gets the SHA-256 of every input and every file of the build.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from cgbm1_report.assets import __version__, asset
from cgbm1_report.notebook.receipts import take_stock
from cgbm1_report.system.manifest import MAKING, MANIFEST, sha256_of, sha256_of_each
from cgbm1_report.system.program import hash_code
from cgbm1_report.system.signature import Signer
from cgbm1_report.system.versions import package_versions
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.table import Stamp


def open_manifest(
    folder: Path,
    *,
    build: str,
    report: Mapping[str, object],
    parameters: Mapping[str, object],
    variables: Mapping[str, Mapping[str, str]],
) -> str:
    """Write the manifest a build starts with: what its notebooks shall show, from which files, and what was asked for.

    ``build`` is what it will be called, ``variables`` are the SHA-256 of each variable of its datasets: of those that an output
    reads it is made.

    Returns
    -------
    str
        Its SHA-256, by which the notebooks' processes know it (see `SEAL`).
    """
    content = {"report": {"building": True, **report}, "parameters": dict(parameters), "files": take_stock(folder)}
    content[MAKING] = {"build": build, "variables": {name: dict(told) for name, told in variables.items()}}
    _write_json(folder / MANIFEST, content)
    return sha256_of(folder / MANIFEST)


def close_manifest(
    folder: Path,
    outputs: Sequence[str],
    *,
    engine: Mapping[str, str],
    quarto: str,
    documents: Mapping[str, Mapping[str, object]],
    trial: Mapping[str, str],
    inputs: Mapping[str, str],
    seen: Mapping[str, str],
    look: str | None = None,
    recipe: str = "",
    signer: Signer | None = None,
) -> None:
    """Complete the manifest when every other file of the build is there.

    Parameters
    ----------
    outputs
        Numbers of the outputs made, in CSR order.
    quarto
        Where the Quarto is that rendered; empty where the embedded engine did.
    documents
        Of each whole document by its path without suffix, what its title page says and its notebooks in their order.
    trial
        The protocol file that was used: ``file``, as `name_trial` says it, and ``sha256``.
    inputs
        SHA-256 of every file of the cut by its path; none of a build that must not tell treatment.
    seen
        While a phase is blind the same of what may be seen of each dataset and file.
    look
        SHA-256 of the Word template that styled the build; without one it was this package's own.
    recipe
        What the build was made by (:mod:`.recipe`); empty where that must not be told.
    signer
        Who signs it; the manifest names the key.
    """
    from cgbm1_report.render.pandoc import pandoc_record

    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["report"]["building"] = False
    del manifest[MAKING]
    manifest |= {
        "code": __version__,
        "code_sha256": hash_code(),
        "python": platform.python_version(),
        "packages": package_versions(),
        "engine": dict(engine),
        "programs": {
            "pandoc": pandoc_record(),
            # Taken from PATH, so where it was is part of what it was.
            **({"quarto": {"path": quarto, "version": engine["version"]}} if quarto else {}),
        },
        "trial": dict(trial),
        "look": {"reference_doc": {"sha256": look} if look else None},
        "inputs": dict(sorted(inputs.items())),
        "documents": {name: dict(about) for name, about in documents.items()},
        "outputs": dict.fromkeys(outputs, "made"),
        "files": sha256_of_each(
            folder,
            [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / MANIFEST],
        ),
    }
    if seen:
        manifest["blind"] = {"seen": dict(sorted(seen.items()))}
    if recipe:
        manifest["recipe"] = recipe
    if signer:
        manifest["signed_by"] = signer.name
    _write_json(folder / MANIFEST, manifest)
    if signer:
        signer.sign(folder)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def write_index(
    folder: Path,
    outputs: Sequence[str],
    groups: Mapping[str, Mapping[str, str]],
    stamp: Stamp,
    titles: Mapping[str, str],
    counted: Mapping[str, str] | None = None,
    lacking: Sequence[str] = (),
) -> None:
    """Write the page that leads to every file of the build; ``groups`` names each group's document by its ARMCD, below the
    word for such groups.

    ``counted`` says of each output how many of its numbers were computed a second time, ``lacking`` what a final report
    would still have to hold; ``titles`` are those of the outputs by their number.
    """
    from cgbm1_report.render import emit_index

    links = {
        number: _files(folder, f"outputs/{file_stem(number)}", ("html", "docx", "pdf", "rtf", "xlsx", "csv", "json"))
        for number in outputs
    }
    documents = {
        noun: {name: _files(folder, f"groups/{armcd}", ("html", "docx", "pdf")) for armcd, name in own.items()}
        for noun, own in groups.items()
    }
    whole = [path.name for path in sorted(folder.glob("report.*"))] + [
        path.name for name in ("findings", "changes") for path in sorted(folder.glob(f"{name}.*"))
    ]
    shown = {noun: there for noun, own in documents.items() if (there := {name: paths for name, paths in own.items() if paths})}
    name = f"{stamp.protocol}, data cut-off {stamp.cutoff}"
    page = emit_index(whole, links, shown, stamp.mark, counted or {}, lacking, titles, name)
    (folder / "index.html").write_text(page, encoding="utf-8")


def _files(folder: Path, stem: str, suffixes: Sequence[str]) -> list[str]:
    return [f"{stem}.{suffix}" for suffix in suffixes if (folder / f"{stem}.{suffix}").is_file()]


def name_trial(file: Path) -> dict[str, str]:
    """Which protocol file a build uses: whose it is, or its name without the folders of this machine; and its SHA-256."""
    own = file.resolve() == asset("trial.yaml").resolve()
    return {"file": "trial.yaml of the package" if own else file.name, "sha256": sha256_of(file)}
