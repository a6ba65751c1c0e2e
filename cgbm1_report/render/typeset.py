"""Compiles one typst document, in a process of its own: it can be stopped, and its memory goes back.

Run as a script with the order as JSON on standard input. Exit code 3 and JSON on standard output
tell what typst found wrong.
"""

from __future__ import annotations

import json
import sys


def main() -> int:
    """Carry out the order on standard input."""
    import typst

    order = json.load(sys.stdin)
    try:
        typst.compile(
            order["input"],
            output=order["output"],
            root=order["root"],
            font_paths=[order["fonts"]],
            ignore_system_fonts=True,
            sys_inputs=order["inputs"],
            pdf_standards=order["standards"],
            timestamp=order["seconds"],
            pdf_tags=order["tags"],
        )
    except typst.TypstError as error:
        json.dump({"message": error.message, "diagnostic": error.diagnostic, "hints": list(error.hints)}, sys.stdout)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
