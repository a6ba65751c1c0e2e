"""A protocol's YAML, read so that nothing in it is lost or taken twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from cgbm1_report.errors import PlanError


class WrittenFloat(float):
    """A number with a point that knows how it was written: as a version, 27.10 is not 27.1."""

    written: str = ""


#: Whole numbers as people write them. YAML 1.1 also takes 0264 for 180 (octal), 3:00 for 180 (base 60), 1_80 and 0xB4.
_WHOLE = re.compile(r"[-+]?(0|[1-9]\d*)")
_MERGE = "tag:yaml.org,2002:merge"


# The parser in C takes a tenth of the time; not every build of PyYAML has it.
class UniqueKeys(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Refuses a key that stands twice in one mapping, and a number that YAML reads as another than people do."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = "<<" if key_node.tag == _MERGE else self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made

    def construct_whole(self, node: yaml.ScalarNode) -> int:
        text = self.construct_scalar(node)
        if not _WHOLE.fullmatch(text):
            raise yaml.constructor.ConstructorError(None, None, f"{text} is read as another number: {_AS_MEANT}", node.start_mark)
        return int(text)

    def construct_broken(self, node: yaml.ScalarNode) -> float:
        text = self.construct_scalar(node)
        if "_" in text or ":" in text:
            raise yaml.constructor.ConstructorError(None, None, f"{text} is read as another number: {_AS_MEANT}", node.start_mark)
        made = WrittenFloat(self.construct_yaml_float(node))
        made.written = text
        return made


_AS_MEANT = "write it in plain digits without a zero in front, or in quotes where it is a text"
UniqueKeys.add_constructor("tag:yaml.org,2002:int", UniqueKeys.construct_whole)
UniqueKeys.add_constructor("tag:yaml.org,2002:float", UniqueKeys.construct_broken)


#: A protocol has some ten thousand lines at most, and lists within mappings some six deep.
_MOST_YAML, _DEEPEST_YAML = 10_000_000, 50


def _refuse_depth(text: str) -> None:
    """Refuse what is nested deeper than any protocol: the parser in C calls itself for each level until the process dies."""
    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST_YAML:
            mark = event.start_mark
            place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
            raise yaml.YAMLError(f"nested more than {_DEEPEST_YAML} deep at {place}")


def read_yaml(path: Path) -> Any:
    """Read YAML; a missing file, another encoding, a syntax error and a repeated key are clear errors."""
    try:
        if path.stat().st_size > _MOST_YAML:
            raise PlanError(f"has more than {_MOST_YAML:,} bytes", file=path, remedy="name a protocol file")
        text = path.read_bytes().decode("utf-8-sig")
        _refuse_depth(text)
        return yaml.load(text, Loader=UniqueKeys)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise PlanError(f"cannot be read: {error.strerror}", file=path, remedy="check the path and its permissions") from error
    except UnicodeDecodeError as error:
        place = f"line {error.object.count(10, 0, error.start) + 1}"
        raise PlanError("is not UTF-8", file=path, place=place, remedy="save the file as UTF-8") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        # A date such as 2025-02-30 is a ValueError of YAML, a list as a key a TypeError, a thousand brackets a RecursionError.
        raise PlanError(f"is not YAML: {error}", file=path, remedy="correct the syntax at the place named") from error
