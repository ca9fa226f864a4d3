"""Descriptions as JSON or YAML: plain values, whatever the file says. References are followed within the document alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.values.decode import json_body
from fieldmap.runtime.values.outcome import Failed

MOST_BYTES = 32 << 20
# Members that one description may come to, since references can make a small document endless.
MOST_MEMBERS = 100_000


def document(path: Path) -> dict[str, Any]:
    """The description. Raises UsageError with the place of the fault."""
    if path.stat().st_size > MOST_BYTES:
        raise UsageError(
            f"{path} is longer than {MOST_BYTES >> 20} MiB, which no description is; infer from samples of the source"
        )
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    found: Any = json_body(content, "file")
    if isinstance(found, Failed):
        if content.lstrip()[:1] in (b"{", b"["):
            raise UsageError(f"{path}: {found.reason}")
        found = _yaml(content, path)
    if not isinstance(found, dict):
        raise UsageError(f"{path} is no description of an API or of records; if it is a sample, say --as json")
    return found


def _yaml(content: bytes, path: Path) -> Any:
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        """The types of JSON only: no dates, and `no` is a text. Anchors are read; what they repeat counts anew where it is walked."""

    Loader.yaml_implicit_resolvers = {}
    for tag, expression, first in _PLAIN:
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", _compiled(expression), list(first))
    try:
        return yaml.load(content, Loader)  # noqa: S506  (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        raise UsageError(f"{path}{at}: this is not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not YAML: {str(error).splitlines()[0][:200]}") from None


_PLAIN = (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("int", r"^-?(?:0|[1-9][0-9]{0,17})$", "-0123456789"),
    ("float", r"^-?[0-9]{1,18}\.[0-9]{1,18}$", "-0123456789"),
)


def _compiled(expression: str) -> Any:
    import re

    return re.compile(expression)


@dataclass
class Document:
    """A description with its references."""

    root: dict[str, Any]
    members: int = 0
    outside: int = 0
    _open: list[str] = field(default_factory=list)

    def resolved(self, node: Any) -> Any:
        """The node, or what it refers to. An address outside of the document, or none there, is nothing: {}."""
        for _ in range(20):
            if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                return node
            reference = node["$ref"]
            if reference == "#":
                return self.root
            if not reference.startswith("#/"):
                self.outside += 1
                return {}
            found: Any = self.root
            for step in reference[2:].split("/"):
                step = step.replace("%7B", "{").replace("%7D", "}").replace("~1", "/").replace("~0", "~")
                if isinstance(found, list) and step.isdecimal() and len(step) < 6 and int(step) < len(found):
                    found = found[int(step)]
                else:
                    found = found.get(step) if isinstance(found, dict) else None
            node = found
        return {}

    def count(self) -> None:
        """Counts a member. Raises UsageError once there are too many."""
        self.members += 1
        if self.members > MOST_MEMBERS:
            raise UsageError(
                f"The description comes to more than {MOST_MEMBERS:,} members; infer less of it at a time, with --resource"
            )


def reference_of(node: Any) -> str:
    """Where a node refers to, "" if it says itself what it is."""
    reference = node.get("$ref") if isinstance(node, dict) else None
    return reference if isinstance(reference, str) else ""


def items_of(node: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The named parts of a node, none where it is no object."""
    below = node.get(name) if isinstance(node, dict) else None
    if isinstance(below, dict):
        yield from ((str(key), value) for key, value in below.items())
