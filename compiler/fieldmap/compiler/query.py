"""A path alone against a document: the nodelist of RFC 9535, with the place of each node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fieldmap.compiler import ir, shapes
from fieldmap.compiler.interpret import paths
from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.standalone import parse_query


@dataclass(frozen=True)
class Node:
    """A value of the document and the names and indexes that lead to it."""

    value: Any
    keys: paths.Keys

    @property
    def path(self) -> str:
        """The normalized path of RFC 9535 2.7: `$['data'][0]`."""
        return "$" + "".join(f"[{key}]" if isinstance(key, int) else f"[{_quoted(key)}]" for key in self.keys)


def lower(text: str) -> tuple[ir.Segment, ...] | Diagnostic:
    """The steps of a path, or what is wrong with it. Patterns that are no regular expression match nothing, as the RFC says."""
    tree = parse_query(text)
    return tree if isinstance(tree, Diagnostic) else segments_of(tree)


def segments_of(path: ast.Path) -> tuple[ir.Segment, ...] | Diagnostic:
    report = Report()
    found = shapes.walk(path, None, report, patterns=False)
    return found.segments if found is not None else report.diagnostics[0]


def nodes(segments: tuple[ir.Segment, ...], document: Any) -> list[Node]:
    """What the steps find in a document, in the order of the RFC."""
    return [Node(match.value, paths.keys(match)) for match in paths.nodes_of(segments, document, document)]


_ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", "'": "\\'", "\\": "\\\\"}


def _quoted(name: str) -> str:
    return "'" + "".join(_ESCAPES.get(char, f"\\u{ord(char):04x}" if char < " " else char) for char in name) + "'"
