"""The command, as the console script starts it and as ``python -m cgbm1_report`` does.

A ``PYTHONPATH`` with an empty entry makes the current folder a library, where a cut may lie with files named like
modules: it is taken out before anything is imported.
"""

from cgbm1_report.system.search_path import leave_current_folder

leave_current_folder()


def main() -> None:
    """Run the command; see :mod:`cgbm1_report.cli`."""
    from cgbm1_report import cli

    cli.main()


if __name__ == "__main__":
    main()
