"""Explicit nulls in SQL, for fields that a null can win: `_nulls` of a claim names those that its source gave as null.

Only claims that assign such a field have the column; for all others a field without a value says nothing.
"""

from __future__ import annotations

from fieldmap.compiler import ir
from fieldmap.compiler.emit.columns import Column, literal, quote

COLUMN = Column("_nulls", "text[]", "", False)


def fields(claim: ir.Claim | None) -> tuple[str, ...]:
    """The fields of a claim of which an explicit null is kept."""
    return tuple(item.field for item in (claim.assignments if claim is not None else ()) if item.null is not None)


def flag(field: str) -> str:
    """The name under which a merge knows whether a claim says null of a field."""
    return quote(f"_null_{field}")


def said(claim: ir.Claim, field: str) -> str:
    """Whether a claim `t` says null of a field."""
    return f"coalesce({literal(field)} = ANY(t._nulls), false)" if field in fields(claim) else "false"
