"""Many trials and cuts, built by one call: ``portfolio.yaml``."""

from cgbm1_report.build.portfolio.plan import Plan, Study, read_plan
from cgbm1_report.build.portfolio.run import Built, build_portfolio

__all__ = ["Built", "Plan", "Study", "build_portfolio", "read_plan"]
