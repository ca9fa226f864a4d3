"""Rows as text for COPY: one encoder for each field of a claim, chosen once, called for every row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fieldmap.runtime.bundle import ClaimInfo
from fieldmap.runtime.values.cells import absent, array, document, encoder, json_text


def row_encoder(claim: ClaimInfo) -> Callable[[Sequence[Any]], str]:
    """A function from a claim's fitted values to its columns as COPY text, tab-separated."""
    encoders = [encoder(column.codec) for column in claim.columns]
    nulls = [absent(column.codec) for column in claim.columns]

    def encode(values: Sequence[Any]) -> str:
        return "\t".join(
            [
                null if value is None else encoder(value)
                for encoder, null, value in zip(encoders, nulls, values, strict=True)
            ]
        )

    return encode


def column_values(codec: str, value: Any) -> list[str]:
    """A value's columns as plain texts of their types, without COPY's escapes: for a single statement."""
    if codec == "money":
        return [str(value.amount), value.currency]
    if codec == "quantity":
        return [str(value.amount), value.unit]
    if codec == "text":
        return [value]
    if codec == "json":
        return [json_text(value)]
    if codec == "document":
        return [json_text(document(value))]
    if codec == "list text":
        return [array(value)]
    if codec == "list json":
        return [array([json_text(item) for item in value])]
    if codec == "list document":
        return [array([json_text(document(item)) for item in value])]
    return [encoder(codec)(value)]
