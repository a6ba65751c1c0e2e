"""What was made of data, found again by what it read of them: what follows from the same values is not made again.

Of each thing the store holds which variables of which datasets it read, and under the content of these its files. What it reads
follows from what it has read before: where all of these are as they were, making it again would read the same and give the same.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cgbm1_report.system.store import Store, key_of

#: Stands for what is known of a dataset without reading a value: its variables, their kinds and labels, how many records it has.
SHAPE = ""
#: The digests of each dataset's variables, by dataset.
Digests = Mapping[str, Mapping[str, str]]
_READS, _MOST = "reads.json", 4


def tell_read(asked: Mapping[str, Collection[str]], digests: Digests) -> dict[str, object]:
    """What stands in the variables that were read of each dataset; nothing of a dataset or a variable that is not there."""
    return {
        name: {variable: digests[name].get(variable) for variable in (SHAPE, *sorted(variables))} if name in digests else None
        for name, variables in asked.items()
    }


@dataclass(frozen=True)
class KeptByReads:
    """What a store holds of things that read data: ``digests`` are those of the data as they are now.

    A thing is ``told`` by all it is made of but the data, plain values that JSON can hold.
    """

    store: Store
    digests: Digests

    def find(self, told: Mapping[str, object]) -> dict[str, bytes] | None:
        """The files of a thing that was made of the same; None where it is to be made."""
        for asked in self._reads(told):
            found = self.store.find(self._key(told, asked))
            if found is not None:
                return found
        return None

    def keep(self, told: Mapping[str, object], asked: Mapping[str, Collection[str]], files: Mapping[str, bytes]) -> None:
        """Keep the files of a thing that read these variables of datasets, there or not."""
        read = {name: sorted(asked[name]) for name in sorted(asked)}
        others = [one for one in self._reads(told) if one != read]
        self.store.keep(self._place(told), {_READS: json.dumps([read, *others][:_MOST]).encode()})
        self.store.keep(self._key(told, read), files)

    def _reads(self, told: Mapping[str, object]) -> list[dict[str, list[str]]]:
        found = self.store.find(self._place(told))
        return json.loads(found[_READS]) if found else []

    def _place(self, told: Mapping[str, object]) -> str:
        return key_of({**told, "is": "what it reads"})

    def _key(self, told: Mapping[str, object], asked: Mapping[str, Collection[str]]) -> str:
        return key_of({**told, "is": "its files", "data": tell_read(asked, self.digests)})
