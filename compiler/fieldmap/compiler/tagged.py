"""What the nodes of one kind say, anywhere within a part of the IR."""

from __future__ import annotations

from typing import Any

import msgspec


def tagged(part: msgspec.Struct, kind: str, attribute: str) -> set[str]:
    """The values that this attribute has in the nodes of this kind: the code lists of all `Lookup`s, say."""
    found: set[str] = set()
    waiting: list[Any] = [msgspec.to_builtins(part)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if value.get("node") == kind:
                found.add(str(value[attribute]))
            waiting.extend(item for item in value.values() if isinstance(item, dict | list | tuple))
        else:
            waiting.extend(item for item in value if isinstance(item, dict | list | tuple))
    return found
