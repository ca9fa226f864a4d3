"""Spans as places: file, line, column and the statement's text, for the IR and all that is explained later."""

from __future__ import annotations

from collections.abc import Mapping

from fieldmap.compiler import ir
from fieldmap.dsl.source import Source, Span


def place(sources: Mapping[str, Source], span: Span) -> ir.Place:
    """The place of a span; its text is the statement on one line, at most 200 characters."""
    source = sources[span.path]
    line, column = source.position(span.start)
    text = " ".join(source.text[span.start : span.end].split())
    return ir.Place(span.path, line, column, text if len(text) <= 200 else text[:199] + "…")
