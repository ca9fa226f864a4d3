"""What stands round a record: the body, the object that holds it, and the response that brought it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldmap.compiler import ir, shapes
from fieldmap.compiler.scope import Typed
from fieldmap.compiler.shapes import Absence
from fieldmap.dsl import ast
from fieldmap.runtime.archive.records import KEPT_HEADERS

if TYPE_CHECKING:
    from fieldmap.compiler.expressions import Checker


def surrounding(checker: Checker, node: ast.Path) -> Typed | None:
    """A path that begins with `@`. None after a diagnostic."""
    report, text = checker.report, shapes.path_text(node)
    resource = checker.scope.resource
    if node.root == "@parent" and resource is not None and report.broken(resource.span):
        return None  # the line that did not read may have named the parent
    refusal = _refusal(checker, node)
    if refusal is not None:
        report.error("FM0120", refusal[0], node.span, help=refusal[1])
        return None
    if node.root in ("@fetched_at", "@url"):
        if node.segments:
            report.error("FM0206", f"{node.root} is a single value and has no members", node.segments[0].span)
            return None
        instant = node.root == "@fetched_at"
        type_: ir.Type = ir.DatetimeType() if instant else ir.TextType()
        return Typed(ir.Read(root=node.root, segments=(), text=text, declared=type_), type_, Absence.NEVER, node.span)
    if node.header is not None:
        step = ir.Member(name=node.header.value.lower())
        read = ir.Read(root="@header", segments=(step,), text=text, declared=ir.TextType())
        return Typed(read, ir.TextType(), Absence.MAYBE, node.span)
    found = shapes.walk(node, None, report, dollar=checker.scope.roots.get("$"))
    if found is None:
        return None
    read = ir.Read(root=node.root, segments=found.segments, text=text)
    return Typed(read, found.type, Absence.UNSAID, node.span, found.origin, found.node)


def parent_of(checker: Checker) -> tuple[ast.Connector, ast.Resource] | None:
    """The parent of the resource whose records these are, in its connector; None if it has none."""
    resource = checker.scope.resource
    if resource is None or resource.parent is None:
        return None
    for connector in checker.scope.symbols.connectors.values():
        if any(one is resource for one in connector.resources):
            for one in connector.resources:
                if one.name.text == resource.parent.resource.text:
                    return connector, one
    return None


def _refusal(checker: Checker, node: ast.Path) -> tuple[str, str] | None:
    """Why this name has no meaning here, and what to do."""
    if node.root == "@parent":
        return "@parent is the record of a parent resource, and this resource has none", "read the record itself with $"
    if node.root == "@key":
        return "@key is the key of a message, and no message queue is read here", "read the record itself with $"
    resource = checker.scope.resource
    if resource is None:
        return f"{node.root} belongs to a response, and there is none here", "it can be read in maps and resources"
    if node.root == "@envelope" and resource.records is not None and _descends(resource.records):
        return (
            "@envelope is the object that holds the record, and `..` in the records path finds records in several kinds of objects",
            "write the steps to the records one by one",
        )
    if node.header is not None and node.header.value.lower() not in KEPT_HEADERS:
        kept = ", ".join(sorted(KEPT_HEADERS))
        return f"the archive does not keep the header {node.header.value}", f"it keeps {kept}"
    return None


def _descends(path: ast.Path) -> bool:
    return any(isinstance(segment, ast.ChoiceSegment) and segment.descendant for segment in path.segments)
