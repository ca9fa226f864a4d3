"""The registries that a map asks: time zones, countries, phone plans … each is a package whose edition is part of the meaning.

An edition that changes makes another version of the map, so the next sync asks for a replay; and a bundle runs only where the
editions are those that it was compiled with (`fieldmap.runtime.bundle` checks them).
"""

from __future__ import annotations

from importlib import metadata
from typing import Any

from fieldmap.runtime.values.checked import PACKAGES

_ZONED = {"Patterns", "Iso", "InZone", "Epoch", "LocalTime"}


def registries(meaning: Any) -> dict[str, str]:
    """The packages that a meaning (nodes as built-in values) asks, with their editions."""
    return {name: metadata.version(name) for name in sorted(_packages(meaning))}


def _packages(value: Any) -> set[str]:
    if isinstance(value, list | tuple):
        return set().union(*map(_packages, value))
    if not isinstance(value, dict):
        return set()
    found = _of_node(value)
    return found.union(*map(_packages, value.values()))


def _of_node(value: dict[str, Any]) -> set[str]:
    match value:
        case {"node": node, "zone": str()} if node in _ZONED:
            return {"tzdata"}
        case {"node": "TextType", "checked": str() as kind}:
            return set(PACKAGES[kind])
        case {"node": "TextType", "pattern": str()}:
            return {"google-re2"}
        case {"node": "CountryBy"}:
            return set(PACKAGES["country"])
        case {"node": "Phone"}:
            return {*PACKAGES["phone"], *PACKAGES["country"]}
        case _:
            return set()
