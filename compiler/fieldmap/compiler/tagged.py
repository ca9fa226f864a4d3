"""What the nodes of one kind say, anywhere within a part of the IR."""

from __future__ import annotations

from typing import Any

import msgspec


def tagged(part: msgspec.Struct, kind: str, attribute: str) -> set[str]:
    """The values that this attribute has in the nodes of this kind: the code lists of all `Lookup`s, say."""
    found: set[str] = set()
    waiting: list[Any] = [part]
    while waiting:
        value = waiting.pop()
        if value.__class__ is tuple:
            waiting += value
        elif isinstance(value, msgspec.Struct):
            if type(value).__name__ == kind:
                found.add(str(getattr(value, attribute)))
            waiting += [getattr(value, name) for name in value.__struct_fields__]
    return found
