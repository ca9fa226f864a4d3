"""What commands are told about: entities by their names, rows by their keys."""

from __future__ import annotations

from fieldmap.runtime.bundle import Bundle, EntityInfo
from fieldmap.runtime.errors import UsageError


def entity_of(bundle: Bundle, name: str) -> EntityInfo:
    """Raises UsageError if there is no such entity."""
    found = bundle.entity(name)
    if found is None:
        raise UsageError(
            f"There is no entity {name}; there are: {', '.join(item.name for item in bundle.catalogue.entities)}"
        )
    return found


def key_parts(info: EntityInfo, key: str) -> list[tuple[str, str]]:
    """A key as it is written on the command line: the fields of the key, each with its text. Raises UsageError."""
    parts = key.split(",") if len(info.key) > 1 else [key]
    if len(parts) != len(info.key):
        raise UsageError(
            f"The key of {info.name} has {len(info.key)} parts ({', '.join(info.key)}); write them separated by commas"
        )
    return list(zip(info.key, parts, strict=True))
