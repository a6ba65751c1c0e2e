"""The same as a module: ``python -m cgbm1_report.cli``."""

from cgbm1_report.cli import main

if __name__ == "__main__":
    main()
