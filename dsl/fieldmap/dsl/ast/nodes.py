"""What every node has."""

from __future__ import annotations

from dataclasses import dataclass

from fieldmap.dsl.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    """`worker_id`, or `` `default` `` in backquotes (`text` is without them)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Node):
    """A plain string, unescaped: `'…'` anywhere, `"…"` outside expressions."""

    value: str
