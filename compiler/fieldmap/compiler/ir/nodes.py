"""What every node has."""

from __future__ import annotations

import msgspec


class Node(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="node", omit_defaults=True):
    pass


class Place(msgspec.Struct, frozen=True):
    """Where something was written: file as in the project (forward slashes), line and column from 1, and the statement."""

    file: str
    line: int
    column: int
    text: str
