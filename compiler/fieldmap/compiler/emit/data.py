"""Large tables as files of the bundle, which the runtime reads when a record first needs them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from fieldmap.compiler import ir
from fieldmap.compiler.tagged import tagged

# Tables with more entries are not written into the transforms.
WRITTEN_OUT = 200


@lru_cache(maxsize=8)
def _encoded(entries: tuple[tuple[str, str], ...]) -> tuple[str, bytes]:
    content = msgspec.json.encode(dict(entries), order="deterministic") + b"\n"
    return f"data/t{hashlib.sha256(content).hexdigest()[:24]}.json", content


def part(table: ir.CodeTable) -> tuple[str, bytes]:
    """The name of the file, made of what it holds, and its content."""
    return _encoded(tuple(sorted(table.entries.items())))


def parts(maps: Iterable[ir.Map], codes: Mapping[str, ir.Table]) -> dict[str, bytes]:
    """The files that the transforms of these maps name."""
    found: dict[str, bytes] = {}
    for name in sorted(used(maps)):
        table = codes.get(name)
        if isinstance(table, ir.CodeTable) and len(table.entries) > WRITTEN_OUT:
            path, content = part(table)
            found[path] = content
    return found


def used(maps: Iterable[ir.Map]) -> set[str]:
    """The code lists and columns that maps look something up in."""
    found: set[str] = set()
    for map_ in maps:
        found |= tagged(map_, "Lookup", "codes")
    return found
