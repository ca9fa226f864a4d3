"""Spans as places: file, line, column and the statement's text, for the IR and all that is explained later."""

from __future__ import annotations

from collections.abc import Mapping

from fieldmap.compiler import ir
from fieldmap.dsl import ast
from fieldmap.dsl.source import Source, Span


def place(sources: Mapping[str, Source], span: Span) -> ir.Place:
    """The place of a span; its text is the statement on one line, at most 200 characters."""
    source = sources[span.path]
    line, column = source.position(span.start)
    text = " ".join(source.text[span.start : span.end].split())
    return ir.Place(span.path, line, column, text if len(text) <= 200 else text[:199] + "…")


def lines_of(sources: Mapping[str, Source], resource: ast.Resource) -> dict[str, ir.Place]:
    """Where a resource is written, and of its lines those that say where records are and which member tells them apart."""
    found = {"resource": replaced(place(sources, resource.name.span), f"resource {resource.name.text}")}
    # What a document of the source says stands in no line.
    if resource.records is not None and resource.records.span.path in sources:
        path = place(sources, resource.records.span)
        found["records"] = replaced(path, f"records {path.text}")
    if resource.ids and all(item.span.path in sources for item in resource.ids):
        written = [place(sources, item.span) for item in resource.ids]
        text = ", ".join(item.text for item in written)
        found["id"] = replaced(written[0], f"id {text}" if len(written) == 1 else f"id ({text})")
    return found


def replaced(at: ir.Place, text: str) -> ir.Place:
    return ir.Place(at.file, at.line, at.column, text)
