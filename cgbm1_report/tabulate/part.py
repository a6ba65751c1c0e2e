"""Which outputs a build was asked to have: all, or those of a phase, a dose group, some numbers, a package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cgbm1_report.tabulate.files import is_of_package, split_group

#: What is asked for where the outputs of all dose groups together are meant, and none of one.
_TOGETHER = "all"


@dataclass(frozen=True)
class Part:
    """What a build was asked for; without anything it is whole, with the outputs of each dose group.

    ``only`` are full numbers; a dose group of ``all`` is the report without documents of groups.
    """

    phase: int | None = None
    dose_group: str | None = None
    only: tuple[str, ...] | None = None
    package: str = ""

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Part:
        """What the manifest of a build says that it was asked for."""
        asked, only = manifest["parameters"], manifest["report"]["only"]
        package, phase = asked.get("package") or "", asked.get("phase")
        return cls(phase, asked.get("dose_group"), None if only is None else tuple(only), package)

    def has(self, number: str) -> bool:
        """Whether an output of this number was asked for."""
        base, group = split_group(number)
        if self.only is not None and base not in self.only:
            return False
        if self.package or is_of_package(base):
            return is_of_package(base) and base.partition("-")[0].casefold() == self.package
        if self.phase is not None and base.rpartition(".")[2] != str(self.phase):
            return False
        if group:
            return self.dose_group == group or (self.dose_group is None and self.only is None)
        return self.dose_group in (None, _TOGETHER)


#: Everything, with the outputs of each dose group.
WHOLE = Part()
