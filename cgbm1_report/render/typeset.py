"""Compiles typst documents, in a process of its own: it can be stopped, and its memory goes back.

Run as a script with the order as JSON on standard input. Exit code 3 and JSON on standard output
tell what typst found wrong, and in which document.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path


def main() -> int:
    """Carry out the order on standard input: documents one after the other, the fonts read once."""
    import typst

    order = json.load(sys.stdin)
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[order["fonts"]])
    compiler = typst.Compiler(root=order["root"], font_paths=fonts)
    finish_pdf = runpy.run_path(order["finish"])["finish_pdf"]
    for at, document in enumerate(order["documents"]):
        try:
            compiler.compile(
                document["input"],
                output=document["output"],
                sys_inputs=document["inputs"],
                pdf_standards=document["standards"],
                timestamp=order["seconds"],
                pdf_tags=document["tags"],
            )
        except typst.TypstError as error:
            told = {"document": at, "message": error.message, "diagnostic": error.diagnostic, "hints": list(error.hints)}
            json.dump(told, sys.stdout)
            return 3
        if document["finished"]:
            finish_pdf(Path(document["output"]), Path(document["finished"]), document["leads"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
