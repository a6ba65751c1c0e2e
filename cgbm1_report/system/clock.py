"""When a file says it was made: at SOURCE_DATE_EPOCH, never by the clock."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime

from cgbm1_report.errors import PlanError

_NAME = "SOURCE_DATE_EPOCH"
#: The last second of the year 9999.
_LAST = 253402300799


def read_epoch() -> datetime | None:
    """The time that SOURCE_DATE_EPOCH fixes; None where it is not set or empty.

    Raises
    ------
    ReportError
        It is no whole number of seconds since 1970.

    References
    ----------
    https://reproducible-builds.org/specs/source-date-epoch/
    """
    told = os.environ.get(_NAME, "")
    if not told:
        return None
    if not re.fullmatch(r"[0-9]{1,12}", told) or int(told) > _LAST:
        raise PlanError(
            f"{_NAME} is {told[:40]!r}",
            rule="whole seconds since 1970-01-01, up to the year 9999",
            remedy=f"correct it in the environment, as {_NAME}=1767225600, or unset it",
        )
    return datetime.fromtimestamp(int(told), UTC)
